/** How signatures are made and spelled: one row per scheme, read by the verifier and by the signer. */
import { constants, type KeyObject, sign } from 'node:crypto';
import { CURVES, type KeyKind } from './admit.ts';
import { type Curve, decodeDerSignature, P256, P384, verifyEcdsa } from './ecdsa.ts';
import { verifyEd25519 } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { type PssSalt, verifyRsaPkcs1Sha256, verifyRsaPssSha256 } from './rsa.ts';

/** Fixed by the key's entry, never by the signature (Notary CVE-2015-9258). */
export type SignatureScheme =
  | 'ed25519'
  /** DER over the curve's own digest. */
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384'
  /** r || s, each of the width of the key's curve (P-256, P-384, P-521), always over SHA-256. */
  | 'ecdsa-sha256-p1363'
  /** PSS with MGF1-SHA256 and a salt of any length. */
  | 'rsassa-pss-sha256'
  /** PSS with MGF1-SHA256 and a salt as long as the digest. */
  | 'rsa-sha256'
  /** PKCS#1 v1.5 over SHA-256. */
  | 'rsa-pkcs1-sha256';

/** What a scheme does with an admitted key; `kind` is the key's. */
export interface SchemeRow {
  readonly kinds: readonly KeyKind[];
  readonly verify: (key: KeyObject, message: Uint8Array, signature: Uint8Array, kind: KeyKind) => boolean;
  readonly sign: (key: KeyObject, message: Uint8Array) => Uint8Array;
}

const PSS = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  // As long as the digest: the one length that strict verifiers take.
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

const SCHEMES: Readonly<Record<SignatureScheme, SchemeRow>> = {
  ed25519: { kinds: ['ed25519'], verify: verifyEd25519, sign: (key, message) => sign(null, message, key) },
  'ecdsa-sha2-nistp256': derRow('p256', P256),
  'ecdsa-sha2-nistp384': derRow('p384', P384),
  'ecdsa-sha256-p1363': {
    kinds: ['p256', 'p384', 'p521'],
    verify: (key, message, rs, kind) => {
      const curve = kind === 'ed25519' || kind === 'rsa' ? undefined : CURVES[kind];
      return curve !== undefined && verifyEcdsa(curve, 'sha256', key, message, rs);
    },
    sign: (key, message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }),
  },
  'rsassa-pss-sha256': pssRow('any'),
  'rsa-sha256': pssRow('digest'),
  'rsa-pkcs1-sha256': {
    kinds: ['rsa'],
    verify: verifyRsaPkcs1Sha256,
    sign: (key, message) => sign('sha256', message, { key, padding: constants.RSA_PKCS1_PADDING }),
  },
};

/** @throws CryptoError SCHEME_MISMATCH for a scheme that is none of ours, or not one for keys of this kind */
export function schemeRow(scheme: SignatureScheme, kind?: KeyKind): SchemeRow {
  if (!Object.hasOwn(SCHEMES, scheme)) throw new CryptoError('SCHEME_MISMATCH', 'unknown signature scheme');
  const row = SCHEMES[scheme];
  if (kind === undefined || row.kinds.includes(kind)) return row;
  throw new CryptoError('SCHEME_MISMATCH', `a key of kind ${kind} cannot sign with ${scheme}`);
}

/** The scheme of a key of this kind where no key entry names another: the one that fits all its curves. */
export function usualScheme(kind: KeyKind): SignatureScheme {
  if (kind === 'ed25519') return 'ed25519';
  return kind === 'rsa' ? 'rsa-sha256' : 'ecdsa-sha256-p1363';
}

function derRow(kind: KeyKind, curve: Curve): SchemeRow {
  return {
    kinds: [kind],
    verify: (key, message, signature) => {
      const rs = decodeDerSignature(signature, curve);
      return rs !== undefined && verifyEcdsa(curve, curve.hash, key, message, rs);
    },
    sign: (key, message) => sign(curve.hash, message, { key, dsaEncoding: 'der' }),
  };
}

function pssRow(salt: PssSalt): SchemeRow {
  return {
    kinds: ['rsa'],
    verify: (key, message, signature) => verifyRsaPssSha256(salt, key, message, signature),
    sign: (key, message) => sign('sha256', message, { key, ...PSS }),
  };
}
