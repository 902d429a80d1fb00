/** Checks against the client's effective now. Each is written so that a now of NaN refuses. */
import { TufError } from './errors.ts';
import { MAX_CLOCK_SKEW_MS } from './limits.ts';
import type { Timestamp, TufDocument } from './model.ts';

/** The moment of expiry counts as expired. */
export function isExpired(document: TufDocument, now: number): boolean {
  return !(document.expires > now);
}

/**
 * @param now milliseconds since 1970
 * @throws TufError EXPIRED
 * @see TUF 5.3.10, 5.4.4, 5.5.6, 5.6.5
 */
export function assertNotExpired(role: string, document: TufDocument, now: number): void {
  if (!isExpired(document, now)) return;
  const { version, expires } = document;
  throw new TufError('EXPIRED', `role ${role}: version ${version} is expired`, {
    role,
    version,
    expires,
    now,
  });
}

/**
 * A timestamp is worth something because it is recent: one that a thief of the timestamp key dated ahead, or
 * made to live for years, would freeze the repository for as long. Without a time of issue (foreign
 * repositories) what is left of the life is the least it can have been.
 * @param maxLifetimeMs the anchor's limit, if any
 * @throws TufError LIFETIME
 */
export function assertLifetime(timestamp: Timestamp, now: number, maxLifetimeMs: number | undefined): void {
  const { expires, version } = timestamp;
  const { issued } = timestamp.binding;
  if (issued !== undefined && !(issued <= now + MAX_CLOCK_SKEW_MS)) {
    throw new TufError('LIFETIME', 'the timestamp was issued in the future', { version, issued, now });
  }
  const lifetime = expires - (issued ?? now);
  if (maxLifetimeMs !== undefined && !(lifetime <= maxLifetimeMs)) {
    throw new TufError('LIFETIME', 'the timestamp lives longer than the anchor allows', {
      version,
      lifetime,
      maxLifetimeMs,
    });
  }
}

/**
 * A root that replaces an online key makes a client forget the versions it saw (TUF 5.3.11), so that it can follow
 * a repository out of a fast-forward attack. An older timestamp by a key that stayed would then pass until it
 * expires. What was issued before the newest one ever accepted is refused; a thief cannot push that time further
 * ahead than the skew.
 * @param lastIssuedMs `x-vidimus-issued` of the newest timestamp this client accepted
 * @throws TufError ROLLBACK
 */
export function assertIssuedAfter(timestamp: Timestamp, lastIssuedMs: number | undefined): void {
  const { issued } = timestamp.binding;
  if (lastIssuedMs === undefined || issued === undefined) return;
  if (issued >= lastIssuedMs - MAX_CLOCK_SKEW_MS) return;
  const { version } = timestamp;
  throw new TufError('ROLLBACK', 'the timestamp was issued before one that was accepted', {
    role: 'timestamp',
    version,
    issued,
    lastIssuedMs,
  });
}
