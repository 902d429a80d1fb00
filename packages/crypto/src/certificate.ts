/** X.509 certificates (RFC 5280), read by the native parser. */
import { X509Certificate } from 'node:crypto';
import { DerError } from './der.ts';
import { toHex } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { pemBlocks } from './pem.ts';

/**
 * DER of the public key in the first certificate of a PEM bundle, which is the leaf. Says nothing about the
 * certificate itself: who signed it, its names and its dates are the caller's business.
 * @throws CryptoError KEY_INVALID
 */
export function spkiOfCertificate(text: string): Uint8Array {
  const [der] = pemBlocks(text, 'CERTIFICATE');
  if (der === undefined) throw new CryptoError('KEY_INVALID', 'expected a PEM certificate');
  try {
    const certificate = new X509Certificate(der);
    // The native reader ignores what follows the certificate.
    if (toHex(certificate.raw) !== toHex(der)) throw new DerError('trailing bytes');
    return new Uint8Array(certificate.publicKey.export({ format: 'der', type: 'spki' }));
  } catch (cause) {
    throw new CryptoError('KEY_INVALID', 'not a certificate with a usable key', { cause });
  }
}
