/** Keys that this machine can sign with: in its key directory, in a file that is named, or on a token. */
import { existsSync } from 'node:fs';
import { type PublicKey, readPrivateKeyFile, signerFromPkcs8, toHex } from '@vidimus/crypto';
import {
  type ClientKey,
  createPkcs11KeyStore,
  type FileKeyStore,
  type HeldKey,
  isPkcs11Uri,
} from '@vidimus/key-store';
import { printable } from '@vidimus/reference';
import type { SigningKey } from '@vidimus/trust-client';
import type { Key } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { passphraseOf } from '../publish/person.ts';

const maxKeyFileBytes = 65_536;

/** A key that can sign, under the id by which documents list it. */
export interface UsableKey {
  readonly keyId: string;
  /** Where it is, for people. */
  readonly place: string;
  /** Asks for a passphrase or a PIN where there is one. */
  readonly open: () => Promise<SigningKey>;
}

/** Of the keys that documents list, those that can be used here. */
export type KeyRing = (listed: readonly Key[]) => readonly UsableKey[];

/**
 * Gives `work` the keys of this machine.
 * @param named of `--key`: only these; absent: all of the key directory
 * @throws CliError KEY_UNKNOWN, KEY_INVALID; KeyStoreError
 */
export async function withKeyRing<Result>(
  context: Context,
  store: FileKeyStore,
  named: readonly string[] | undefined,
  work: (ring: KeyRing) => Promise<Result>,
): Promise<Result> {
  const opened: OpenSource[] = [];
  try {
    if (named === undefined) {
      const held = await store.list();
      opened.push(...held.map((key) => heldSource(context, store, key)));
    } else {
      for (const name of named) opened.push(await openSource(context, store, name));
    }
    return await work((listed) =>
      listed.flatMap((key) => opened.flatMap((source) => source.toUsable(key) ?? []).slice(0, 1)),
    );
  } finally {
    for (const { close } of opened) await close?.();
  }
}

/** Whether a key that is held here is one that a document lists, however it is spelled there. */
export function holdsKey({ algorithm, publicHex }: HeldKey, { usable }: Key): boolean {
  return usable !== undefined && publicHex === publicHexOf(algorithm, usable);
}

interface OpenSource {
  readonly toUsable: (key: Key) => UsableKey | undefined;
  readonly close?: () => Promise<void>;
}

/** As the key store spells it: the raw key for Ed25519, the SubjectPublicKeyInfo of the others. */
function publicHexOf(algorithm: HeldKey['algorithm'], { spkiDer }: PublicKey): string {
  return toHex(algorithm === 'ed25519' ? spkiDer.slice(-32) : spkiDer);
}

function heldSource(context: Context, store: FileKeyStore, held: ClientKey): OpenSource {
  return {
    toUsable: (key) =>
      !holdsKey(held, key)
        ? undefined
        : {
            keyId: key.keyId,
            place: `$VIDIMUS_KEYS, ${held.label}`,
            open: async () => {
              context.terminal.progress(`opening key ${held.keyId.slice(0, 12)} ...`);
              await store.adopt(key.keyId);
              return { keyId: key.keyId, signer: await store.open(held, key.usable?.scheme) };
            },
          },
  };
}

async function openSource(context: Context, store: FileKeyStore, name: string): Promise<OpenSource> {
  if (isPkcs11Uri(name)) return await tokenSource(context, store, name);
  const held = await heldKey(store, name);
  if (held !== undefined) return heldSource(context, store, held);
  if (existsSync(name)) return await fileSource(context, store, name);
  throw new CliError(
    'KEY_UNKNOWN',
    exitCodes.denied,
    `${printable(name)} is no key on this machine: neither the beginning of an id, nor a file, nor a pkcs11: URI`,
    'vidimus key list',
  );
}

/** The key whose id begins like that. @throws CliError USAGE for several */
export async function heldKey(store: FileKeyStore, prefix: string): Promise<ClientKey | undefined> {
  if (!/^[0-9a-f]{4,64}$/.test(prefix)) return undefined;
  const [first, second] = (await store.list()).filter(({ keyId }) => keyId.startsWith(prefix));
  if (second === undefined) return first;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `several keys here begin with ${prefix}`,
    'give more of the id',
  );
}

async function tokenSource(context: Context, store: FileKeyStore, uri: string): Promise<OpenSource> {
  const token = openToken(context);
  try {
    const found = await token.find(uri);
    const { algorithm, publicHex } = found.publicHalf;
    return {
      toUsable: (key) =>
        key.usable === undefined || publicHexOf(algorithm, key.usable) !== publicHex
          ? undefined
          : {
              keyId: key.keyId,
              place: found.uri,
              open: async () => {
                await store.adopt(key.keyId);
                return { keyId: key.keyId, signer: found.signer(key.usable?.scheme) };
              },
            },
      close: () => token.close(),
    };
  } catch (error) {
    await token.close();
    throw error;
  }
}

/** Tokens of this machine; a PIN is asked for last. To be closed. */
export function openToken(context: Context) {
  const { terminal, world } = context;
  return createPkcs11KeyStore({
    environment: world.environment,
    ...(terminal.interactive
      ? {
          askPin: async ({ label }) => {
            terminal.progress('');
            return await world.ask(`PIN of token ${printable(label)}: `, { hidden: true });
          },
        }
      : {}),
  });
}

async function fileSource(context: Context, store: FileKeyStore, file: string): Promise<OpenSource> {
  const pkcs8 = await openKeyPem(context, file);
  // The scheme is that of the listed key; which key it is, any scheme tells.
  return {
    toUsable: (key) => {
      const scheme = key.usable?.scheme;
      const signer = scheme === undefined ? undefined : trySigner(pkcs8, scheme);
      if (signer === undefined || signer.publicKey.materialId !== key.usable?.materialId) return undefined;
      return {
        keyId: key.keyId,
        place: file,
        open: async () => {
          await store.adopt(key.keyId);
          return { keyId: key.keyId, signer };
        },
      };
    },
    close: async () => {
      pkcs8.fill(0);
    },
  };
}

function trySigner(pkcs8: Uint8Array, scheme: NonNullable<Key['usable']>['scheme']) {
  try {
    return signerFromPkcs8(pkcs8, scheme);
  } catch {
    // A key of another kind than the listed one.
    return undefined;
  }
}

/** The private key in a PEM file. @throws CliError KEY_INVALID, PASSPHRASE_WRONG, PASSPHRASE_NEEDED */
export async function openKeyPem(context: Context, file: string): Promise<Uint8Array> {
  const pem = readNamedFile(file, maxKeyFileBytes).toString('latin1');
  const isEncrypted = /ENCRYPTED/.test(pem);
  const passphrase = isEncrypted ? await passphraseOf(context, `key file ${file}`, 'open') : undefined;
  try {
    return readPrivateKeyFile(pem, passphrase).pkcs8;
  } catch (cause) {
    const isWrong = cause instanceof Error && 'code' in cause && cause.code === 'PASSPHRASE';
    throw new CliError(
      isWrong ? 'PASSPHRASE_WRONG' : 'KEY_INVALID',
      exitCodes.usage,
      isWrong ? `the passphrase does not open ${file}` : `${file} holds no private key that can be used`,
      isWrong
        ? 'set VIDIMUS_PASSPHRASE, or run this on a terminal'
        : 'openssl pkey -in FILE -text shows what it is',
      { cause },
    );
  }
}
