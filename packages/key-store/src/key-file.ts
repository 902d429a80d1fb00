/** A private key in a file of its own, encrypted under a passphrase: scrypt (RFC 7914), then AES-256-GCM. */
import { scrypt } from 'node:crypto';
import { ed25519FromSeed, fromHex, isSha256Hex, type Signer, toHex } from '@vidimus/crypto';
import { z } from 'zod';
import { KeyStoreError } from './errors.ts';
import { draw, type HeldKey, type Random } from './key-store.ts';
import { associatedData, SEAL_OVERHEAD, seal, unseal } from './seal.ts';

/** Fixed by version 1 of the format: a file cannot ask for a cheaper or a ruinous derivation. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
const SALT_BYTES = 16;
const SEED_BYTES = 32;
const MAX_LABEL_CHARACTERS = 128;

export const MAX_KEY_FILE_BYTES = 4096;

/** What a client key is for, in its owner's words; signed over by nobody, shown in lists. */
export interface KeyLabel {
  readonly label: string;
}

const hexOf = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));

const keyFileSchema = z.strictObject({
  version: z.literal(1),
  keyId: z.string().refine(isSha256Hex),
  algorithm: z.literal('ed25519'),
  publicHex: hexOf(32),
  label: z.string().max(MAX_LABEL_CHARACTERS),
  createdAt: z.number().int().nonnegative(),
  salt: hexOf(SALT_BYTES),
  sealed: hexOf(SEED_BYTES + SEAL_OVERHEAD),
});

/** The file's contents; everything but the seed is readable without the passphrase, and bound to it. */
export type KeyFile = z.infer<typeof keyFileSchema>;

/**
 * Encrypts a seed.
 * @throws KeyStoreError PASSPHRASE_EMPTY or KEY_CORRUPT (a label that is too long)
 */
export async function sealKeyFile(
  key: HeldKey & KeyLabel,
  seed: Uint8Array,
  passphrase: string,
  random: Random,
): Promise<KeyFile> {
  const salt = draw(random, SALT_BYTES);
  const secret = await stretch(passphrase, salt);
  const sealed = toHex(seal(secret, seed, associated(key), random));
  secret.fill(0);
  const { keyId, algorithm, publicHex, label, createdAt } = key;
  const file = { version: 1, keyId, algorithm, publicHex, label, createdAt, salt: toHex(salt), sealed };
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
 * @throws KeyStoreError PASSPHRASE_EMPTY, PASSPHRASE_WRONG or KEY_CORRUPT
 */
export async function openKeyFile(file: KeyFile, passphrase: string): Promise<Signer> {
  const secret = await stretch(passphrase, fromHex(file.salt));
  const seed = unseal(secret, fromHex(file.sealed), associated(file));
  secret.fill(0);
  const { keyId } = file;
  if (seed === undefined) {
    throw new KeyStoreError('PASSPHRASE_WRONG', 'wrong passphrase, or the key file was altered', { keyId });
  }
  const { publicRaw, signer } = ed25519FromSeed(seed);
  seed.fill(0);
  if (toHex(publicRaw) !== file.publicHex) {
    throw new KeyStoreError('KEY_CORRUPT', 'the private key does not belong to the public key', { keyId });
  }
  return signer;
}

function checkKeyFile(value: unknown, keyId: string): KeyFile {
  const parsed = keyFileSchema.safeParse(value);
  if (!parsed.success) {
    throw new KeyStoreError('KEY_CORRUPT', 'not a key file of version 1', { keyId }, { cause: parsed.error });
  }
  if (parsed.data.keyId !== keyId) {
    throw new KeyStoreError('KEY_CORRUPT', 'the key file is named after another key', { keyId });
  }
  return parsed.data;
}

function associated({ keyId, publicHex, label, createdAt }: HeldKey & KeyLabel): Uint8Array {
  return associatedData('vidimus key file v1', 'ed25519', keyId, publicHex, label, String(createdAt));
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
