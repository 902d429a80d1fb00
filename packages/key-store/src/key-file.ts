/** A private key in a file of its own, encrypted under a passphrase: scrypt (RFC 7914), then AES-256-GCM. */
import { scrypt } from 'node:crypto';
import { fromHex, isSha256Hex, type SignatureScheme, type Signer, toHex } from '@vidimus/crypto';
import { z } from 'zod';
import { KeyStoreError } from './errors.ts';
import { assertCertificate } from './key-certificate.ts';
import { openSecret, toPkcs8 } from './key-pair.ts';
import { draw, type HeldKey, type Random } from './key-store.ts';
import { associatedData, SEAL_OVERHEAD, seal, unseal } from './seal.ts';

/** Fixed by both versions of the format: a file cannot ask for a cheaper or a ruinous derivation. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
const SALT_BYTES = 16;
const SEED_BYTES = 32;
const MAX_LABEL_CHARACTERS = 128;

/** SubjectPublicKeyInfo and PKCS#8 of an RSA key of 8192 bits, with room. */
const MAX_PUBLIC_BYTES = 1200;
const MAX_SECRET_BYTES = 5200;
const MAX_CERTIFICATE_CHARACTERS = 8192;

export const MAX_KEY_FILE_BYTES = 32_768;

/** What a client key is for, in its owner's words; signed over by nobody, shown in lists. */
export interface KeyLabel {
  readonly label: string;
  /** PEM, the leaf first, which certifies this very key: a Notary root key has its id from it. Not for Ed25519. */
  readonly certificate?: string | undefined;
}

const hexOf = (bytes: number, maxBytes = bytes) =>
  z.string().regex(new RegExp(`^(?:[0-9a-f]{2}){${bytes},${maxBytes}}$`));

const common = {
  keyId: z.string().refine(isSha256Hex),
  label: z.string().max(MAX_LABEL_CHARACTERS),
  createdAt: z.number().int().nonnegative(),
  salt: hexOf(SALT_BYTES),
};

/** Version 1 seals an Ed25519 seed, version 2 the PKCS#8 of another key. */
const keyFileSchema = z.discriminatedUnion('version', [
  z.strictObject({
    version: z.literal(1),
    ...common,
    algorithm: z.literal('ed25519'),
    publicHex: hexOf(32),
    sealed: hexOf(SEED_BYTES + SEAL_OVERHEAD),
  }),
  z.strictObject({
    version: z.literal(2),
    ...common,
    algorithm: z.enum(['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa']),
    publicHex: hexOf(1, MAX_PUBLIC_BYTES),
    certificate: z.string().max(MAX_CERTIFICATE_CHARACTERS).optional(),
    sealed: hexOf(SEAL_OVERHEAD + 1, SEAL_OVERHEAD + MAX_SECRET_BYTES),
  }),
]);

/** The file's contents; everything but the secret is readable without the passphrase, and bound to it. */
export type KeyFile = z.infer<typeof keyFileSchema>;

/**
 * Encrypts a secret of `key-pair.ts`.
 * @throws KeyStoreError PASSPHRASE_EMPTY, CERTIFICATE_WRONG or KEY_CORRUPT (a label that is too long)
 */
export async function sealKeyFile(
  key: HeldKey & KeyLabel,
  secret: Uint8Array,
  passphrase: string,
  random: Random,
): Promise<KeyFile> {
  const salt = draw(random, SALT_BYTES);
  const stretched = await stretch(passphrase, salt);
  const sealed = toHex(seal(stretched, secret, associated(key), random));
  stretched.fill(0);
  const { keyId, algorithm, publicHex, label, createdAt, certificate } = key;
  const version = versionOf(key);
  const certified = certificate === undefined ? {} : { certificate };
  const file = {
    version,
    keyId,
    algorithm,
    publicHex,
    label,
    createdAt,
    ...certified,
    salt: toHex(salt),
    sealed,
  };
  return checkKeyFile(file, keyId);
}

