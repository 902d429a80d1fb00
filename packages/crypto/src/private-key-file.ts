/** Private keys as Docker and Notary keep them in files: PKCS#8 under PBES2, and the PEM of OpenSSL before it. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import {
  DER_INTEGER,
  DER_OBJECT_ID,
  DER_OCTET_STRING,
  DER_SEQUENCE,
  DerError,
  readDer,
  readDerElement,
  readDerRun,
  readPositive,
} from './der.ts';
import { toHex } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { toPem } from './pem.ts';
import { type PemPrivateKey, parsePemPrivateKey } from './pem-private-key.ts';
import { importPkcs8, type PrivateKey, toPrivateKey } from './private-key.ts';

/** Notary writes 2,048; two million take a second or two. A file must not choose how long we compute. */
const MAX_PBKDF2_ITERATIONS = 2_000_000;

const PBES2 = '2a864886f70d01050d'; // 1.2.840.113549.1.5.13
const PBKDF2 = '2a864886f70d01050c';

/** What OpenSSL wrote; each derives its key in one round of MD5. */
const DEK_INFO = /^(?:AES-(?:128|192|256)-CBC,[0-9A-F]{32}|DES-EDE3-CBC,[0-9A-F]{16})$/i;

/** A key of such a file. */
export interface PrivateKeyFile extends PrivateKey {
  /** Headers of Docker and Notary: the role the key is for, and the repository; as somebody wrote them. */
  readonly role?: string;
  readonly gun?: string;
}

/**
 * Opens the file of one private key: `ENCRYPTED PRIVATE KEY` (PBES2 with PBKDF2), `PRIVATE KEY`, and `EC` or `RSA
 * PRIVATE KEY`, encrypted or not. The text may come from anybody; an encrypted key takes up to two seconds.
 * @throws CryptoError PASSPHRASE (missing, wrong, or the file was altered), KEY_INVALID or KEY_WEAK
 */
export function readPrivateKeyFile(pem: string, passphrase?: string): PrivateKeyFile {
  const file = parsePemPrivateKey(pem);
  const role = file.headers.get('role');
  const gun = file.headers.get('gun');
  return {
    ...toPrivateKey(open(file, passphrase)),
    ...(role === undefined ? {} : { role }),
    ...(gun === undefined ? {} : { gun }),
  };
}

function open(file: PemPrivateKey, passphrase: string | undefined): KeyObject {
  const { label, body } = file;
  const info = file.headers.get('dek-info');
  if (label === 'PRIVATE KEY') return importPkcs8(body);
  if (label === 'ENCRYPTED PRIVATE KEY') {
    assertBoundedDerivation(body);
    return decrypt(passphrase, (secret) =>
      createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.from(body), passphrase: secret }),
    );
  }
  if (info === undefined) return importTraditional(label === 'EC PRIVATE KEY' ? 'sec1' : 'pkcs1', body);
  if (!DEK_INFO.test(info))
    throw new CryptoError('KEY_INVALID', 'the key is encrypted with an unknown cipher');
  const headers = `-----BEGIN ${label}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: ${info}\n\n`;
  const key = toPem(label, body).replace(`-----BEGIN ${label}-----\n`, headers);
  return decrypt(passphrase, (secret) => createPrivateKey({ format: 'pem', key, passphrase: secret }));
}

/** Without causes: nothing of a private key may reach a log. */
function decrypt(passphrase: string | undefined, read: (passphrase: string) => KeyObject): KeyObject {
  if (passphrase === undefined)
    throw new CryptoError('PASSPHRASE', 'the key is encrypted: a passphrase is needed');
  try {
    return read(passphrase);
  } catch {
    throw new CryptoError('PASSPHRASE', 'wrong passphrase, or the key file was altered');
  }
}

function importTraditional(type: 'sec1' | 'pkcs1', der: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ format: 'der', type, key: Buffer.from(der) });
  } catch {
    throw new CryptoError('KEY_INVALID', 'not a private key of the form it claims');
  }
}

/** RFC 8018 A.2 and A.4: EncryptedPrivateKeyInfo by PBES2 with PBKDF2 and a count that we are willing to pay. */
function assertBoundedDerivation(der: Uint8Array): void {
  try {
    if (readIterations(der) <= MAX_PBKDF2_ITERATIONS) return;
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new CryptoError('KEY_INVALID', `not a key under PBES2 with PBKDF2: ${cause.message}`, { cause });
  }
  throw new CryptoError('KEY_INVALID', `more than ${MAX_PBKDF2_ITERATIONS} iterations to open the key`);
}

function readIterations(der: Uint8Array): number {
  const [algorithm = new Uint8Array()] = readDer(readDerElement(der, DER_SEQUENCE), [
    DER_SEQUENCE,
    DER_OCTET_STRING,
  ]);
  const [derivation = new Uint8Array()] = readDer(parametersOf(algorithm, PBES2), [
    DER_SEQUENCE,
    DER_SEQUENCE,
  ]);
  const [salt, count] = readDerRun(parametersOf(derivation, PBKDF2));
  if (salt?.tag !== DER_OCTET_STRING || count?.tag !== DER_INTEGER) throw new DerError('no iteration count');
  return Number(BigInt(`0x${toHex(readPositive(count.content))}`));
}

function parametersOf(algorithm: Uint8Array, id: string): Uint8Array {
  const [name, parameters] = readDer(algorithm, [DER_OBJECT_ID, DER_SEQUENCE]);
  if (name === undefined || parameters === undefined || toHex(name) !== id)
    throw new DerError('another algorithm');
  return parameters;
}
