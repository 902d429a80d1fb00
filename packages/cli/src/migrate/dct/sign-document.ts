/** The next version of a document, signed by keys that are here, and judged as a client would. */
import { notaryDialect } from '@vidimus/notary';
import { type Authority, type Draft, type Targets, type Verified, verifyRole } from '@vidimus/tuf';
import type { SigningRoleKey } from './find-keys.ts';
import { readLimits } from './notary-wire.ts';

/** What the Notary clients give targets and delegations: three years. */
const lifetimeMs = 3 * 365 * 86_400_000;

/** The file of a message with the signatures of these keys, each once. */
export async function sealWith(message: Uint8Array, keys: readonly SigningRoleKey[]): Promise<Uint8Array> {
  const signatures = new Map<string, ReturnType<typeof notaryDialect.toSignature>>();
  for (const { keyId, signer } of keys) {
    if (signatures.has(keyId)) continue;
    const value = await signer.sign(message);
    signatures.set(keyId, notaryDialect.toSignature(keyId, signer.scheme, value));
  }
  return notaryDialect.seal(message, [...signatures.values()]);
}

/** The same content, one version on, valid from now on. @throws TufError */
export async function renewTargets(
  repository: string,
  { role, document }: Verified<Targets>,
  authority: Authority,
  keys: readonly SigningRoleKey[],
  nowMs: number,
): Promise<Verified<Targets>> {
  const draft: Draft<Targets> = { ...document, version: document.version + 1, expires: nowMs + lifetimeMs };
  const bytes = await sealWith(notaryDialect.encode(draft), keys);
  const context = { dialect: notaryDialect, repository, foreign: true, limits: readLimits };
  return verifyRole(context, 'targets', role, bytes, authority);
}
