/** Key pairs of every algorithm a home can hold: an Ed25519 seed, or the PKCS#8 of any other. */
import {
  CryptoError,
  ed25519FromSeed,
  fromHex,
  type KeyKind,
  type PrivateKey,
  p256FromRandom,
  readPkcs8,
  type SignatureScheme,
  type Signer,
  signerFromPkcs8,
  toHex,
  usualScheme,
} from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';
import { draw, type KeyAlgorithm, type MadeAlgorithm, type PublicHalf, type Random } from './key-store.ts';

const SEED_BYTES = 32;
/** Of an Ed25519 key: 16 bytes of PKCS#8, then the seed (RFC 8410 section 7). */
const ED25519_PKCS8_BYTES = 16 + SEED_BYTES;

type OtherAlgorithm = Exclude<KeyAlgorithm, 'ed25519'>;

const ALGORITHMS: Readonly<Record<Exclude<KeyKind, 'ed25519'>, OtherAlgorithm>> = {
  p256: 'ecdsa-p256',
  p384: 'ecdsa-p384',
  p521: 'ecdsa-p521',
  rsa: 'rsa',
};

export interface KeyPair {
  readonly publicHalf: PublicHalf;
  /** A seed of 32 bytes for Ed25519, PKCS#8 for the others; to be wiped by whoever holds it. */
  readonly secret: Uint8Array;
}

/** A new key. @throws KeyStoreError RANDOM_INVALID */
export function makeKeyPair(algorithm: MadeAlgorithm, random: Random): KeyPair {
  if (algorithm === 'ed25519') return fromSeed(draw(random, SEED_BYTES));
  const bytes = Buffer.concat([draw(random, 32), draw(random, 16)]);
  const pkcs8 = p256FromRandom(bytes);
  bytes.fill(0);
  return importKeyPair(pkcs8);
}

/** RFC 8410 section 7: version, the algorithm's id, and the seed in two octet strings. */
const ED25519_PKCS8_PREFIX = '302e020100300506032b657004220420';

/** A secret of this room as an unencrypted PKCS#8; the caller wipes both. */
export function toPkcs8(algorithm: KeyAlgorithm, secret: Uint8Array): Uint8Array {
  if (algorithm !== 'ed25519') return Uint8Array.from(secret);
  return new Uint8Array([...fromHex(ED25519_PKCS8_PREFIX), ...secret]);
}

/** The key in an unencrypted PKCS#8, which may come from anybody. @throws KeyStoreError KEY_INVALID */
export function importKeyPair(pkcs8: Uint8Array): KeyPair {
  const key = read(pkcs8);
  const { kind, spkiDer } = key;
  if (kind === 'ed25519') {
    if (key.pkcs8.length !== ED25519_PKCS8_BYTES)
      throw new KeyStoreError('KEY_INVALID', 'no seed of 32 bytes');
    const pair = fromSeed(key.pkcs8.slice(-SEED_BYTES));
    key.pkcs8.fill(0);
    return pair;
  }
  return {
    publicHalf: { algorithm: ALGORITHMS[kind], publicHex: toHex(spkiDer), spkiDer },
    secret: key.pkcs8,
  };
}

/**
 * The signer of a secret that was made or imported here, with its public half as `HeldKey.publicHex` spells it.
 * @throws KeyStoreError SCHEME_MISMATCH, or KEY_CORRUPT for a secret of another algorithm
 */
export function openSecret(
  algorithm: KeyAlgorithm,
  secret: Uint8Array,
  scheme: SignatureScheme = usualScheme(kindOf(algorithm)),
): { readonly publicHex: string; readonly signer: Signer } {
  try {
    if (algorithm !== 'ed25519') {
      const signer = signerFromPkcs8(secret, scheme);
      return { publicHex: toHex(signer.publicKey.spkiDer), signer };
    }
    if (scheme !== 'ed25519')
      throw new CryptoError('SCHEME_MISMATCH', `an Ed25519 key cannot sign with ${scheme}`);
    const { publicRaw, signer } = ed25519FromSeed(secret);
    return { publicHex: toHex(publicRaw), signer };
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    const code = cause.code === 'SCHEME_MISMATCH' ? 'SCHEME_MISMATCH' : 'KEY_CORRUPT';
    throw new KeyStoreError(code, cause.message, { algorithm, scheme }, { cause });
  }
}

function fromSeed(secret: Uint8Array): KeyPair {
  const { publicRaw, signer } = ed25519FromSeed(secret);
  const { spkiDer } = signer.publicKey;
  return { publicHalf: { algorithm: 'ed25519', publicHex: toHex(publicRaw), publicRaw, spkiDer }, secret };
}

function read(pkcs8: Uint8Array): PrivateKey {
  try {
    return readPkcs8(pkcs8);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new KeyStoreError('KEY_INVALID', `not a private key to hold: ${cause.message}`, {}, { cause });
  }
}

/** The curve does not matter: one scheme serves all. */
function kindOf(algorithm: KeyAlgorithm): KeyKind {
  return algorithm === 'ed25519' || algorithm === 'rsa' ? algorithm : 'p256';
}
