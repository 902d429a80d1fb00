/**
 * Before a client signs the first roots of a repository it makes the same documents itself, from the request it
 * sent, and compares bytes: the server chooses the keys it holds, and nothing else.
 */
import { ed25519FromSeed, toHex } from '@vidimus/crypto';
import {
  createRepository,
  createTopLevel,
  type DialectName,
  type Draft,
  type EditTerms,
  type Key,
  type RepositoryKeys,
  type RoleKeySet,
  type RoleKeys,
  type Root,
  tufDialect,
} from '@vidimus/tuf';
import { dialectOf } from '../dialects.ts';
import { TrustClientError } from '../errors.ts';
import type { Change } from './answers.ts';
import { durationToMs } from './duration.ts';
import {
  assertDisjoint,
  assertEd25519,
  compareAll,
  documentName,
  type ExpectedDocuments,
  issuedAt,
  managedKeys,
  mismatch,
  type OfferedDocuments,
  offeredRoot,
  openOffered,
  type VerifiedDocument,
} from './offered-document.ts';
import type { CreateRepositoryRequest, RequestedRole } from './requests.ts';

/** What the service applies where a request is silent (CONTRACTS C3). */
const DEFAULT_LIFETIMES: Readonly<Record<RequestedRole, string>> = {
  root: '365d',
  targets: '90d',
  snapshot: '7d',
  timestamp: '24h',
  revocations: '30d',
};

export interface CreationCheck {
  readonly repository: string;
  /** As this client sent it. */
  readonly request: CreateRepositoryRequest;
  readonly change: Change;
  /** Milliseconds. */
  readonly now: number;
}

/**
 * The documents of a creation that this client may sign, in every dialect that was asked for.
 * @throws TrustClientError CHANGE_MISMATCH naming the first thing that is not as requested
 */
export function verifyCreation(check: CreationCheck): readonly VerifiedDocument[] {
  const { change, repository, request, now } = check;
  if (change.repository !== repository) throw mismatch('it belongs to another repository');
  if (change.kind !== 'create') throw mismatch('it is not the creation of a repository');
  const issued = issuedAt(change, now);
  const dialects = request.dialects ?? ['tuf'];
  const offered = openOffered(change, dialects);
  const roots = dialects.map((dialect) => offeredRoot(offered, dialect));
  const [first, second] = roots;
  if (first !== undefined && second !== undefined) assertDisjoint(first.keys.values(), second.keys.values());
  const expected = dialects.flatMap((dialect) => [...recompute(check, dialect, issued, offered)]);
  return compareAll(change, offered, new Map(expected));
}

function recompute(
  { request, repository }: CreationCheck,
  dialect: DialectName,
  issued: number,
  offered: OfferedDocuments,
): ExpectedDocuments {
  const root = offeredRoot(offered, dialect);
  const terms: EditTerms = {
    repository,
    nowMs: issued,
    lifetimesMs: lifetimes(request),
    // A later incarnation goes on above the versions of the one before.
    highest: new Map(
      [...offered.values()]
        .filter((each) => each.dialect === dialect)
        .map(({ role, version }) => [role, version - 1]),
    ),
  };
  try {
    const made =
      dialect === 'tuf' ? first(request, root, offered, terms) : firstOfNotary(request, root, terms);
    return new Map(
      Object.entries(made).map(([role, draft]: [string, Draft]) => [
        documentName(dialect, role),
        dialectOf(dialect).encode(draft),
      ]),
    );
  } catch (cause) {
    if (cause instanceof TrustClientError) throw cause;
    throw mismatch('no repository can be made of it', cause);
  }
}

function first(
  request: CreateRepositoryRequest,
  root: Root,
  offered: OfferedDocuments,
  terms: EditTerms,
): ReturnType<typeof createRepository> {
  const targets = offered.get(documentName('tuf', 'targets'))?.document;
  const delegations = targets?.kind === 'targets' ? targets.delegations : undefined;
  const revocations = delegations?.roles.find((role) => role.name === 'revocations');
  const keys: RepositoryKeys = {
    ...topLevelKeys('tuf', request, root),
    revocations:
      revocations && delegations
        ? keySet('tuf', 'revocations', request, revocations, delegations.keys)
        : standIn(),
  };
  return createRepository(keys, terms);
}

/** Of every incarnation the first: clients of Notary v1 start at 1. @throws TufError for certificates they refuse */
function firstOfNotary(
  request: CreateRepositoryRequest,
  root: Root,
  terms: EditTerms,
): ReturnType<typeof createTopLevel> {
  if (root.version !== 1) throw mismatch('its root of the dialect notary is not the first');
  const { assertRoot, assertRootNow } = dialectOf('notary');
  assertRoot?.(root, terms.repository);
  assertRootNow?.(root, terms.nowMs);
  return createTopLevel(topLevelKeys('notary', request, root), terms);
}

function topLevelKeys(
  dialect: DialectName,
  request: CreateRepositoryRequest,
  { roles, keys }: Root,
): Omit<RepositoryKeys, 'revocations'> {
  return {
    root: keySet(dialect, 'root', request, roles.root, keys),
    targets: keySet(dialect, 'targets', request, roles.targets, keys),
    snapshot: keySet(dialect, 'snapshot', request, roles.snapshot, keys),
    timestamp: keySet(dialect, 'timestamp', request, roles.timestamp, keys),
  };
}

/** The keys of a role: those of the request, and as many of the server's as the request left to it. */
function keySet(
  dialect: DialectName,
  role: RequestedRole,
  request: CreateRepositoryRequest,
  offered: RoleKeys,
  keys: ReadonlyMap<string, Key>,
): RoleKeySet {
  const wanted = request.roles?.[role];
  const entries = wanted?.keys ?? [{ custody: 'managed' } as const];
  const own = entries.flatMap((entry) =>
    entry.custody === 'client' && (entry.dialect ?? 'tuf') === dialect
      ? [dialectOf(dialect).toKey(entry.key)]
      : [],
  );
  const count = entries.filter(({ custody }) => custody === 'managed').length;
  const managed = managedKeys(role, count, offered, keys, own);
  // A managed root key of the dialect notary is a certificate, which its own rules judge.
  if (dialect === 'tuf' || role !== 'root') assertEd25519(role, managed);
  return { keys: [...own, ...managed], threshold: wanted?.threshold ?? 1 };
}

/** Where targets is the server's to sign, no document shown to this client lists the keys of `revocations`. */
function standIn(): RoleKeySet {
  const { publicRaw } = ed25519FromSeed(new Uint8Array(32));
  const declared = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(publicRaw) } };
  return { keys: [tufDialect.toKey(declared)], threshold: 1 };
}

function lifetimes(request: CreateRepositoryRequest): ReadonlyMap<string, number> {
  const roles: RequestedRole[] = ['root', 'targets', 'snapshot', 'timestamp', 'revocations'];
  return new Map(
    roles.map((role) => [role, durationToMs(request.roles?.[role]?.expiresAfter ?? DEFAULT_LIFETIMES[role])]),
  );
}
