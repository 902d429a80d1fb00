/** `VIDIMUS_SIGNER`: where the service's private keys are made and used, in place of its own process. */
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { createRemoteKeyStore, type RemoteKeyStore, type SignerTarget } from '@vidimus/key-store';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

/**
 * The signer that the environment names; undefined when it names none. It need not answer yet.
 * @throws CliError USAGE
 */
export async function openRemoteSigner(environment: Environment): Promise<RemoteKeyStore | undefined> {
  const url = environment['VIDIMUS_SIGNER'];
  if (!url) return undefined;
  return createRemoteKeyStore({ target: await parseSigner(url, environment) });
}

async function parseSigner(text: string, environment: Environment): Promise<SignerTarget> {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (isAbsolute(path)) return { kind: 'unix', path };
    throw usage(`VIDIMUS_SIGNER: ${text} names no absolute path`);
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw usage(`VIDIMUS_SIGNER: ${text} is neither unix:/path nor https://host:port`);
  }
  return {
    kind: 'tls',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || '443'),
    ca: await read(environment, 'VIDIMUS_SIGNER_CA'),
    cert: await read(environment, 'VIDIMUS_SIGNER_CERT'),
    key: await read(environment, 'VIDIMUS_SIGNER_KEY'),
  };
}

async function read(environment: Environment, name: string): Promise<string> {
  const file = environment[name];
  if (!file) throw usage(`a signer at https:// needs ${name}`);
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw usage(`${name}: cannot read ${file}`, cause);
  }
}

function usage(message: string, cause?: unknown): CliError {
  const hint =
    'unix:/path of its socket, or https://host:port with VIDIMUS_SIGNER_CA, _CERT and _KEY (PEM files)';
  return new CliError('USAGE', exitCodes.usage, message, hint, cause === undefined ? {} : { cause });
}
