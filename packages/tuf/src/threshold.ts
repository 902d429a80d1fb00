/** The one place where signatures are counted; every role of every dialect comes through here. */
import { TufError } from './errors.ts';
import { MAX_TRIES_PER_KEY } from './limits.ts';
import type { Envelope, Key, RoleKeys, Signature } from './model.ts';

/** The signatures that counted. */
export interface Quorum {
  /** Key ids in the order of the file's signatures, one per distinct key. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/**
 * Checks that enough of a role's keys signed a file. What counts is distinct key material: a signature or key
 * listed twice (CVE-2020-6174), or one key under two ids (GHSA-3633-5h82-39pq), counts once. Bad signatures,
 * and signatures by keys outside the role, are skipped; of one key no more than `MAX_TRIES_PER_KEY` are tried.
 * @param keys by recomputed key id, from the delegating document
 * @param role for the error alone
 * @throws TufError THRESHOLD; MALFORMED when one key id signs twice and the dialect forbids that
 * @see TUF 4.2.1, 5.3.4, 5.4.2, 5.5.3, 5.6.3
 */
export function verifyThreshold(
  envelope: Envelope,
  keys: ReadonlyMap<string, Key>,
  roleKeys: RoleKeys,
  role = '',
): Quorum {
  const { threshold } = roleKeys;
  if (envelope.allowsRepeatedSigners !== true) assertUniqueSignatures(envelope.signatures);
  // Attack T6: a threshold of 0 would be met by nobody.
  if (!Number.isSafeInteger(threshold) || threshold < 1) {
    throw new TufError('MALFORMED', `role ${role}: the threshold is no integer from 1`, { role });
  }
  const wanted = new Set(roleKeys.keyIds);
  const counted = new Map<string, string>();
  const tries = new Map<string, number>();
  for (const { keyId, value, method } of envelope.signatures) {
    if (!wanted.has(keyId) || value.length === 0) continue;
    const entry = keys.get(keyId);
    // Notary CVE-2015-9258: the key says how it signs; a signature that says otherwise is none.
    const key = method === undefined ? entry?.usable : entry?.usableBy?.(method);
    if (key === undefined || counted.has(key.materialId)) continue;
    const tried = tries.get(key.materialId) ?? 0;
    if (tried >= MAX_TRIES_PER_KEY) continue;
    tries.set(key.materialId, tried + 1);
    if (key.verify(envelope.message, value)) counted.set(key.materialId, keyId);
  }
  const keyIds = [...counted.values()];
  if (keyIds.length < threshold) {
    const message = `role ${role}: ${keyIds.length} of ${threshold} needed signatures are valid`;
    throw new TufError('THRESHOLD', message, { role, threshold, keyIds });
  }
  return { keyIds, threshold };
}

/**
 * One key id signs a file at most once (TUF 4.2.1); a second entry makes the file invalid. A dialect whose clients
 * see it otherwise leaves this out when it opens a file: the count above is safe either way.
 * @throws TufError MALFORMED
 */
export function assertUniqueSignatures(signatures: readonly Signature[]): void {
  const seen = new Set<string>();
  for (const { keyId } of signatures) {
    if (seen.has(keyId)) throw new TufError('MALFORMED', 'two signatures with the same key id', { keyId });
    seen.add(keyId);
  }
}
