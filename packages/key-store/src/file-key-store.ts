/** A client's private keys: `<key id>.key` encrypted, `<key id>.signed` what it signed, in a directory of mode 0700. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSha256Hex } from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';
import {
  type KeyFile,
  type KeyLabel,
  MAX_KEY_FILE_BYTES,
  openKeyFile,
  openKeyFilePkcs8,
  parseKeyFile,
  sealKeyFile,
} from './key-file.ts';
import { importKeyPair, type KeyPair, makeKeyPair } from './key-pair.ts';
import { assertKeyId, type HeldKey, type KeyIdOf, type KeyStore, type Random } from './key-store.ts';
import { createPrivateFile, ensurePrivateDirectory, readPrivateFile } from './private-file.ts';
import { claimVersion, createSignedRecord, readSignedRecord, type SignedDocument } from './signed-record.ts';

/** A client key as lists show it. */
export interface ClientKey extends HeldKey, KeyLabel {}

export interface FileKeyStoreParts {
  /** Made with mode 0700 when it is missing. */
  readonly directory: string;
  /** Asks for the passphrase of a key; undefined for one that is being made. */
  readonly passphrase: (key: ClientKey | undefined) => Promise<string>;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Keys in files. Errors of the file system itself (no space, no permission) pass as they are. */
export interface FileKeyStore extends KeyStore<KeyLabel, ClientKey> {
  /** The key with this id, or undefined. */
  find(keyId: string): Promise<ClientKey | undefined>;
  /** All keys, by id. */
  list(): Promise<readonly ClientKey[]>;
  /**
   * To be awaited before every signature: writes down what the key is about to sign.
   * @throws KeyStoreError ALREADY_SIGNED, RECORD_CORRUPT
   */
  claim(keyId: string, document: SignedDocument): Promise<void>;
  /** Begins the record of a key that another program keeps; one that is there stays. */
  adopt(keyId: string): Promise<void>;
  /**
   * The private key as an unencrypted PKCS#8, which the caller wipes. What it signed stays written down here alone.
   * @throws KeyStoreError KEY_UNKNOWN, PASSPHRASE_WRONG, KEY_CORRUPT
   */
  exportPkcs8(key: ClientKey): Promise<Uint8Array>;
  /** Everything the key signed, oldest first. */
  signed(keyId: string): Promise<readonly SignedDocument[]>;
}

/**
 * A directory of encrypted keys. Besides what `KeyStore` says, every method refuses a directory or file that
 * others may use (FILE_UNSAFE), `open` a wrong passphrase (PASSPHRASE_WRONG), and `import` a certificate of another
 * key (CERTIFICATE_WRONG).
 */
export function createFileKeyStore(parts: FileKeyStoreParts): FileKeyStore {
  const { directory } = parts;

  async function fileOf(keyId: string, extension: 'key' | 'signed'): Promise<string> {
    assertKeyId(keyId);
    await ensurePrivateDirectory(directory);
    return join(directory, `${keyId}.${extension}`);
  }

  async function read(keyId: string): Promise<KeyFile | undefined> {
    const bytes = await readPrivateFile(await fileOf(keyId, 'key'), MAX_KEY_FILE_BYTES, 'refuse');
    return bytes === undefined ? undefined : parseKeyFile(bytes, keyId);
  }

  async function find(keyId: string): Promise<ClientKey | undefined> {
    const file = await read(keyId);
    return file === undefined ? undefined : toClientKey(file);
  }

  async function keep(label: KeyLabel, pair: KeyPair, keyIdOf: KeyIdOf): Promise<ClientKey> {
    const { publicHalf, secret } = pair;
    try {
      const { algorithm, publicHex } = publicHalf;
      const keyId = keyIdOf(publicHalf);
      const path = await fileOf(keyId, 'key');
      const key = toClientKey({ keyId, algorithm, publicHex, ...label, createdAt: parts.now() });
      const passphrase = await parts.passphrase(undefined);
      const file = await sealKeyFile(key, secret, passphrase, parts.random);
      // The record first: a key without one could not sign.
      await createSignedRecord(await fileOf(keyId, 'signed'), parts.random);
      await createPrivateFile(path, Buffer.from(`${JSON.stringify(file, undefined, 2)}\n`), parts.random);
      return key;
    } finally {
      secret.fill(0);
    }
  }

  return {
    generate: async (label, keyIdOf, algorithm = 'ed25519') => {
      await ensurePrivateDirectory(directory);
      return keep(label, makeKeyPair(algorithm, parts.random), keyIdOf);
    },
    import: async (label, pkcs8, keyIdOf) => {
      await ensurePrivateDirectory(directory);
      return keep(label, importKeyPair(pkcs8), keyIdOf);
    },
    open: async ({ keyId }, scheme) => {
      const file = await read(keyId);
      if (file === undefined) throw new KeyStoreError('KEY_UNKNOWN', 'no such key here', { keyId });
      return openKeyFile(file, await parts.passphrase(toClientKey(file)), scheme);
    },
    find,
    list: async () => {
      await ensurePrivateDirectory(directory);
      const names = (await readdir(directory)).filter((name) => name.endsWith('.key')).sort();
      const found = await Promise.all(
        names
          .map((name) => name.slice(0, -'.key'.length))
          .filter(isSha256Hex)
          .map(find),
      );
      return found.filter((key) => key !== undefined);
    },
    claim: async (keyId, document) => claimVersion(await fileOf(keyId, 'signed'), document),
    adopt: async (keyId) => {
      const path = await fileOf(keyId, 'signed');
      try {
        await createSignedRecord(path, parts.random);
      } catch (error) {
        if (!(error instanceof KeyStoreError && error.code === 'KEY_EXISTS')) throw error;
      }
    },
    exportPkcs8: async ({ keyId }) => {
      const file = await read(keyId);
      if (file === undefined) throw new KeyStoreError('KEY_UNKNOWN', 'no such key here', { keyId });
      return openKeyFilePkcs8(file, await parts.passphrase(toClientKey(file)));
    },
    signed: async (keyId) => readSignedRecord(await fileOf(keyId, 'signed')),
  };
}

function toClientKey(key: ClientKey): ClientKey {
  const { keyId, algorithm, publicHex, label, createdAt, certificate } = key;
  return {
    keyId,
    algorithm,
    publicHex,
    label,
    createdAt,
    ...(certificate === undefined ? {} : { certificate }),
  };
}
