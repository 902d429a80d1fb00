/** The ids under which people know one key: each dialect, each client and each certificate has its own. */
import { CryptoError, type PublicKey, readCertificates, sha256Hex } from '@vidimus/crypto';
import { canonicalKeyId, ecdsaKeyObject, ed25519KeyObject, keyIdOf, rsaKeyObject } from '@vidimus/notary';
import type { DialectName, Key } from '@vidimus/tuf';
import { codecOf } from '../dialects.ts';

const ed25519Bytes = 32;

/** Hex SHA-256 of the public key itself; of a key that nobody can use, its id. */
export function materialOf(key: Key): string {
  return key.usable?.materialId ?? key.keyId;
}

/** As answers print it; of a key that nobody can use, what it says it is. */
export function schemeOf(key: Key): string {
  const told = key.declared['scheme'] ?? key.declared['keytype'];
  return key.usable?.scheme ?? (typeof told === 'string' ? told.slice(0, 64) : 'unknown');
}

/** Every other id of a key that a document of one dialect lists, without its own and its material. */
export function aliasesOf(dialect: DialectName, key: Key): readonly string[] {
  const ids = new Set(key.usable === undefined ? [] : idsOf(key.usable));
  if (dialect === 'notary') {
    const canonical = canonicalKeyId(key);
    if (canonical !== undefined) ids.add(canonical);
    const certificate = certificateId(key);
    if (certificate !== undefined) ids.add(certificate);
  }
  ids.delete(key.keyId);
  ids.delete(materialOf(key));
  return [...ids].sort();
}

/** The ids of a public key as either dialect writes it, where it can. */
function idsOf({ scheme, spkiDer }: PublicKey): readonly string[] {
  if (scheme === 'ed25519') {
    const raw = spkiDer.subarray(-ed25519Bytes);
    const keyval = { public: Buffer.from(raw).toString('hex') };
    return [
      codecOf('tuf').toKey({ keytype: 'ed25519', scheme: 'ed25519', keyval }).keyId,
      keyIdOf(ed25519KeyObject(raw)),
    ];
  }
  return [keyIdOf(scheme.startsWith('rsa') ? rsaKeyObject(spkiDer) : ecdsaKeyObject(spkiDer))];
}

/** Of the leaf, as `openssl x509 -fingerprint -sha256` counts; undefined where the key is no certificate. */
function certificateId({ declared }: Key): string | undefined {
  const { keytype, keyval } = declared;
  if (typeof keytype !== 'string' || !keytype.endsWith('-x509')) return undefined;
  if (typeof keyval !== 'object' || keyval === null || !('public' in keyval)) return undefined;
  try {
    const pem = Buffer.from(String(keyval.public), 'base64').toString('latin1');
    const [leaf] = readCertificates(pem);
    return leaf && sha256Hex(leaf.der);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}
