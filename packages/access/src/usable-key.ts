/** A public key that tokens may be signed with: one that passes the gate that all keys pass. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { CryptoError, type PublicKey, type SignatureScheme, toPublicKey } from '@vidimus/crypto';

/** Undefined for a key that signs no token we take. @param spkiDer - SubjectPublicKeyInfo */
export function toUsableKey(spkiDer: Uint8Array): KeyObject | undefined {
  const key = createPublicKey({ key: Buffer.from(spkiDer), format: 'der', type: 'spki' });
  const scheme = schemeOf(key);
  return scheme !== undefined && passesGate(spkiDer, scheme) !== undefined ? key : undefined;
}

function passesGate(bytes: Uint8Array, scheme: SignatureScheme): PublicKey | undefined {
  try {
    return toPublicKey({ format: 'spki-der', bytes }, scheme);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function schemeOf(key: KeyObject): SignatureScheme | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'rsa') return 'rsassa-pss-sha256';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return 'ecdsa-sha2-nistp256';
  return curve === 'secp384r1' ? 'ecdsa-sha2-nistp384' : undefined;
}
