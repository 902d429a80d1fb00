/** Key objects of this dialect: their ids, and the usable key where there is one. */
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import {
  CryptoError,
  type PublicKey,
  type PublicKeyInput,
  readCertificates,
  type SignatureScheme,
  sha256Hex,
  toBase64,
  toPublicKey,
} from '@vidimus/crypto';
import { type Key, malformed, readObject, readString } from '@vidimus/tuf';
import { readBase64 } from './hashes.ts';

interface Kind {
  /** By the method that a signature names; what we sign ourselves is of the first one. */
  readonly schemes: readonly [Method, ...Method[]];
  /** The same key without its certificate. */
  readonly bare: string;
  readonly toInput: (bytes: Uint8Array) => PublicKeyInput;
  /** The SubjectPublicKeyInfo as written; absent where there is none. */
  readonly spkiOf?: (bytes: Uint8Array) => Uint8Array | undefined;
}

interface Method {
  readonly method: string;
  readonly scheme: SignatureScheme;
}

const ecdsa = { schemes: [{ method: 'ecdsa', scheme: 'ecdsa-sha256-p1363' }], bare: 'ecdsa' } as const;
const rsa = {
  schemes: [
    { method: 'rsapss', scheme: 'rsa-sha256' },
    { method: 'rsapkcs1v15', scheme: 'rsa-pkcs1-sha256' },
  ],
  bare: 'rsa',
} as const;
const spki: Pick<Kind, 'spkiOf' | 'toInput'> = {
  toInput: (bytes) => ({ format: 'spki-der', bytes }),
  spkiOf: (bytes) => bytes,
};
const certificate: Pick<Kind, 'spkiOf' | 'toInput'> = {
  toInput: (bytes) => ({ format: 'x509-pem', text: toText(bytes) }),
  spkiOf: (bytes) => readCertificates(toText(bytes))[0]?.publicSpkiDer,
};

/** The key type fixes how its signatures are made; a signature's word is never taken (CVE-2015-9258). */
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [
    'ed25519',
    {
      schemes: [{ method: 'eddsa', scheme: 'ed25519' }],
      bare: 'ed25519',
      toInput: (bytes) => ({ format: 'ed25519-raw', bytes }),
    },
  ],
  ['ecdsa', { ...ecdsa, ...spki }],
  ['ecdsa-x509', { ...ecdsa, ...certificate }],
  ['rsa', { ...rsa, ...spki }],
  ['rsa-x509', { ...rsa, ...certificate }],
]);

/** Key types whose public part is a certificate. */
export function isCertificateType(keyType: string): boolean {
  return keyType.endsWith('-x509');
}

/**
 * Reads a key object; anybody may have written it.
 * @param at place in the document, for errors
 * @throws TufError MALFORMED; also for private key material, which has no business in a signed document
 */
export function toNotaryKey(declared: JsonObject, at = 'key'): Key {
  const { keyType, publicText, publicBytes } = readParts(declared, at);
  const kind = kinds.get(keyType);
  const admitted = new Map<SignatureScheme, PublicKey | undefined>();
  // Admission costs up to a millisecond: a file with thousands of keys must not make a reader pay for all.
  const usableBy = (method?: string): PublicKey | undefined => {
    if (kind === undefined) return undefined;
    const scheme = schemeOf(kind, method);
    if (scheme === undefined) return undefined;
    if (!admitted.has(scheme)) admitted.set(scheme, admit(kind, scheme, publicBytes));
    return admitted.get(scheme);
  };
  return {
    keyId: idOf(keyType, publicText),
    declared,
    get usable(): PublicKey | undefined {
      return usableBy();
    },
    usableBy,
  };
}

/** The id of a key object, hex; members that nobody knows do not count. @throws TufError MALFORMED */
export function keyIdOf(declared: JsonObject): string {
  const { keyType, publicText } = readParts(declared, 'key');
  return idOf(keyType, publicText);
}

/**
 * The id by which `docker trust inspect` and `notary delegation list` show a key: that of the bare public key, also
 * where the document has a certificate. Undefined for a key that is not usable.
 */
