/** A public root key of somebody else, from a file: PEM, or an Ed25519 key as hex; a certificate for Notary clients. */
import { createPublicKey } from 'node:crypto';
import { CryptoError, toHex } from '@vidimus/crypto';
import { notaryDialect, x509KeyObject } from '@vidimus/notary';
import { type DialectName, type Key, tufDialect } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { readNamedFile } from './bounded-file.ts';

const maxKeyFileBytes = 65_536;
const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ecdsa-sha2-nistp256',
  secp384r1: 'ecdsa-sha2-nistp384',
};

/** A root key and the dialect whose documents list it. */
export interface RootKey {
  readonly dialect: DialectName;
  readonly key: Key;
  /** Of the token that can sign with it from here. */
  readonly uri?: string;
}

/** @throws CliError KEY_INVALID or FILE_UNREADABLE */
export function readPublicKeyFile(file: string): RootKey {
  const text = readNamedFile(file, maxKeyFileBytes).toString('utf8').trim();
  if (/PRIVATE KEY/.test(text)) throw invalid(file, 'holds a private key: give its public half');
  const isCertificate = /BEGIN CERTIFICATE/.test(text);
  const key = isCertificate ? toCertified(file, text) : tufDialect.toKey(toDeclared(file, text));
  if (key.usable === undefined) throw invalid(file, 'holds a key that is malformed or weak');
  return { dialect: isCertificate ? 'notary' : 'tuf', key };
}

/** The TUF key object of an Ed25519 key. @param publicHex 64 hex digits */
export function ed25519KeyObject(publicHex: string): Key['declared'] {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } };
}

function toCertified(file: string, text: string): Key {
  try {
    return notaryDialect.toKey(x509KeyObject(`${text}\n`));
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw invalid(file, 'is no certificate that Notary clients take', cause);
  }
}

function toDeclared(file: string, text: string): Key['declared'] {
  const hex = /^(?:ed25519:)?([0-9a-f]{64})$/i.exec(text)?.[1];
  if (hex !== undefined) return ed25519KeyObject(hex.toLowerCase());
  try {
    const key = createPublicKey({ key: text, format: 'pem', type: 'spki' });
    // Exported anew: the key id hangs on the text, and line ends must not make another key of it.
    const pem = key.export({ type: 'spki', format: 'pem' }).toString();
    if (key.asymmetricKeyType === 'ed25519') {
      return ed25519KeyObject(toHex(key.export({ type: 'spki', format: 'der' }).subarray(-32)));
    }
    if (key.asymmetricKeyType === 'rsa') {
      return { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: pem } };
    }
    const scheme = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
    if (scheme !== undefined) return { keytype: 'ecdsa', scheme, keyval: { public: pem } };
  } catch (cause) {
    throw invalid(file, 'is neither a PEM public key nor 64 hex digits', cause);
  }
  throw invalid(file, 'holds a key of a kind that cannot sign trust data');
}

function invalid(file: string, problem: string, cause?: unknown): CliError {
  return new CliError(
    'KEY_INVALID',
    exitCodes.usage,
    `${file} ${problem}`,
    'a root key is Ed25519, ECDSA P-256 or P-384, or RSA: openssl pkey -in KEY -pubout',
    { cause },
  );
}