/**
 * Reads a key file without opening it.
 * @throws KeyStoreError KEY_CORRUPT when it is none, or one of another key id
 */
export function parseKeyFile(bytes: Uint8Array, keyId: string): KeyFile {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new KeyStoreError('KEY_CORRUPT', 'the key file is not JSON', { keyId }, { cause });
  }
  return checkKeyFile(value, keyId);
}

/**
 * The signer in a key file.
 * @throws KeyStoreError PASSPHRASE_EMPTY, PASSPHRASE_WRONG, KEY_CORRUPT or SCHEME_MISMATCH
 */
export async function openKeyFile(
  file: KeyFile,
  passphrase: string,
  scheme?: SignatureScheme,
): Promise<Signer> {
  const { secret, signer } = await openAndCheck(file, passphrase, scheme);
  secret.fill(0);
  return signer;
}

/**
 * The private key in a key file, as an unencrypted PKCS#8 that the caller wipes.
 * @throws KeyStoreError PASSPHRASE_EMPTY, PASSPHRASE_WRONG or KEY_CORRUPT
 */
export async function openKeyFilePkcs8(file: KeyFile, passphrase: string): Promise<Uint8Array> {
  const { secret } = await openAndCheck(file, passphrase);
  const pkcs8 = toPkcs8(file.algorithm, secret);
  secret.fill(0);
  return pkcs8;
}

async function openAndCheck(
  file: KeyFile,
  passphrase: string,
  scheme?: SignatureScheme,
): Promise<{ readonly secret: Uint8Array; readonly signer: Signer }> {
  const stretched = await stretch(passphrase, fromHex(file.salt));
  const secret = unseal(stretched, fromHex(file.sealed), associated(file));
  stretched.fill(0);
  const { keyId, algorithm } = file;
  if (secret === undefined) {
    throw new KeyStoreError('PASSPHRASE_WRONG', 'wrong passphrase, or the key file was altered', { keyId });
  }
  const { publicHex, signer } = openSecret(algorithm, secret, scheme);
  if (publicHex !== file.publicHex) {
    secret.fill(0);
    throw new KeyStoreError('KEY_CORRUPT', 'the private key does not belong to the public key', { keyId });
  }
  return { secret, signer };
}

function checkKeyFile(value: unknown, keyId: string): KeyFile {
  const parsed = keyFileSchema.safeParse(value);
  if (!parsed.success) {
    throw new KeyStoreError(
      'KEY_CORRUPT',
      'not a key file of version 1 or 2',
      { keyId },
      { cause: parsed.error },
    );
  }
  if (parsed.data.keyId !== keyId) {
    throw new KeyStoreError('KEY_CORRUPT', 'the key file is named after another key', { keyId });
  }
  if (parsed.data.version === 2 && parsed.data.certificate !== undefined) {
    assertCertificate(parsed.data.certificate, parsed.data.publicHex, keyId);
  }
  return parsed.data;
}

function versionOf({ algorithm }: HeldKey): 1 | 2 {
  return algorithm === 'ed25519' ? 1 : 2;
}

function associated(key: HeldKey & KeyLabel): Uint8Array {
  const { algorithm, keyId, publicHex, label, createdAt, certificate } = key;
  const fields = [algorithm, keyId, publicHex, label, String(createdAt)];
  if (versionOf(key) === 1) return associatedData('vidimus key file v1', ...fields);
  return associatedData('vidimus key file v2', ...fields, certificate ?? '');
}

/** 128 MiB and a third of a second: what a guess at the passphrase costs. */
async function stretch(passphrase: string, salt: Uint8Array): Promise<Uint8Array> {
  // One passphrase typed on two systems may arrive in two compositions.
  const text = passphrase.normalize('NFKC');
  if (text === '') throw new KeyStoreError('PASSPHRASE_EMPTY', 'an empty passphrase protects nothing');
  return new Promise((resolve, reject) => {
    scrypt(text, salt, 32, SCRYPT, (error, secret) =>
      error ? reject(error) : resolve(new Uint8Array(secret)),
    );
  });
}
