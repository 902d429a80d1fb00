/** Comparisons of a document with the one trusted before it: nothing goes backwards. */
import { TufError } from './errors.ts';
import type { FileMeta, RoleKeys, Root, Snapshot, Timestamp, TufDocument } from './model.ts';

/**
 * TUF 5.3.5: the next root's version is exactly one higher; a gap would hide a revocation (CVE-2025-2885).
 * TUF 5.5.4, 5.6.4: a listed file has the version its parent lists.
 * @throws TufError VERSION
 */
export function assertVersion(role: string, expected: number, found: number): void {
  if (found === expected) return;
  throw new TufError('VERSION', `role ${role}: version ${found} where ${expected} must be`, {
    role,
    expected,
    found,
  });
}

/**
 * @throws TufError ROLLBACK when the timestamp, or the snapshot it lists, is older than the trusted one's
 * @see TUF 5.4.3.1, 5.4.3.2
 */
export function assertTimestampUpdate(trusted: Timestamp, next: Timestamp): void {
  assertNotLower('timestamp', trusted.version, next.version);
  assertListedNotLower('snapshot', trusted.snapshot, next.snapshot);
}

/**
 * A file that its parent lists by hash alone is held to the one the client had before.
 * @throws TufError ROLLBACK
 */
export function assertFileUpdate(role: string, trusted: TufDocument, next: TufDocument): void {
  assertNotLower(role, trusted.version, next.version);
}

/**
 * Every role the trusted snapshot lists, delegated ones too (CVE-2025-2887), is still listed and not older.
 * @throws TufError ROLLBACK
 * @see TUF 5.5.5
 */
export function assertSnapshotUpdate(trusted: Snapshot, next: Snapshot): void {
  for (const [role, meta] of trusted.meta) {
    const found = next.meta.get(role);
    if (found === undefined) {
      const { version = 0 } = meta;
      throw new TufError('ROLLBACK', `role ${role}: no longer in snapshot`, { role, trusted: version });
    }
    assertListedNotLower(role, meta, found);
  }
}

/**
 * Whether timestamp or snapshot keys were rotated: an old quorum no longer suffices, because a key is gone or
 * the threshold higher. Their trusted files are then forgotten, so that a repository can recover from versions
 * that a thief pushed to the end, also where a key that stays would still verify them. Merely adding a key
 * rotates nothing: whoever holds the old ones can sign as before, and rollback stays refused.
 * @see TUF 5.3.11
 */
export function rotatesOnlineKeys(before: Root, after: Root): boolean {
  return (
    isRotated(before.roles.timestamp, after.roles.timestamp) ||
    isRotated(before.roles.snapshot, after.roles.snapshot)
  );
}

function isRotated(before: RoleKeys, after: RoleKeys): boolean {
  const kept = new Set(after.keyIds);
  return after.threshold > before.threshold || before.keyIds.some((keyId) => !kept.has(keyId));
}

/** A parent that said a version once says one ever after: its absence is no way back. */
function assertListedNotLower(role: string, trusted: FileMeta, found: FileMeta): void {
  if (trusted.version !== undefined) assertNotLower(role, trusted.version, found.version ?? 0);
}

function assertNotLower(role: string, trusted: number, found: number): void {
  if (found >= trusted) return;
  throw new TufError('ROLLBACK', `role ${role}: version ${found} after ${trusted}`, { role, trusted, found });
}
