/** A root key of the `notary` dialect that the service holds: its clients want a certificate for the repository. */
import { createRootCertificate, p256FromRandom } from '@vidimus/crypto';
import type { WrappedKeyStore } from '@vidimus/key-store';
import { notaryDialect, x509KeyObject } from '@vidimus/notary';
import type { ManagedKey } from './managed-keys.ts';

/** Ten years, as these clients make them. */
const certificateLifetimeMs = 3_650 * 86_400_000;
/** FIPS 186-5 A.2.1: more bits than the order has, so that no scalar is likelier than another. */
const scalarBytes = 48;
const serialBytes = 16;

export interface NotaryRootParts {
  readonly keyStore: WrappedKeyStore;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Makes a P-256 key with a self-signed certificate. @throws KeyStoreError SIGNER_UNAVAILABLE */
export async function makeNotaryRootKey(repository: string, parts: NotaryRootParts): Promise<ManagedKey> {
  const pkcs8 = p256FromRandom(parts.randomBytes(scalarBytes));
  try {
    const certificate = await createRootCertificate({
      commonName: repository,
      notBefore: parts.nowMs,
      notAfter: parts.nowMs + certificateLifetimeMs,
      serial: parts.randomBytes(serialBytes),
      pkcs8,
    });
    const key = notaryDialect.toKey(x509KeyObject(certificate));
    const scope = { repository, role: 'root', dialect: 'notary' };
    return { key, wrapped: await parts.keyStore.import(scope, pkcs8, () => key.keyId) };
  } finally {
    pkcs8.fill(0);
  }
}
