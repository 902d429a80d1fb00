/**
 * Certificate and key of the listener. Attack T29: a bad path must never end in plain HTTP, so whatever is
 * wrong here stops the start, with the file's name.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ListenerError } from './listener-error.ts';

export interface TlsFiles {
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** What `node:https` takes. */
export interface TlsMaterial {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  readonly minVersion: 'TLSv1.2';
}

export interface TlsParts {
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Undefined when neither file is named: TLS was not asked for.
 * @throws ListenerError
 */
export async function loadTls(files: TlsFiles, parts: TlsParts): Promise<TlsMaterial | undefined> {
  const { certFile, keyFile } = files;
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new ListenerError('TLS_INVALID', 'a TLS certificate and its key are given together or not at all');
  }
  const cert = await read(parts, certFile);
  const key = await read(parts, keyFile);
  const certificate = parseCertificate(cert, certFile);
  if (!certificate.checkPrivateKey(parseKey(key, keyFile))) {
    throw new ListenerError('TLS_MISMATCH', `${keyFile} is not the key of ${certFile}`);
  }
  if (parts.now < Date.parse(certificate.validFrom) || parts.now > Date.parse(certificate.validTo)) {
    throw new ListenerError(
      'TLS_EXPIRED',
      `${certFile} is valid from ${certificate.validFrom} to ${certificate.validTo}, not now`,
    );
  }
  return { cert, key, minVersion: 'TLSv1.2' };
}

async function read(parts: TlsParts, file: string): Promise<Uint8Array> {
  try {
    return await parts.readFile(file);
  } catch (cause) {
    throw new ListenerError('TLS_FILE_UNREADABLE', `cannot read ${file}`, { cause });
  }
}

/** The first certificate of a chain: the one that names the server. */
function parseCertificate(bytes: Uint8Array, file: string): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw new ListenerError('TLS_INVALID', `${file} holds no certificate in PEM form`, { cause });
  }
}

function parseKey(bytes: Uint8Array, file: string): KeyObject {
  try {
    return createPrivateKey(Buffer.from(bytes));
  } catch (cause) {
    throw new ListenerError('TLS_INVALID', `${file} holds no private key in PEM form without a passphrase`, {
      cause,
    });
  }
}
