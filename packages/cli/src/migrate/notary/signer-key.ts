/**
 * A private key as notary-signer stores it: a JWE under a passphrase that only the signer's environment knows, and in
 * it the key as Go writes it. Rows are not believed: which key it is, the key itself says.
 * @see theupdateframework/notary signer/keydbstore/sql_keydbstore.go, tuf/utils/x509.go
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { compactDecrypt } from 'jose';
import type { Environment } from '../../context.ts';
import type { SealedKeyRow } from './notary-tables.ts';

/** notary-signer writes 8,192; more than this would let a row keep a processor busy for minutes. */
const maxIterations = 1_000_000;
const keywrap = 'PBES2-HS256+A128KW';
const encryption = 'A256GCM';
const environmentPrefix = 'NOTARY_SIGNER_';

/** Ed25519 as Go's first library wrote it: public key, then private key (seed and public key again). */
const ed25519Bytes = 96;
const ed25519PublicBytes = 32;
const ed25519SeedBytes = 32;
/** PKCS#8 of an Ed25519 seed (RFC 8410), up to the seed. */
const ed25519Pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

export type KeyRefusal =
  /** The environment variable of this name is not set. */
  | { readonly code: 'PASSPHRASE_MISSING'; readonly variable: string }
  /** It is, and does not open the key. */
  | { readonly code: 'PASSPHRASE_WRONG'; readonly variable: string }
  /** Not what notary-signer writes: other algorithms, too many iterations, no key. */
  | { readonly code: 'KEY_UNREADABLE' };

/** Where notary-signer itself looks for the passphrase of an alias. */
export function passphraseVariable(alias: string): string {
  return `${environmentPrefix}${alias.toUpperCase().replaceAll('.', '_')}`;
}

/** The key as PKCS#8 (DER). Never throws for what a row or a passphrase says. */
export async function openSignerKey(
  row: SealedKeyRow,
  environment: Environment,
): Promise<Uint8Array | KeyRefusal> {
  if (row.sealed === null || row.encryption !== encryption || row.keywrap !== keywrap) {
    return { code: 'KEY_UNREADABLE' };
  }
  const variable = passphraseVariable(row.alias);
  const passphrase = environment[variable];
  if (!passphrase) return { code: 'PASSPHRASE_MISSING', variable };
  const plain = await decrypt(row.sealed, passphrase);
  if (plain === 'unreadable') return { code: 'KEY_UNREADABLE' };
  if (plain === 'wrong') return { code: 'PASSPHRASE_WRONG', variable };
  return toPkcs8(row.algorithm, plain) ?? { code: 'KEY_UNREADABLE' };
}

async function decrypt(sealed: string, passphrase: string): Promise<Uint8Array | 'wrong' | 'unreadable'> {
  try {
    const { plaintext } = await compactDecrypt(sealed, new TextEncoder().encode(passphrase), {
      // The header of a row chooses nothing.
      keyManagementAlgorithms: [keywrap],
      contentEncryptionAlgorithms: [encryption],
      maxPBES2Count: maxIterations,
      maxDecompressedLength: 0,
    });
    return plaintext;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return Reflect.get(error, 'code') === 'ERR_JWE_DECRYPTION_FAILED' ? 'wrong' : 'unreadable';
  }
}

function toPkcs8(algorithm: string, plain: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(plain);
  try {
    return toKeyObject(algorithm, bytes)?.export({ type: 'pkcs8', format: 'der' });
  } catch (error) {
    // OpenSSL's complaints about bytes that are no key.
    if (error instanceof Error) return undefined;
    throw error;
  } finally {
    bytes.fill(0);
  }
}

function toKeyObject(algorithm: string, bytes: Buffer): KeyObject | undefined {
  switch (algorithm) {
    case 'ecdsa':
      return createPrivateKey({ key: bytes, format: 'der', type: 'sec1' });
    case 'rsa':
      return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs1' });
    case 'ed25519': {
      if (bytes.length !== ed25519Bytes) return undefined;
      const seed = bytes.subarray(ed25519PublicBytes, ed25519PublicBytes + ed25519SeedBytes);
      const der = Buffer.concat([ed25519Pkcs8Head, seed]);
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    }
    default:
      return undefined;
  }
}
