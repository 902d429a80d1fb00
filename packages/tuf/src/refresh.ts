/**
 * The client workflow of the specification (section 5), top-level roles: one reference time, then root,
 * timestamp, snapshot, targets. Numbers are its sections. A failure ends the refresh; what was verified before
 * it stays persisted, and nothing else does, so that the next good update works.
 */
import { type Anchor, assertStandsNow } from './anchor.ts';
import { loadCached } from './cached-file.ts';
import type { Dialect } from './dialect.ts';
import { TufError } from './errors.ts';
import { assertFileMeta } from './file-meta.ts';
import { assertIssuedAfter, assertLifetime, assertNotExpired } from './freshness.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { obtainListed } from './listed-file.ts';
import type { FileMeta, Root, Snapshot, Targets, Timestamp } from './model.ts';
import { assertSnapshotUpdate, assertTimestampUpdate } from './rollback.ts';
import { updateRoots } from './root-chain.ts';
import type { TrustedState } from './trusted-state.ts';
import { maxBytesOf, type Verified, type VerifyContext, verifyTopLevel } from './verify-document.ts';
import type { Workflow } from './workflow.ts';

export interface RefreshInput {
  readonly dialect: Dialect;
  /** Normalised repository name, host included. */
  readonly repository: string;
  /** The clock, milliseconds since 1970. */
  readonly now: number;
  readonly anchor: Anchor;
  /** Not made by Vidimus: the signed `x-vidimus-*` members may be missing. */
  readonly foreign: boolean;
  readonly limits?: Partial<Limits>;
  /** Longest life of a timestamp that the anchor allows; absent = any. */
  readonly maxTimestampLifetimeMs?: number;
  /** `now` of an earlier refresh, as the cache kept it. */
  readonly lastSeenMs?: number;
  /** `x-vidimus-issued` of the newest timestamp accepted before, as the cache kept it. */
  readonly lastIssuedMs?: number;
}

interface Circumstances extends VerifyContext {
  readonly now: number;
  readonly lastIssuedMs: number | undefined;
  readonly maxTimestampLifetimeMs: number | undefined;
}

/**
 * Brings root, timestamp, snapshot and targets up to date.
 * @throws TufError with the code of the broken rule
 * @see TUF 5.1 to 5.6.6
 */
export function* refresh(input: RefreshInput): Workflow<TrustedState> {
  const circumstances = yield* settle(input);
  const { dialect, repository, foreign, limits, now } = circumstances;
  // 5.2, 5.3.1 to 5.3.9
  const roots = yield* updateRoots(circumstances, input.anchor);
  const root = newestOf(roots);
  // 5.3.10: after persisting, so that a later root can still be reached from here (CVE-2015-9259).
  assertNotExpired('root', root.document, now);
  assertStandsNow(circumstances, input.anchor, root);
  // 5.3.11 is where new roots are stored; 5.3.12: consistent_snapshot is read from this root.
  const timestamp = yield* updateTimestamp(circumstances, root.document);
  const snapshot = yield* updateSnapshot(circumstances, root.document, timestamp.document.snapshot);
  assertSameRoot(circumstances, root, snapshot.document);
  const targets = yield* updateTargets(circumstances, root.document, snapshot.document);
  return { dialect, repository, foreign, limits, now, roots, root, timestamp, snapshot, targets };
}

/** 5.1: one reference time. A clock set back must not revive what expired (attack T40): time seen does not return. */
function* settle(input: RefreshInput): Workflow<Circumstances> {
  const { dialect, repository, foreign, now, lastSeenMs = now, lastIssuedMs, maxTimestampLifetimeMs } = input;
  if (!Number.isFinite(now) || !Number.isFinite(lastSeenMs))
    throw new TypeError('now must be a finite number');
  if (now < lastSeenMs) yield { do: 'warn', code: 'CLOCK_BEHIND', detail: { now, lastSeenMs } };
  const limits = { ...DEFAULT_LIMITS, ...input.limits };
  const effective = Math.max(now, lastSeenMs);
  return { dialect, repository, foreign, limits, now: effective, lastIssuedMs, maxTimestampLifetimeMs };
}

