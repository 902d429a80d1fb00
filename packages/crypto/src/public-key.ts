/** The one door from bytes to a key that may verify: whatever fails here never counts anywhere. */
import type { KeyObject } from 'node:crypto';
import { sha256Hex } from './digest.ts';
import { type Curve, decodeDerSignature, importEcPoint, P256, P384, verifyEcdsa } from './ecdsa.ts';
import { importEd25519, verifyEd25519 } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { importRsa, verifyRsaPssSha256 } from './rsa.ts';
import { type KeyMaterial, parseSpki, spkiOfCertificate, spkiOfPem } from './spki.ts';

/** How a signature is made and spelled: fixed by the key's entry, never by the signature (Notary CVE-2015-9258). */
export type SignatureScheme = 'ed25519' | 'ecdsa-sha2-nistp256' | 'ecdsa-sha2-nistp384' | 'rsassa-pss-sha256';

/** The spellings in which a public key arrives. */
export type PublicKeyInput =
  /** 32 bytes. */
  | { readonly format: 'ed25519-raw'; readonly bytes: Uint8Array }
  /** SEC 1 point, uncompressed or compressed; the scheme names the curve. */
  | { readonly format: 'ec-point'; readonly bytes: Uint8Array }
  /** One `PUBLIC KEY` block. */
  | { readonly format: 'spki-pem'; readonly text: string }
  | { readonly format: 'spki-der'; readonly bytes: Uint8Array }
  /** A certificate or a bundle with the leaf first; only the leaf's key is taken, nothing else is checked. */
  | { readonly format: 'x509-pem'; readonly text: string };

/** A key that passed the admission gate. */
export interface PublicKey {
  readonly scheme: SignatureScheme;
  /** Hex SHA-256 of the canonical SubjectPublicKeyInfo: one key, one id, whatever key type or spelling named it. */
  readonly materialId: string;
  /** The verdict on a signature over `message`, spelled as the scheme says. Never throws. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

type Verify = (key: KeyObject, message: Uint8Array, signature: Uint8Array) => boolean;

/** One row per scheme: the kind of key it fits, and its verifier. Another signature encoding is another row. */
const SCHEMES: Readonly<
  Record<SignatureScheme, { readonly kind: KeyMaterial['kind']; readonly verify: Verify }>
> = {
  ed25519: { kind: 'ed25519', verify: verifyEd25519 },
  'ecdsa-sha2-nistp256': { kind: 'p256', verify: derVerifier(P256) },
  'ecdsa-sha2-nistp384': { kind: 'p384', verify: derVerifier(P384) },
  'rsassa-pss-sha256': { kind: 'rsa', verify: verifyRsaPssSha256 },
};

/**
 * Admits a public key for one scheme. The input may come from anybody; takes up to a millisecond, so keep the
 * result rather than calling again per signature.
 * @throws CryptoError KEY_INVALID, KEY_WEAK or SCHEME_MISMATCH
 */
export function toPublicKey(input: PublicKeyInput, scheme: SignatureScheme): PublicKey {
  if (!Object.hasOwn(SCHEMES, scheme)) throw new CryptoError('SCHEME_MISMATCH', 'unknown signature scheme');
  const { kind, verify } = SCHEMES[scheme];
  const material = readMaterial(input, kind);
  if (material.kind !== kind) {
    throw new CryptoError('SCHEME_MISMATCH', `a key of kind ${material.kind} cannot sign with ${scheme}`);
  }
  const key = admit(material);
  return {
    scheme,
    materialId: sha256Hex(key.export({ format: 'der', type: 'spki' })),
    verify: (message, signature) => {
      try {
        return verify(key, message, signature);
      } catch {
        // Whatever the native code found wrong with the signature, it is not valid.
        return false;
      }
    },
  };
}

function readMaterial(input: PublicKeyInput, kind: KeyMaterial['kind']): KeyMaterial {
  switch (input.format) {
    case 'ed25519-raw':
      return { kind: 'ed25519', raw: input.bytes };
    case 'ec-point':
      if (kind === 'p256' || kind === 'p384') return { kind, point: input.bytes };
      throw new CryptoError('SCHEME_MISMATCH', 'a point of an elliptic curve for a scheme without one');
    case 'spki-der':
      return parseSpki(input.bytes);
    case 'spki-pem':
      return parseSpki(spkiOfPem(input.text));
    case 'x509-pem':
      return parseSpki(spkiOfCertificate(input.text));
  }
}

/** The native key, built from numbers alone, so that no spelling of the input lives on in it. */
function admit(material: KeyMaterial): KeyObject {
  switch (material.kind) {
    case 'ed25519':
      return importEd25519(material.raw);
    case 'p256':
      return importEcPoint(material.point, P256);
    case 'p384':
      return importEcPoint(material.point, P384);
    case 'rsa':
      return importRsa(material.modulus, material.exponent);
  }
}

function derVerifier(curve: Curve): Verify {
  return (key, message, signature) => {
    const rs = decodeDerSignature(signature, curve);
    return rs !== undefined && verifyEcdsa(curve, key, message, rs);
  };
}
