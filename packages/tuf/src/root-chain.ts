/**
 * TUF 5.2 and 5.3: from the anchor through the cached roots to the server's newest. What a cache holds above
 * the anchor must chain from it; what the server adds must go on from there, never end below it or beside it.
 */
import { type Anchor, meetsPins } from './anchor.ts';
import { discardRoot, loadCached } from './cached-file.ts';
import { TufError } from './errors.ts';
import { findFirstRoot } from './first-root.ts';
import type { Root } from './model.ts';
import { rotatesOnlineKeys } from './rollback.ts';
import {
  maxBytesOf,
  type Verified,
  type VerifyContext,
  verifyRoot,
  verifyRootUpdate,
} from './verify-document.ts';
import type { Workflow } from './workflow.ts';

/** Roots in ascending order without a gap; never empty. */
interface Chain {
  readonly roots: readonly Verified<Root>[];
  readonly newest: Verified<Root>;
}

interface CachedChain extends Chain {
  /** The cached current root where files between it and `newest` are missing: the server must pass through it. */
  readonly ahead?: Verified<Root>;
  /** The root this client used last, where it is known and stands. */
  readonly current?: Verified<Root>;
}

/**
 * The trusted roots, first to newest. Each new one is persisted as soon as it is verified; expiry is the
 * caller's to check, on the newest alone.
 * @throws TufError as `verifyRoot`, ANCHOR, MISSING, LIMIT, ROOT_CHAIN
 */
export function* updateRoots(context: VerifyContext, anchor: Anchor): Workflow<readonly Verified<Root>[]> {
  const current = yield* loadCached('root', (bytes) => verifyRoot(context, bytes));
  // TUF 5.2: an anchor that does not verify ends this before a single request.
  const first = yield* findFirstRoot(context, anchor, current);
  const cached = yield* walkCache(context, first, current);
  const used = cached.current;
  // The anchor moved on since the last run, and the rotation with it.
  if (used !== undefined && rotatesOnlineKeys(used.document, cached.newest.document))
    yield* forgetOnlineRoles();
  const isNamed = (root: Verified<Root>): boolean =>
    anchor.kind !== 'named' || meetsPins(context.dialect, root, anchor);
  const { roots, newest } = yield* walkServer(context, cached, isNamed);
  if (!isSame(newest, current)) yield* storeCurrent(newest);
  return roots;
}

function* walkCache(
  context: VerifyContext,
  first: Verified<Root>,
  current: Verified<Root> | undefined,
): Workflow<CachedChain> {
  const roots = [first];
  let newest = first;
  for (;;) {
    const version = newest.document.version + 1;
    const bytes = yield { do: 'load', file: { role: 'root', version } };
    if (bytes === undefined) break;
    const next = tryUpdate(context, newest.document, bytes);
    if (next instanceof TufError) {
      yield* discardFrom(version, next.code);
      if (current !== undefined && current.document.version >= version) {
        yield* discardRoot({ role: 'root' }, current.document.version, next.code);
        return { roots, newest };
      }
      break;
    }
    roots.push(next);
    newest = next;
  }
  return current === undefined ? { roots, newest } : yield* placeCurrent(context, roots, newest, current);
}

/** Where the cached current root stands to the chain: in it, next in it, ahead of it, older than it, or foreign to it. */
function* placeCurrent(
  context: VerifyContext,
  roots: readonly Verified<Root>[],
  newest: Verified<Root>,
  current: Verified<Root>,
): Workflow<CachedChain> {
  const { version } = current.document;
  const twin = roots.find((root) => root.document.version === version);
  if (twin !== undefined && !isSame(twin, current)) {
    yield* discardRoot({ role: 'root' }, version, 'ROOT_CHAIN');
    return { roots, newest };
  }
  if (version <= newest.document.version) return { roots, newest, current };
  if (version > newest.document.version + 1) return { roots, newest, current, ahead: current };
  const next = tryUpdate(context, newest.document, current.envelope.bytes);
  if (next instanceof TufError) {
    yield* discardRoot({ role: 'root' }, version, next.code);
    return { roots, newest };
  }
  yield { do: 'store', file: { role: 'root', version }, bytes: next.envelope.bytes };
  return { roots: [...roots, next], newest: next, current };
}