function* updateTimestamp(circumstances: Circumstances, root: Root): Workflow<Verified<Timestamp>> {
  const { now, maxTimestampLifetimeMs } = circumstances;
  const verify = (bytes: Uint8Array): Verified<Timestamp> =>
    verifyTopLevel(circumstances, root, 'timestamp', bytes);
  // Even expired, the cached one is what the new one is compared with.
  const trusted = yield* loadCached('timestamp', verify);
  // 5.4.1
  const maxBytes = maxBytesOf('timestamp', circumstances.limits);
  const bytes = yield { do: 'fetch', role: 'timestamp', maxBytes };
  if (bytes === undefined)
    throw new TufError('MISSING', 'the repository has no timestamp', { role: 'timestamp' });
  // 5.4.2
  const fetched = verify(bytes);
  // 5.4.3.1, 5.4.3.2
  if (trusted !== undefined) assertTimestampUpdate(trusted.document, fetched.document);
  // 5.4.3.1: an equal version means nothing new, whatever else the file says.
  const isNew = trusted?.document.version !== fetched.document.version;
  const timestamp = isNew ? fetched : trusted;
  // 5.4.4
  assertNotExpired('timestamp', timestamp.document, now);
  assertLifetime(timestamp.document, now, maxTimestampLifetimeMs);
  if (trusted === undefined) assertIssuedAfter(fetched.document, circumstances.lastIssuedMs);
  // 5.4.5: after all checks (CVE-2025-2888).
  if (isNew) yield { do: 'store', file: { role: 'timestamp' }, bytes };
  return timestamp;
}

function* updateSnapshot(
  circumstances: Circumstances,
  root: Root,
  meta: FileMeta,
): Workflow<Verified<Snapshot>> {
  return yield* obtainListed({
    role: 'snapshot',
    meta,
    maxBytes: maxBytesOf('snapshot', circumstances.limits),
    filesBy: circumstances.dialect.filesBy,
    consistentSnapshot: root.consistentSnapshot,
    now: circumstances.now,
    verify: (bytes) => verifyTopLevel(circumstances, root, 'snapshot', bytes),
    // 5.5.5; what is listed by hash alone says nothing about versions, and may leave.
    ...(circumstances.dialect.filesBy === 'version' ? { assertUpdate: assertSnapshotUpdate } : {}),
  });
}

/** Mix and match: where snapshot lists root by hash, it is the root that this refresh ended with. */
function assertSameRoot({ dialect }: Circumstances, root: Verified<Root>, snapshot: Snapshot): void {
  const meta = snapshot.meta.get('root');
  if (dialect.filesBy === 'hash' && meta !== undefined) assertFileMeta('root', meta, root.envelope.bytes);
}

function* updateTargets(
  circumstances: Circumstances,
  root: Root,
  snapshot: Snapshot,
): Workflow<Verified<Targets>> {
  const meta = snapshot.meta.get('targets');
  if (meta === undefined)
    throw new TufError('ROLE_UNKNOWN', 'snapshot does not list targets', { role: 'targets' });
  return yield* obtainListed({
    role: 'targets',
    meta,
    maxBytes: maxBytesOf('targets', circumstances.limits),
    filesBy: circumstances.dialect.filesBy,
    consistentSnapshot: root.consistentSnapshot,
    now: circumstances.now,
    verify: (bytes) => verifyTopLevel(circumstances, root, 'targets', bytes),
  });
}

function newestOf(roots: readonly Verified<Root>[]): Verified<Root> {
  const root = roots.at(-1);
  if (root === undefined) throw new TypeError('a chain of roots is never empty');
  return root;
}
