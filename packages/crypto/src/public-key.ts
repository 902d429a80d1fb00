/** The one door from bytes to a key that may verify: whatever fails here never counts anywhere. */
import { admit, type KeyKind } from './admit.ts';
import { spkiOfCertificate } from './certificate.ts';
import { sha256Hex } from './digest.ts';
import { CryptoError } from './errors.ts';
import { spkiOfPem } from './pem.ts';
import { recently } from './recently.ts';
import { type SignatureScheme, schemeRow } from './scheme.ts';
import { type KeyMaterial, parseSpki } from './spki.ts';

/** The spellings in which a public key arrives. */
export type PublicKeyInput =
  /** 32 bytes. */
  | { readonly format: 'ed25519-raw'; readonly bytes: Uint8Array }
  /** SEC 1 point, uncompressed or compressed; only for a scheme that names one curve. */
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
  /** The canonical SubjectPublicKeyInfo, DER; the key's own copy: not to be written to. */
  readonly spkiDer: Uint8Array;
  /** The verdict on a signature over `message`, spelled as the scheme says. Never throws. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** Keys that stay admitted, and the most bytes of a spelling that is remembered. */
const MAX_ADMITTED = 4_096;
const MAX_SPELLING_BYTES = 8_192;

/**
 * Admits a public key for one scheme. The input may come from anybody; takes up to a millisecond for a key that was
 * not seen lately.
 * @throws CryptoError KEY_INVALID, KEY_WEAK or SCHEME_MISMATCH
 */
export function toPublicKey(input: PublicKeyInput, scheme: SignatureScheme): PublicKey {
  return admitted({ input, scheme });
}

interface Admission {
  readonly input: PublicKeyInput;
  readonly scheme: SignatureScheme;
}

const admitted = recently(MAX_ADMITTED, MAX_SPELLING_BYTES, spell, admitKey);

function spell({ input, scheme }: Admission): { readonly label: string; readonly content: Uint8Array } {
  const content = 'text' in input ? new TextEncoder().encode(input.text) : input.bytes;
  return { label: `${scheme} ${input.format}`, content };
}

function admitKey({ input, scheme }: Admission): PublicKey {
  const material = readMaterial(input, schemeRow(scheme).kinds);
  const { kind } = material;
  const { verify } = schemeRow(scheme, kind);
  const key = admit(material);
  const spkiDer = new Uint8Array(key.export({ format: 'der', type: 'spki' }));
  return {
    scheme,
    materialId: sha256Hex(spkiDer),
    spkiDer,
    verify: (message, signature) => {
      try {
        return verify(key, message, signature, kind);
      } catch {
        // Whatever the native code found wrong with the signature, it is not valid.
        return false;
      }
    },
  };
}

function readMaterial(input: PublicKeyInput, kinds: readonly KeyKind[]): KeyMaterial {
  switch (input.format) {
    case 'ed25519-raw':
      return { kind: 'ed25519', raw: input.bytes };
    case 'ec-point':
      return { kind: curveOf(kinds), point: input.bytes };
    case 'spki-der':
      return parseSpki(input.bytes);
    case 'spki-pem':
      return parseSpki(spkiOfPem(input.text));
    case 'x509-pem':
      return parseSpki(spkiOfCertificate(input.text));
  }
}

/** A bare point does not say on which curve it is. */
function curveOf([kind, ...more]: readonly KeyKind[]): 'p256' | 'p384' | 'p521' {
  if (kind !== undefined && kind !== 'ed25519' && kind !== 'rsa' && more.length === 0) return kind;
  throw new CryptoError('SCHEME_MISMATCH', 'a point for a scheme that does not name one curve');
}
