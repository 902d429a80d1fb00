/** A key as a document would list it: of the service, of a file, of a token, or one that is held here. */
import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fromHex } from '@vidimus/crypto';
import { type HeldKey, isPkcs11Uri } from '@vidimus/key-store';
import { notaryDialect, x509KeyObject } from '@vidimus/notary';
import { printable } from '@vidimus/reference';
import type { KeyEntry } from '@vidimus/trust-client';
import { type Key, tufDialect } from '@vidimus/tuf';
import { heldKey, openToken } from '../change/usable-keys.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { openKeys } from '../publish/own-keys.ts';
import { ed25519KeyObject, type RootKey, readPublicKeyFile } from '../publish/public-key-file.ts';

/** The curve of an ECDSA key is in its SubjectPublicKeyInfo. */
const schemes: Readonly<Record<string, string>> = {
  prime256v1: 'ecdsa-sha2-nistp256',
  secp384r1: 'ecdsa-sha2-nistp384',
};

/** @param text `managed`, a public key file or certificate, the beginning of an id of a key here, or a pkcs11: URI */
export async function readKeyEntry(context: Context, text: string): Promise<KeyEntry> {
  if (text === 'managed') return { custody: 'managed' };
  return toEntry(await readListedKey(context, text));
}

/** @throws CliError KEY_INVALID, FILE_UNREADABLE, KEY_UNKNOWN; KeyStoreError */
export async function readListedKey(context: Context, text: string): Promise<RootKey> {
  if (isPkcs11Uri(text)) return { dialect: 'tuf', key: await keyOfToken(context, text) };
  const held = existsSync(text) ? undefined : await heldKey(openKeys(context), text);
  if (held !== undefined) return toListedKey(held, held.certificate);
  if (existsSync(text)) return readPublicKeyFile(text);
  throw new CliError(
    'KEY_UNKNOWN',
    exitCodes.usage,
    `${printable(text)} is no key: neither managed, nor a file, nor the beginning of an id of a key here, nor a pkcs11: URI`,
    'vidimus key list',
  );
}

/** A key with a certificate is one of the dialect `notary`. @throws CliError KEY_INVALID */
export function toListedKey(held: Pick<HeldKey, 'algorithm' | 'publicHex'>, certificate?: string): RootKey {
  if (certificate !== undefined) {
    return { dialect: 'notary', key: notaryDialect.toKey(x509KeyObject(certificate)) };
  }
  return { dialect: 'tuf', key: tufDialect.toKey(tufKeyObject(held)) };
}

/** The key object that TUF clients read. @throws CliError KEY_INVALID for a curve that they do not know */
export function tufKeyObject({
  algorithm,
  publicHex,
}: Pick<HeldKey, 'algorithm' | 'publicHex'>): Key['declared'] {
  if (algorithm === 'ed25519') return ed25519KeyObject(publicHex);
  const key = createPublicKey({ key: Buffer.from(fromHex(publicHex)), format: 'der', type: 'spki' });
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  if (algorithm === 'rsa') return { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: pem } };
  const scheme = schemes[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (scheme !== undefined) return { keytype: 'ecdsa', scheme, keyval: { public: pem } };
  throw new CliError('KEY_INVALID', exitCodes.usage, 'TUF clients know no key of this curve');
}

export function toEntry({ dialect, key }: RootKey): KeyEntry {
  return {
    custody: 'client',
    ...(dialect === 'tuf' ? {} : { dialect }),
    key: key.declared,
  };
}

async function keyOfToken(context: Context, uri: string): Promise<Key> {
  const token = openToken(context);
  try {
    const { publicHalf } = await token.find(uri);
    return tufDialect.toKey(tufKeyObject(publicHalf));
  } finally {
    await token.close();
  }
}