function* walkServer(
  context: VerifyContext,
  { roots, newest, ahead }: CachedChain,
  isNamed: (root: Verified<Root>) => boolean,
): Workflow<Chain> {
  const chain = [...roots];
  let named = roots.some(isNamed);
  let unstored: { readonly before: Verified<Root>; readonly root: Verified<Root> }[] = [];
  let trusted = newest;
  // TUF 5.3.3: one version after the other, until there is none.
  for (let rotations = 0; ; rotations++) {
    const version = trusted.document.version + 1;
    const bytes = yield { do: 'fetch', role: 'root', version, maxBytes: maxBytesOf('root', context.limits) };
    if (bytes === undefined) break;
    // Stopping silently would go on with a root whose successor may have revoked its keys. What was verified is
    // kept: the next refresh goes on from there.
    if (rotations === context.limits.rootRotations) {
      throw new TufError('LIMIT', 'too many new roots at once; refresh again', { most: rotations });
    }
    // TUF 5.3.4, 5.3.5. 5.3.6: that it may be expired does not matter yet.
    const root = verifyRootUpdate(context, trusted.document, bytes);
    unstored.push({ before: trusted, root });
    chain.push(root);
    trusted = root;
    named ||= isNamed(root);
    if (ahead !== undefined && version < ahead.document.version) continue;
    if (ahead?.document.version === version && !isSame(ahead, root)) {
      throw new TufError('ROOT_CHAIN', 'the server has another root of a version already trusted', {
        version,
      });
    }
    // Until it is known that this chain is the one the anchor means, nothing of it is kept.
    if (!named) continue;
    // TUF 5.3.7, 5.3.8: trusted and persisted at once.
    for (const step of unstored) yield* storeRoot(step.before, step.root);
    unstored = [];
  }
  if (ahead !== undefined && trusted.document.version < ahead.document.version) {
    throw new TufError('ROOT_CHAIN', 'the server ends below a root already trusted', {
      trusted: ahead.document.version,
      found: trusted.document.version,
    });
  }
  if (!named) throw new TufError('ANCHOR', 'no root is signed by enough of the keys that are named for it');
  return { roots: chain, newest: trusted };
}

function* storeRoot(before: Verified<Root>, root: Verified<Root>): Workflow<void> {
  // Before the root: interrupted between the two, the next run meets this rotation again.
  if (rotatesOnlineKeys(before.document, root.document)) yield* forgetOnlineRoles();
  const { version } = root.document;
  yield { do: 'store', file: { role: 'root', version }, bytes: root.envelope.bytes };
  yield* storeCurrent(root);
}

function* storeCurrent(root: Verified<Root>): Workflow<void> {
  yield { do: 'store', file: { role: 'root' }, bytes: root.envelope.bytes };
}

/** TUF 5.3.11: recovery from fast-forward attacks. */
function* forgetOnlineRoles(): Workflow<void> {
  yield { do: 'discard', file: { role: 'timestamp' } };
  yield { do: 'discard', file: { role: 'snapshot' } };
}

/** Discards a root that does not chain, and all that the cache stacked on it. */
function* discardFrom(first: number, reason: string): Workflow<void> {
  for (let version = first; ; version++) {
    const file = { role: 'root', version } as const;
    if ((yield { do: 'load', file }) === undefined) return;
    yield* discardRoot(file, version, reason);
  }
}

function tryUpdate(context: VerifyContext, trusted: Root, bytes: Uint8Array): Verified<Root> | TufError {
  try {
    return verifyRootUpdate(context, trusted, bytes);
  } catch (error) {
    if (error instanceof TufError) return error;
    throw error;
  }
}

/** Same signed content; signatures may have been added. */
function isSame(root: Verified<Root>, other: Verified<Root> | undefined): boolean {
  return other !== undefined && Buffer.compare(root.envelope.message, other.envelope.message) === 0;
}
