/** Headers that steer a request: parsed strictly, since they end in the log, the audit and the database. */
import { type RoleVersion, TrustError } from '../service.ts';

/** The caller's own request id, if it is one that can stand in a log. */
export function readRequestId(header: string | undefined): string | undefined {
  return header !== undefined && /^[A-Za-z0-9._-]{1,128}$/.test(header) ? header : undefined;
}

/** `If-Match: "<role>:<version>"`. @throws TrustError BODY_INVALID */
export function readIfMatch(header: string | undefined): RoleVersion | undefined {
  if (header === undefined) return undefined;
  const [, role, version] = /^"([A-Za-z0-9._/-]{1,255}):([1-9][0-9]{0,15})"$/.exec(header) ?? [];
  if (role === undefined || version === undefined || !Number.isSafeInteger(Number(version))) {
    throw new TrustError('BODY_INVALID', 'If-Match must be "<role>:<version>", for example "targets:57"');
  }
  return { role, version: Number(version) };
}

/** @throws TrustError BODY_INVALID */
export function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (!/^[!-~]{1,255}$/.test(header)) {
    throw new TrustError('BODY_INVALID', 'Idempotency-Key must be 1 to 255 visible ASCII characters');
  }
  return header;
}

/** Whether `If-None-Match` names this entity tag. RFC 9110 13.1.2: weak comparison, lists and `*`. */
export function matchesEtag(header: string, etag: string): boolean {
  if (header === etag) return true;
  return header.split(',').some((part) => {
    const tag = part.trim();
    return tag === '*' || tag === etag || tag === `W/${etag}`;
  });
}
