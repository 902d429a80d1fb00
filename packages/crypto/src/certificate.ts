/** X.509 certificates (RFC 5280), parsed natively; who issued them is asked here, whether to trust them is not. */
import { X509Certificate } from 'node:crypto';
import { admit } from './admit.ts';
import { type CertificateFields, type CertificateHash, readCertificateFields } from './certificate-fields.ts';
import { DerError } from './der.ts';
import { toHex } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { pemBlocks, toPem } from './pem.ts';
import { recently } from './recently.ts';
import { parseSpki } from './spki.ts';

/** A leaf with its chain, or the authorities of a trust pin. */
const MAX_CERTIFICATES = 16;

/** Everybody takes these; what SHA-1 or MD5 signed can be forged by collision. */
const STRONG: ReadonlySet<CertificateHash> = new Set(['sha256', 'sha384', 'sha512']);

/** A certificate as it reads: nothing of it has been verified. */
export interface Certificate extends CertificateFields {
  /** One `CERTIFICATE` block, spelled anew. */
  readonly pem: string;
  readonly der: Uint8Array;
  /** The subject's SubjectPublicKeyInfo in canonical DER; `toPublicKey` decides whether it may be used. */
  readonly publicSpkiDer: Uint8Array;
  /**
   * Whether `ca` is an authority whose name and key issued this certificate, with a digest that still holds.
   * Says nothing about the dates of either. Never throws.
   */
  issuedBy(ca: Certificate): boolean;
}

/**
 * The certificates of a PEM bundle in their order, at most 16; the text may come from anybody.
 * @throws CryptoError KEY_INVALID when it holds none, too many, or anything that is not strictly a certificate
 */
export function readCertificates(pem: string): readonly Certificate[] {
  return certificatesOf(pem);
}

/** Bundles that stay parsed, and the most bytes of one. */
const MAX_PARSED = 1_024;
const MAX_PARSED_BYTES = 8_192;

const certificatesOf = recently(
  MAX_PARSED,
  MAX_PARSED_BYTES,
  (pem: string) => ({ label: 'pem', content: new TextEncoder().encode(pem) }),
  parseCertificates,
);

function parseCertificates(pem: string): readonly Certificate[] {
  const certificates = pemBlocks(pem, 'CERTIFICATE', MAX_CERTIFICATES).map(readCertificate);
  if (certificates.length === 0) throw new CryptoError('KEY_INVALID', 'expected a PEM certificate');
  return certificates;
}

/**
 * DER of the public key in the first certificate of a PEM bundle, which is the leaf. Says nothing about the
 * certificate itself: who signed it, its names and its dates are the caller's business.
 * @throws CryptoError KEY_INVALID
 */
export function spkiOfCertificate(text: string): Uint8Array {
  const [der] = pemBlocks(text, 'CERTIFICATE', MAX_CERTIFICATES);
  if (der === undefined) throw new CryptoError('KEY_INVALID', 'expected a PEM certificate');
  return readCertificate(der).publicSpkiDer;
}

function readCertificate(der: Uint8Array): Certificate {
  try {
    const native = new X509Certificate(der);
    // The native reader ignores what follows the certificate.
    if (toHex(native.raw) !== toHex(der)) throw new DerError('trailing bytes');
    const fields = readCertificateFields(der);
    return {
      ...fields,
      pem: toPem('CERTIFICATE', der),
      der,
      publicSpkiDer: new Uint8Array(native.publicKey.export({ format: 'der', type: 'spki' })),
      issuedBy: (ca) => STRONG.has(fields.signatureHash) && ca.isCa && isSignedBy(native, ca),
    };
  } catch (cause) {
    throw new CryptoError('KEY_INVALID', 'not a certificate with a usable key', { cause });
  }
}

function isSignedBy(native: X509Certificate, ca: Certificate): boolean {
  try {
    // Names, key identifiers and key usage (RFC 5280 6.1.3); then the signature, by a key that passed the gate.
    if (!native.checkIssued(new X509Certificate(ca.der))) return false;
    return native.verify(admit(parseSpki(ca.publicSpkiDer)));
  } catch {
    // An authority whose key is weak or unreadable issued nothing.
    return false;
  }
}
