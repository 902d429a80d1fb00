/** From the anchor to the first trusted root. */
import { type Anchor, meetsPins, type PinnedKeys } from './anchor.ts';
import { TufError } from './errors.ts';
import type { Root } from './model.ts';
import { assertVersion } from './rollback.ts';
import { maxBytesOf, type Verified, type VerifyContext, verifyRoot } from './verify-document.ts';
import type { Workflow } from './workflow.ts';

/**
 * The first root to trust. The server is asked only where neither anchor nor cache holds it.
 * @param cached the cached current root if it verifies by itself: material for pins, not yet trusted
 * @throws TufError ANCHOR, MISSING, or as `verifyRoot`
 */
export function* findFirstRoot(
  context: VerifyContext,
  anchor: Anchor,
  cached: Verified<Root> | undefined,
): Workflow<Verified<Root>> {
  // TUF 5.2: a root that came with the client always wins over the cache.
  if (anchor.kind === 'root') return verifyRoot(context, anchor.bytes);
  if (anchor.kind === 'named' && anchor.from !== undefined)
    return yield* findFirstRoot(context, anchor.from, cached);
  if (anchor.kind === 'firstUse') return yield* firstSeen(context);
  return (yield* pinnedInCache(context, anchor, cached)) ?? (yield* pinnedOnServer(context, anchor));
}

/** The first version: what the cache pinned, else what the server says, kept from then on. */
function* firstSeen(context: VerifyContext): Workflow<Verified<Root>> {
  for (const version of firstVersions(context)) {
    const kept = yield { do: 'load', file: { role: 'root', version } };
    // A damaged pin is an error: taking the server's word again would make first use repeatable.
    if (kept !== undefined) return ofVersion(verifyRoot(context, kept), version);
  }
  for (const version of firstVersions(context)) {
    const root = yield* getRoot(context, version);
    if (root === undefined) continue;
    yield* keep(root);
    return root;
  }
  throw new TufError('MISSING', 'the repository has no first root', { role: 'root' });
}

/** Where files go by hash a repository may begin at root 1 or 2: Notary servers accept both. */
function firstVersions({ dialect }: VerifyContext): readonly number[] {
  return dialect.filesBy === 'hash' ? [1, 2] : [1];
}

/** The newest cached root that meets the pins, going down from the current one. */
function* pinnedInCache(
  context: VerifyContext,
  pins: PinnedKeys,
  current: Verified<Root> | undefined,
): Workflow<Verified<Root> | undefined> {
  let root = current;
  while (root !== undefined && !meetsPins(context.dialect, root, pins)) {
    const file = { role: 'root', version: root.document.version - 1 } as const;
    const bytes = yield { do: 'load', file };
    root = bytes && tryRoot(context, bytes);
    // Going down strictly, whatever the files say, so that this ends.
    if (root?.document.version !== file.version) return undefined;
  }
  return root;
}

/** Walks up from version 1 to the first root that meets the pins. Those before it are not trusted, nor kept. */
function* pinnedOnServer(context: VerifyContext, pins: PinnedKeys): Workflow<Verified<Root>> {
  for (let version = 1; version <= context.limits.rootRotations + 1; version++) {
    const root = yield* getRoot(context, version);
    if (root === undefined) {
      if (version < Math.max(...firstVersions(context))) continue;
      throw new TufError('ANCHOR', 'no root is signed by enough of the pinned keys');
    }
    if (!meetsPins(context.dialect, root, pins)) continue;
    yield* keep(root);
    return root;
  }
  throw new TufError('LIMIT', 'too many roots before one that the pinned keys signed', {
    most: context.limits.rootRotations,
  });
}

function* getRoot(context: VerifyContext, version: number): Workflow<Verified<Root> | undefined> {
  const bytes = yield { do: 'fetch', role: 'root', version, maxBytes: maxBytesOf('root', context.limits) };
  return bytes && ofVersion(verifyRoot(context, bytes), version);
}

function ofVersion(root: Verified<Root>, version: number): Verified<Root> {
  assertVersion('root', version, root.document.version);
  return root;
}

function* keep(root: Verified<Root>): Workflow<void> {
  const { version } = root.document;
  yield { do: 'store', file: { role: 'root', version }, bytes: root.envelope.bytes };
}

function tryRoot(context: VerifyContext, bytes: Uint8Array): Verified<Root> | undefined {
  try {
    return verifyRoot(context, bytes);
  } catch (error) {
    if (error instanceof TufError) return undefined;
    throw error;
  }
}
