/**
 * Before a client signs the first root of another dialect it makes that document itself: from the keys it named, or
 * for a mirror from the root that this client verified with its own anchor. The server chooses the keys it holds below
 * root, and nothing else.
 */
import {
  createTopLevel,
  type Draft,
  type EditTerms,
  MAX_LIFETIME_MS,
  MIN_LIFETIME_MS,
  nextRoot,
  parseTime,
  type RoleKeySet,
  type Root,
} from '@vidimus/tuf';
import { dialectOf } from '../dialects.ts';
import { TrustClientError } from '../errors.ts';
import type { Change } from './answers.ts';
import { mirrorKeys } from './mirror-keys.ts';
import {
  assertDisjoint,
  compareAll,
  documentName,
  issuedAt,
  managedKeys,
  mismatch,
  offeredRoot,
  oneManagedKey,
  openOffered,
  type VerifiedDocument,
} from './offered-document.ts';
import type { AddDialectsRequest } from './requests.ts';

export interface AddedDialectCheck {
  readonly repository: string;
  /** As this client sent it. */
  readonly request: AddDialectsRequest;
  readonly change: Change;
  /** Newest roots of the repository, each verified by this client; of the dialect that is added there is none. */
  readonly roots: { readonly tuf?: Root; readonly notary?: Root };
  /** Milliseconds. */
  readonly now: number;
}

/**
 * The one document of such a change: a first root in `notary`, a first root in `tuf` that mirrors the other dialect,
 * or, where both are there, the next root of such a mirror.
 * @throws TrustClientError CHANGE_MISMATCH naming the first thing that is not as requested
 */
export function verifyAddedDialect(check: AddedDialectCheck): readonly VerifiedDocument[] {
  const { change, repository, roots, now } = check;
  if (change.repository !== repository) throw mismatch('it belongs to another repository');
  if (change.kind !== 'dialects') throw mismatch('it adds no dialect');
  const dialect = roots.notary === undefined ? 'notary' : 'tuf';
  const offered = openOffered(change, [dialect]);
  const root = offeredRoot(offered, dialect);
  const terms = termsOf(check, root, issuedAt(change, now));
  try {
    const draft = dialect === 'notary' ? firstOfNotary(check, root, terms) : mirrorOf(check, root, terms);
    const expected = new Map([[documentName(dialect, 'root'), dialectOf(dialect).encode(draft)]]);
    return compareAll(change, offered, expected);
  } catch (cause) {
    if (cause instanceof TrustClientError) throw cause;
    throw mismatch('no root can be made of it', cause);
  }
}

/** The lifetime of root is one of the repository's settings, which the change names: at most what any root may have. */
function termsOf({ repository, change }: AddedDialectCheck, { version }: Root, issued: number): EditTerms {
  const expires = parseTime(change.times.expires['root'] ?? '') ?? Number.NaN;
  const lifetime = expires - issued;
  if (!(lifetime >= MIN_LIFETIME_MS && lifetime <= MAX_LIFETIME_MS)) throw mismatch('it lives too long');
  return {
    repository,
    nowMs: issued,
    lifetimesMs: new Map([
      ['root', lifetime],
      ['targets', lifetime],
    ]),
    highest: new Map([['root', version - 1]]),
  };
}

/** The threshold is that of the other dialect: its holders are never fewer than they were. */
function firstOfNotary({ request, roots }: AddedDialectCheck, root: Root, terms: EditTerms): Draft<Root> {
  const { tuf } = roots;
  if (tuf === undefined) throw mismatch('there is no root of the dialect tuf to compare it with');
  if (root.version !== 1) throw mismatch('its root is not the first of the dialect notary');
  assertDisjoint(tuf.keys.values(), root.keys.values());
  const { assertRoot, assertRootNow } = dialectOf('notary');
  assertRoot?.(root, terms.repository);
  assertRootNow?.(root, terms.nowMs);
  const keys = notaryRootKeys(request, root, tuf.roles.root.threshold);
  return createTopLevel({ root: keys, ...below(root) }, terms).root;
}

function notaryRootKeys({ roles }: AddDialectsRequest, root: Root, threshold: number): RoleKeySet {
  const entries = roles?.root.keys ?? [{ custody: 'managed' } as const];
  const own = entries.flatMap((entry) =>
    entry.custody === 'client' ? [dialectOf('notary').toKey(entry.key)] : [],
  );
  const managed = managedKeys('root', entries.length - own.length, root.roles.root, root.keys, own);
  return { keys: [...own, ...managed], threshold };
}

function mirrorOf({ roots }: AddedDialectCheck, offered: Root, terms: EditTerms): Draft<Root> {
  const { tuf: previous, notary: source } = roots;
  if (source === undefined) throw mismatch('there is no root of the dialect notary to repeat');
  const keys = mirrorKeys(offered, source);
  if (previous !== undefined) return nextRoot(previous, { root: keys }, terms);
  const managed = below(offered);
  const made = Object.values(managed).flatMap((set) => set.keys);
  assertDisjoint(source.keys.values(), made);
  return createTopLevel({ root: keys, ...managed }, terms).root;
}

/** What the service holds alone: one key each. */
function below(root: Root): Readonly<Record<'snapshot' | 'targets' | 'timestamp', RoleKeySet>> {
  return {
    targets: oneManagedKey('targets', root),
    snapshot: oneManagedKey('snapshot', root),
    timestamp: oneManagedKey('timestamp', root),
  };
}
