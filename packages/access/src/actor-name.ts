/** Names that others chose, as they can stand in the log and the audit. */
import { createHash } from 'node:crypto';

/**
 * Visible ASCII, at most `maxLength` characters; one that is cut ends in a digest of all of it, so that two long names
 * stay two.
 */
export function toActorName(text: string, maxLength: number): string {
  const safe = /^[!-~]*$/.test(text) ? text : encodeURIComponent(Buffer.from(text).toString());
  if (safe.length <= maxLength) return safe;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `${safe.slice(0, maxLength - 33)}~${digest}`;
}
