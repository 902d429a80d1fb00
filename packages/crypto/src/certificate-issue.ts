/** Certificates that we make (RFC 5280 section 4.1): version 3, ecdsa-with-SHA256. */
import { type KeyObject, sign } from 'node:crypto';
import { bits, element, objectId, positive, sequence, set } from './der-writer.ts';
import { CryptoError } from './errors.ts';
import { toPem } from './pem.ts';

const ECDSA_SHA256 = sequence(objectId('2a8648ce3d040302'));
const COMMON_NAME = '550403';
/** As long as a repository name. */
const MAX_NAME_CHARACTERS = 255;
const MAX_SERIAL_BYTES = 20;

/** What every certificate says; the times are cut to seconds. */
export interface CertificateTerms {
  readonly commonName: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** 8 to 20 random bytes; the top bit is cleared. */
  readonly serial: Uint8Array;
}

/** PEM of a certificate over `spkiDer`, signed by an elliptic-curve key. @throws CryptoError CERTIFICATE_INVALID */
export function issueCertificate(
  terms: CertificateTerms,
  spkiDer: Uint8Array,
  extensions: readonly Uint8Array[],
  issuer: { readonly commonName: string; readonly key: KeyObject },
): string {
  if (!(terms.notBefore < terms.notAfter)) throw invalid('it would end before it begins');
  const content = sequence(
    element(0xa0, positive(Uint8Array.of(2))),
    serialNumber(terms.serial),
    ECDSA_SHA256,
    toName(issuer.commonName),
    sequence(toTime(terms.notBefore), toTime(terms.notAfter)),
    toName(terms.commonName),
    spkiDer,
    element(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', content, { key: issuer.key, dsaEncoding: 'der' });
  return toPem('CERTIFICATE', sequence(content, ECDSA_SHA256, bits(signature)));
}

export function invalid(why: string): CryptoError {
  return new CryptoError('CERTIFICATE_INVALID', `this certificate cannot be made: ${why}`);
}

function serialNumber(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 8 || bytes.length > MAX_SERIAL_BYTES) throw invalid('its serial has not 8 to 20 bytes');
  const serial = Uint8Array.of((bytes[0] ?? 0) & 0x7f, ...bytes.subarray(1));
  // RFC 5280 4.1.2.2: zero is no serial.
  if (serial.every((byte) => byte === 0)) throw invalid('its serial is zero');
  return positive(serial);
}

/** One common name, as UTF8String. */
function toName(commonName: string): Uint8Array {
  const bytes = Buffer.from(commonName, 'utf8');
  const isText = bytes.toString('utf8') === commonName;
  if (!isText || commonName === '' || commonName.length > MAX_NAME_CHARACTERS) {
    throw invalid(`its name has not 1 to ${MAX_NAME_CHARACTERS} characters`);
  }
  return sequence(set(sequence(objectId(COMMON_NAME), element(0x0c, bytes))));
}

/** RFC 5280 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050 on. */
function toTime(time: number): Uint8Array {
  if (!(time >= Date.UTC(1950, 0, 1) && time < Date.UTC(9999, 11, 31)))
    throw invalid('its dates are out of range');
  const digits = `${new Date(time).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return time < Date.UTC(2050, 0, 1)
    ? element(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : element(0x18, Buffer.from(digits, 'latin1'));
}
