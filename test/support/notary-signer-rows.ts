/** Private keys as notary-signer stores them: what it would have written, for tests that have no signer. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { CompactEncrypt } from 'jose';

const ed25519SeedAt = 16;
const ed25519PublicAt = 12;

/** As Go serialises it: SEC 1, PKCS#1, or for Ed25519 public key, seed and public key again. */
export function notaryPrivateBytes(key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType === 'ec') return key.export({ format: 'der', type: 'sec1' });
  if (key.asymmetricKeyType === 'rsa') return key.export({ format: 'der', type: 'pkcs1' });
  const seed = key.export({ format: 'der', type: 'pkcs8' }).subarray(ed25519SeedAt);
  const publicRaw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(ed25519PublicAt);
  return Buffer.concat([publicRaw, seed, publicRaw]);
}

/** The JWE of the column `private`. */
export async function sealSignerKey(bytes: Uint8Array, passphrase: string): Promise<string> {
  return await new CompactEncrypt(bytes)
    .setProtectedHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A256GCM' })
    .setKeyManagementParameters({ p2c: 8_192 })
    .encrypt(new TextEncoder().encode(passphrase));
}
