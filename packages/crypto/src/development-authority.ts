/** A certificate authority for one development server, and the certificate of that server. */
import type { KeyObject } from 'node:crypto';
import { readCertificates } from './certificate.ts';
import {
  authorityKeyId,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyId,
} from './certificate-extensions.ts';
import { type CertificateTerms, invalid, issueCertificate } from './certificate-issue.ts';
import { toHex } from './encoding.ts';
import { toAddress } from './ip-address.ts';
import { pemBlocks, toPem } from './pem.ts';
import { openCurveKey } from './private-key.ts';

const MAX_NAMES = 100;
const MAX_DNS_CHARACTERS = 253;
const DNS_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i;

/** A certificate and its private key, PEM each; the key is unencrypted PKCS#8. */
export interface CertifiedKey {
  readonly certPem: string;
  readonly keyPem: string;
}

/**
 * A self-signed authority that may issue server certificates and no further authorities.
 * @throws CryptoError CERTIFICATE_INVALID, KEY_INVALID or SCHEME_MISMATCH
 */
export async function createAuthority(
  terms: CertificateTerms & { readonly pkcs8: Uint8Array },
): Promise<CertifiedKey> {
  const { key, spkiDer } = openCurveKey(terms.pkcs8);
  const extensions = [basicConstraints(0), keyUsage('keyCertSign'), subjectKeyId(spkiDer)];
  const certPem = issueCertificate(terms, spkiDer, extensions, { commonName: terms.commonName, key });
  return { certPem, keyPem: toPem('PRIVATE KEY', terms.pkcs8) };
}

/**
 * The certificate of a TLS server, issued by an authority of `createAuthority`.
 * @param terms.names DNS names, @param terms.addresses IP addresses: together 1 to 100
 * @throws CryptoError CERTIFICATE_INVALID, KEY_INVALID or SCHEME_MISMATCH
 */
export async function createServerCertificate(
  terms: CertificateTerms & {
    readonly authority: CertifiedKey;
    readonly pkcs8: Uint8Array;
    readonly names: readonly string[];
    readonly addresses: readonly string[];
  },
): Promise<CertifiedKey> {
  const issuer = openAuthority(terms.authority);
  const { spkiDer } = openCurveKey(terms.pkcs8);
  const extensions = [
    basicConstraints(false),
    keyUsage('digitalSignature'),
    extendedKeyUsage('serverAuth'),
    subjectAltName(...readNames(terms.names, terms.addresses)),
    subjectKeyId(spkiDer),
    authorityKeyId(issuer.spkiDer),
  ];
  return {
    certPem: issueCertificate(terms, spkiDer, extensions, issuer),
    keyPem: toPem('PRIVATE KEY', terms.pkcs8),
  };
}

function openAuthority({ certPem, keyPem }: CertifiedKey): {
  readonly commonName: string;
  readonly key: KeyObject;
  readonly spkiDer: Uint8Array;
} {
  const [certificate] = readCertificates(certPem);
  const [pkcs8 = new Uint8Array()] = pemBlocks(keyPem, 'PRIVATE KEY', 1);
  const { key, spkiDer } = openCurveKey(pkcs8);
  if (certificate?.isCa !== true || toHex(certificate.publicSpkiDer) !== toHex(spkiDer)) {
    throw invalid('its issuer is no authority with this key');
  }
  const { subjectCommonName: commonName } = certificate;
  if (commonName === undefined) throw invalid('its issuer has no name');
  return { commonName, key, spkiDer };
}

function readNames(
  names: readonly string[],
  addresses: readonly string[],
): [readonly string[], Uint8Array[]] {
  const count = names.length + addresses.length;
  if (count === 0 || count > MAX_NAMES) throw invalid(`it has not 1 to ${MAX_NAMES} names`);
  const bad = names.find((name) => name.length > MAX_DNS_CHARACTERS || !DNS_NAME.test(name));
  if (bad !== undefined) throw invalid(`"${bad}" is not a DNS name`);
  return [
    names,
    addresses.map((text) => {
      const bytes = toAddress(text);
      if (bytes === undefined) throw invalid(`"${text}" is not an IP address`);
      return bytes;
    }),
  ];
}
