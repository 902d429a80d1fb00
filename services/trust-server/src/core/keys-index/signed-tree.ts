/**
 * What a repository's documents say about who signs what, in one dialect: root, and every targets role that is reached
 * from it and verifies under its delegator. Bins are not read: who signs them stands in the document that makes them.
 */
import type { Queries } from '@vidimus/database';
import {
  type Authority,
  BINS_ROLE,
  DEFAULT_LIMITS,
  type DialectName,
  type Envelope,
  type Root,
  type Targets,
  TufError,
  type VerifyContext,
  verifyRole,
  verifyRoot,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import { contextOf as notaryContext } from '../notary/stored-state.ts';
import { type Incarnation, readCurrentFiles } from '../store/metadata.ts';

/** A chain of delegations longer than this is not followed: no client follows it either. */
const maxDepth = 32;

/** A current document that verifies. */
export interface SignedRole<D extends Root | Targets = Targets> {
  readonly document: D;
  readonly envelope: Envelope;
  /** When it was published, milliseconds since 1970. */
  readonly publishedMs: number;
}

export interface SignedTree {
  readonly dialect: DialectName;
  readonly root: SignedRole<Root>;
  /** `targets` and delegated roles, delegators first. */
  readonly targets: ReadonlyMap<string, SignedRole>;
  /** Delegated roles whose current file does not verify under the keys that they have now. */
  readonly unsigned: ReadonlyMap<string, Envelope>;
}

/**
 * Reads it as the database has it now, in the caller's transaction if there is one.
 * @throws TrustError INTERNAL when there is no root that verifies
 */
export async function readSignedTree(
  queries: Queries,
  at: Incarnation,
  dialect: DialectName,
): Promise<SignedTree> {
  const context = contextOf(at.repository, dialect);
  const root = await readRoot(queries, at, context);
  const targets = new Map<string, SignedRole>();
  const unsigned = new Map<string, Envelope>();
  let places: ReadonlyMap<string, Authority> = new Map([
    ['targets', { keys: root.document.keys, roleKeys: root.document.roles.targets }],
  ]);
  for (let depth = 0; places.size > 0 && depth < maxDepth; depth += 1) {
    const files = await readCurrentFiles(queries, at, dialect, [...places.keys()]);
    const next = new Map<string, Authority>();
    for (const [role, authority] of places) {
      const file = files.get(role);
      if (file === undefined || targets.has(role)) continue;
      const signed = verified(() => verifyRole(context, 'targets', role, file.bytes, authority));
      if (signed === undefined) {
        unsigned.set(role, context.dialect.open(file.bytes, file.bytes.length));
        continue;
      }
      targets.set(role, {
        document: signed.document,
        envelope: signed.envelope,
        publishedMs: file.publishedMs,
      });
      for (const [child, keys] of delegatedBy(signed.document)) next.set(child, keys);
    }
    places = next;
  }
  return { dialect, root, targets, unsigned };
}

/** The roles that a document delegates by name, with who may sign them. */
function delegatedBy({ delegations }: Targets): readonly (readonly [string, Authority])[] {
  if (delegations === undefined) return [];
  return delegations.roles.map((roleKeys) => [roleKeys.name, { keys: delegations.keys, roleKeys }] as const);
}

/** Who signs each role, as the tree says it: bins count as the role that makes them. */
export function authoritiesIn({
  root,
  targets,
}: SignedTree): ReadonlyMap<string, readonly ListedAuthority[]> {
  const found = new Map<string, ListedAuthority[]>();
  const add = (role: string, authority: ListedAuthority): void => {
    found.set(role, [...(found.get(role) ?? []), authority]);
  };
  const { document, publishedMs } = root;
  for (const [role, roleKeys] of Object.entries(document.roles)) {
    add(role, { by: 'root', keys: document.keys, roleKeys, version: document.version, publishedMs });
  }
  for (const [by, signed] of targets) {
    const { version } = signed.document;
    const at = { by, version, publishedMs: signed.publishedMs };
    for (const [role, authority] of delegatedBy(signed.document)) add(role, { ...at, ...authority });
    const { delegations } = signed.document;
    if (delegations?.succinct === undefined) continue;
    add(BINS_ROLE, { ...at, keys: delegations.keys, roleKeys: delegations.succinct });
  }
  return found;
}

/** Who may sign a role, and which document says so since when. */
export interface ListedAuthority extends Authority {
  /** The delegating role. */
  readonly by: string;
  /** Of the delegating document. */
  readonly version: number;
  readonly publishedMs: number;
}

function contextOf(repository: string, dialect: DialectName): VerifyContext {
  if (dialect === 'notary') return notaryContext(repository);
  return { dialect: codecOf(dialect), repository, foreign: false, limits: DEFAULT_LIMITS };
}

async function readRoot(
  queries: Queries,
  at: Incarnation,
  context: VerifyContext,
): Promise<SignedRole<Root>> {
  const file = (await readCurrentFiles(queries, at, context.dialect.name, ['root'])).get('root');
  const signed = file && verified(() => verifyRoot(context, file.bytes));
  if (file === undefined || signed === undefined) {
    throw new TrustError('INTERNAL', 'the stored root does not verify', { repository: at.repository });
  }
  return { document: signed.document, envelope: signed.envelope, publishedMs: file.publishedMs };
}

function verified<T>(verify: () => T): T | undefined {
  try {
    return verify();
  } catch (error) {
    if (error instanceof TufError) return undefined;
    throw error;
  }
}
