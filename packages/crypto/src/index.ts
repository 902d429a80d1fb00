export { type Certificate, readCertificates } from './certificate.ts';
export type { CertificateHash } from './certificate-fields.ts';
export { type HashAlgorithm, hashHex, isSha256Hex, sha256, sha256Hex, sha512Hex } from './digest.ts';
export { fromBase64, fromHex, toBase64, toHex } from './encoding.ts';
export { CryptoError, type CryptoErrorCode } from './errors.ts';
export { type PublicKey, type PublicKeyInput, toPublicKey } from './public-key.ts';
export type { SignatureScheme } from './scheme.ts';
export { ed25519FromSeed, type Signer } from './signer.ts';
