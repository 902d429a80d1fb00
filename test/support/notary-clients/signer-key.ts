/** Keys that people bring along: an x509 certificate and its private key, as `notary delegation add` and Docker take them. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../foreign-program.ts';

export interface SignerKey {
  /** Self-signed certificate (PEM). */
  readonly certificate: string;
  /** PKCS#8 (PEM), not encrypted. */
  readonly privateKey: string;
}

const parameters = {
  ecdsa: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['rsa:2048'],
} as const;

/** Makes a key pair with a certificate of ten years; `openssl` does, nobody of ours. */
export async function makeSignerKey(
  name: string,
  algorithm: keyof typeof parameters = 'ecdsa',
): Promise<SignerKey> {
  const directory = await mkdtemp(join(tmpdir(), 'vdm-signer-'));
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  try {
    const made = ['-newkey', ...parameters[algorithm], '-nodes', '-keyout', key, '-out', certificate];
    await runProgram('openssl', ['req', '-x509', '-days', '3650', '-subj', `/CN=${name}`, ...made]);
    return {
      certificate: await readFile(certificate, 'utf8'),
      privateKey: await readFile(key, 'utf8'),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
