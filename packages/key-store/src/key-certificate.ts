/** The certificate beside a key: a Notary root key is listed, and has its id, by one. */
import { CryptoError, readCertificates, toHex } from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';

/**
 * Refuses a PEM whose leaf does not certify the key with this SubjectPublicKeyInfo.
 * @throws KeyStoreError CERTIFICATE_WRONG
 */
export function assertCertificate(pem: string, spkiHex: string, keyId: string): void {
  if (spkiHexOfLeaf(pem) === spkiHex) return;
  throw new KeyStoreError('CERTIFICATE_WRONG', 'the certificate is not one of this key', { keyId });
}

function spkiHexOfLeaf(pem: string): string | undefined {
  try {
    const [leaf] = readCertificates(pem);
    return leaf === undefined ? undefined : toHex(leaf.publicSpkiDer);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}