export function canonicalKeyId(key: Key): string | undefined {
  const kind = kinds.get(readParts(key.declared, 'key').keyType);
  if (kind === undefined || key.usable === undefined) return undefined;
  return kind.bare === 'ed25519' ? key.keyId : idOf(kind.bare, toBase64(key.usable.spkiDer));
}

/** @param publicRaw 32 bytes */
export function ed25519KeyObject(publicRaw: Uint8Array): JsonObject {
  return keyObject('ed25519', publicRaw);
}

/** @param spkiDer SubjectPublicKeyInfo of a P-256, P-384 or P-521 key */
export function ecdsaKeyObject(spkiDer: Uint8Array): JsonObject {
  return keyObject('ecdsa', spkiDer);
}

/** @param spkiDer SubjectPublicKeyInfo of an RSA key of at least 2048 bits */
export function rsaKeyObject(spkiDer: Uint8Array): JsonObject {
  return keyObject('rsa', spkiDer);
}

/**
 * A certificate, or a bundle with the leaf first, spelled as Go spells it: the clients derive the id from that.
 * @throws CryptoError KEY_INVALID or KEY_WEAK
 */
export function x509KeyObject(pem: string): JsonObject {
  const text = readCertificates(pem)
    .map((each) => each.pem)
    .join('');
  const bytes = new TextEncoder().encode(text);
  for (const keyType of ['ecdsa-x509', 'rsa-x509']) {
    const kind = kinds.get(keyType);
    if (kind !== undefined && fits(kind, bytes)) return keyObject(keyType, bytes);
  }
  throw new CryptoError('KEY_INVALID', 'a certificate with a key of a kind that these clients do not know');
}

/**
 * How a signature by a key of a scheme names its method.
 * @throws TufError MALFORMED for a scheme that this dialect does not have
 */
export function methodOf(scheme: SignatureScheme): string {
  if (scheme === 'rsassa-pss-sha256') return 'rsapss';
  for (const { schemes } of kinds.values()) {
    for (const each of schemes) if (each.scheme === scheme) return each.method;
  }
  throw malformed('method', `there is no signature of scheme ${scheme} in this dialect`);
}

function keyObject(keytype: string, bytes: Uint8Array): JsonObject {
  return { keytype, keyval: { private: null, public: toBase64(bytes) } };
}

function readParts(
  declared: JsonObject,
  at: string,
): { readonly keyType: string; readonly publicText: string; readonly publicBytes: Uint8Array } {
  const keyval = readObject(declared['keyval'], `${at}.keyval`);
  const secret = keyval['private'];
  if (secret !== undefined && secret !== null) throw malformed(`${at}.keyval.private`, 'a private key');
  return {
    keyType: readString(declared['keytype'], `${at}.keytype`),
    publicText: readString(keyval['public'], `${at}.keyval.public`),
    publicBytes: readBase64(keyval['public'], `${at}.keyval.public`),
  };
}

function idOf(keytype: string, publicText: string): string {
  return sha256Hex(encodeCanonical({ keytype, keyval: { private: null, public: publicText } }));
}

/** Undefined for a method that such a key does not sign by; without one, that by which we sign. */
function schemeOf({ schemes }: Kind, method?: string): SignatureScheme | undefined {
  if (method === undefined) return schemes[0].scheme;
  return schemes.find((each) => each.method === method)?.scheme;
}

function admit(kind: Kind, scheme: SignatureScheme, bytes: Uint8Array): PublicKey | undefined {
  try {
    const key = toPublicKey(kind.toInput(bytes), scheme);
    // The clients read no compressed points, and would count no signature by such a key.
    const written = kind.spkiOf?.(bytes);
    return written === undefined || Buffer.from(written).equals(key.spkiDer) ? key : undefined;
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function fits(kind: Kind, bytes: Uint8Array): boolean {
  const [{ scheme }] = kind.schemes;
  try {
    return toPublicKey(kind.toInput(bytes), scheme).scheme === scheme;
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'SCHEME_MISMATCH') return false;
    throw error;
  }
}

/** PEM is ASCII; other bytes give characters that no PEM has. */
function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
