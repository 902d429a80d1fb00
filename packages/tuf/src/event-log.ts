/**
 * The log that a timestamp's `x-vidimus-log` is the head of: hash = SHA-256(hash before || canonical event). Whoever
 * has a timestamp can tell whether the events that led to it were changed, left out or put in another order.
 */
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { fromHex, sha256Hex } from '@vidimus/crypto';

/** The hash before the first event. */
export const EMPTY_LOG_HASH = '0'.repeat(64);

/** What stands beside an event for its place in the log; all other members are hashed, known or not. */
const place: ReadonlySet<string> = new Set(['hash', 'prevHash', 'seq', 'incarnation']);

/**
 * The hash of an event as `GET /audit` prints it, after one with `prevHash`; both are hex.
 * @throws CryptoError when `prevHash` is no hex; CanonicalJsonError for what has no canonical form
 */
export function hashLogged(prevHash: string, event: JsonObject): string {
  const body = Object.fromEntries(Object.entries(event).filter(([name]) => !place.has(name)));
  return sha256Hex(Buffer.concat([fromHex(prevHash), encodeCanonical(body)]));
}
