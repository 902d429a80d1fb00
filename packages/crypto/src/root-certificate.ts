/** The certificate of a Notary v1 root key, as its clients make it. */
import { basicConstraints, extendedKeyUsage, keyUsage } from './certificate-extensions.ts';
import { type CertificateTerms, issueCertificate } from './certificate-issue.ts';
import { openCurveKey } from './private-key.ts';

/**
 * PEM of the self-signed certificate that names a root key's repository: subject and issuer are `commonName`, no
 * authority, for signing code. The key is PKCS#8 on an elliptic curve; ten years are the clients' custom.
 * @throws CryptoError CERTIFICATE_INVALID, KEY_INVALID or SCHEME_MISMATCH
 */
export async function createRootCertificate(
  terms: CertificateTerms & { readonly pkcs8: Uint8Array },
): Promise<string> {
  const { key, spkiDer } = openCurveKey(terms.pkcs8);
  const extensions = [
    keyUsage('digitalSignature', 'keyEncipherment'),
    extendedKeyUsage('codeSigning'),
    basicConstraints(false),
  ];
  return issueCertificate(terms, spkiDer, extensions, { commonName: terms.commonName, key });
}
