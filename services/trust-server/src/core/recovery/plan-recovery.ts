/**
 * What a restored repository publishes first: clients may have seen any version up to a million above the backup, so
 * every role that the service signs jumps there, unless its newest version is known; what others signed is supplied.
 */
import { fromBase64, sha256Hex } from '@vidimus/crypto';
import {
  DEFAULT_LIMITS,
  type Draft,
  type EditTerms,
  nextRevocations,
  nextTargets,
  REVOCATIONS_ROLE,
  type Root,
  type Targets,
  TufError,
  verifyRole,
} from '@vidimus/tuf';
import type { RecoverRepository } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import { toWholeSecond } from '../instants.ts';
import { authorityOf } from '../publish/current-documents.ts';
import { isSignable } from '../publish/publication.ts';
import type { Sealed } from '../publish/seal.ts';
import type { RoleHeads } from '../store/metadata.ts';
import { toDelegators } from './restored-documents.ts';
import { versionJump } from './version-floor.ts';

export interface RecoveryPlace {
  readonly repository: string;
  readonly dialect: 'tuf' | 'notary';
  readonly heads: RoleHeads;
  /** The newest root. */
  readonly root: Root;
  /** As restored, by role. */
  readonly documents: ReadonlyMap<string, Targets>;
  readonly managed: ReadonlySet<string>;
  readonly terms: Omit<EditTerms, 'highest'>;
}

export interface RecoveryPlan {
  readonly terms: EditTerms;
  /** What each role goes on from: supplied, or as restored. */
  readonly documents: ReadonlyMap<string, Targets>;
  /** Supplied, and signed by others. */
  readonly sealed: readonly Sealed<Targets>[];
  /** To be signed by the service. */
  readonly drafts: ReadonlyMap<string, Draft<Targets>>;
}

/** @throws TrustError VERSION_UNCERTAIN naming the roles nobody can answer for, SIGNATURE_INVALID */
export function planRecovery(place: RecoveryPlace, body: RecoverRepository): RecoveryPlan {
  const { dialect, heads, managed, root } = place;
  const files = body.files?.[dialect] ?? {};
  const said = body.highest?.[dialect] ?? {};
  const documents = new Map(place.documents);
  const highest = new Map<string, number>();
  const sealed: Sealed<Targets>[] = [];
  const resign: string[] = [];
  const unknown: string[] = [];
  // Delegators come first: what was supplied for them decides about those they delegate to.
  for (const role of namesOf(place.documents, files)) {
    const authority = authorityOf(role, toDelegators(root, documents));
    if (authority === undefined) continue;
    const supplied = files[role];
    const file = supplied === undefined ? undefined : open(place, role, documents, supplied);
    if (file !== undefined) documents.set(role, file.document);
    const stored = heads.get(role)?.version ?? 0;
    const known = Math.max(stored, file?.version ?? 0);
    const mark = said[role];
    if (isSignable(authority.roleKeys, managed)) {
      const isCurrent = mark !== undefined && mark <= stored && file === undefined;
      highest.set(role, mark === undefined ? known + versionJump : Math.max(known, mark));
      if (!isCurrent) resign.push(role);
    } else if (file !== undefined && file.version > stored) sealed.push(file);
    else if (mark === undefined || mark > stored) unknown.push(role);
    if (!highest.has(role)) highest.set(role, known);
  }
  assertAnswered(place, unknown);
  for (const role of ['snapshot', 'timestamp']) {
    const stored = heads.get(role)?.version ?? 0;
    const mark = said[role];
    highest.set(role, mark === undefined ? stored + versionJump : Math.max(stored, mark));
  }
  highest.set('root', root.version);
  const terms = { ...place.terms, highest };
  const drafts = new Map(resign.map((role) => [role, draftOf(role, documents.get(role), terms)] as const));
  return { terms, documents, sealed, drafts };
}

function* namesOf(
  documents: ReadonlyMap<string, Targets>,
  files: Readonly<Record<string, string>>,
): Iterable<string> {
  yield* documents.keys();
  for (const role of Object.keys(files).sort((a, b) => depth(a) - depth(b))) {
    if (!documents.has(role)) yield role;
  }
}

function depth(role: string): number {
  return role === 'targets' ? 0 : role.split('/').length;
}

function draftOf(role: string, document: Targets | undefined, terms: EditTerms): Draft<Targets> {
  if (document === undefined) throw new TrustError('INTERNAL', `there is no ${role}`, { role });
  return role === REVOCATIONS_ROLE
    ? nextRevocations(document, {}, terms)
    : nextTargets(role, document, {}, terms);
}

/** Anybody may supply anything: only what the role's own keys signed gets in. */
function open(
  { repository, dialect, root, terms }: RecoveryPlace,
  role: string,
  documents: ReadonlyMap<string, Targets>,
  text: string,
): Sealed<Targets> {
  const bytes = fromBase64(text);
  const authority = authorityOf(role, toDelegators(root, documents));
  if (authority === undefined) throw new TrustError('ROLE_UNKNOWN', `nobody delegates ${role}`, { role });
  const context = { dialect: codecOf(dialect), repository, foreign: false, limits: DEFAULT_LIMITS };
  try {
    const { document } = verifyRole(context, 'targets', role, bytes, authority);
    return {
      dialect,
      role,
      version: document.version,
      bytes,
      sha256: sha256Hex(bytes),
      issuedMs: document.binding.issued ?? toWholeSecond(terms.nowMs),
      expiresMs: document.expires,
      document,
      authority,
    };
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError(
      'SIGNATURE_INVALID',
      `the file of ${role} is refused: ${cause.message}`,
      { role, dialect },
      { cause },
    );
  }
}

function assertAnswered({ repository, dialect }: RecoveryPlace, roles: readonly string[]): void {
  if (roles.length === 0) return;
  throw new TrustError(
    'VERSION_UNCERTAIN',
    `others sign ${roles.join(', ')}: supply their newest files, or say which version is the newest`,
    { repository, dialect, roles: [...roles] },
  );
}
