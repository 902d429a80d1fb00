/** Which of the keys at hand sign a change: as many as each threshold still needs, and no more. */
import { printable } from '@vidimus/reference';
import type { Change } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { CheckedChange } from './check-change.ts';
import type { KeyRing, UsableKey } from './usable-keys.ts';

/**
 * None when a key that is here has signed already, or no signature is missing.
 * @throws CliError KEY_UNKNOWN when no key here may sign
 */
export function chooseKeys({ change, documents, keys }: CheckedChange, ring: KeyRing): readonly UsableKey[] {
  const chosen = new Map<string, UsableKey>();
  let hasSigned = false;
  for (const { dialect, role, keyIds } of documents) {
    const offered = change.documents.find((each) => each.dialect === dialect && each.role === role);
    if (offered === undefined) continue;
    const may = new Set(keyIds);
    const signed = new Set(offered.signatures.map(({ keyId }) => keyId));
    for (const { threshold, keyIds: counting } of offered.thresholds) {
      const listed = counting.filter((keyId) => may.has(keyId)).flatMap((keyId) => keys.get(keyId) ?? []);
      const usable = ring(listed);
      hasSigned ||= usable.some(({ keyId }) => signed.has(keyId));
      const done = counting.filter((keyId) => signed.has(keyId) || chosen.has(keyId)).length;
      const free = usable.filter(({ keyId }) => !signed.has(keyId) && !chosen.has(keyId));
      for (const key of free.slice(0, Math.max(0, threshold - done))) chosen.set(key.keyId, key);
    }
  }
  if (chosen.size > 0 || hasSigned) return [...chosen.values()];
  throw noneHere(change, documents);
}

function noneHere({ documents }: Change, verified: CheckedChange['documents']): CliError {
  const signed = new Set(documents.flatMap(({ signatures }) => signatures.map(({ keyId }) => keyId)));
  const may = new Set(verified.flatMap(({ keyIds }) => keyIds).filter((keyId) => !signed.has(keyId)));
  return new CliError(
    'KEY_UNKNOWN',
    exitCodes.denied,
    'no key on this machine may sign this change',
    `keys that may: ${[...may].map((keyId) => printable(keyId.slice(0, 12))).join(', ')}; keys here are in $VIDIMUS_KEYS, others: --key FILE or pkcs11:URI`,
  );
}
