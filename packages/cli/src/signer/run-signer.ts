/** `vidimus signer`: the process that alone holds private keys, until it is told to stop. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseError, openDataDirectory } from '@vidimus/database';
import { KeyStoreError } from '@vidimus/key-store';
import {
  createSigner,
  createSignerListener,
  listenSigner,
  type SignerAddress,
  SignerError,
  verifyAuditLog,
} from '@vidimus/signer';
import { pino } from 'pino';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { readConfigFile } from '../config/read-config-file.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { readGivenKey, readOrMakeKey } from '../serve/master-keys.ts';

export interface SignerFlags {
  readonly data?: string;
  readonly listen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly config?: string;
  readonly checkAudit?: boolean;
  readonly json?: boolean;
}

/** Other keys of a shared file are others' business. */
const fileSchema = z.looseObject({ signer: z.unknown().optional() });

/** Resolves after SIGTERM or SIGINT. @throws CliError for what keeps it from starting */
export async function runSigner(context: Context, flags: SignerFlags): Promise<ExitCode> {
  const directory = resolve(flags.data ?? 'vidimus-signer');
  try {
    return flags.checkAudit === true
      ? await checkAudit(context, directory)
      : await run(context, flags, directory);
  } catch (error) {
    throw toFailure(error);
  }
}

async function run(context: Context, flags: SignerFlags, directory: string): Promise<ExitCode> {
  const { environment, random, now, stopped } = context.world;
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  const address = await readAddress(flags, directory);
  const config = readConfig(flags.config);
  // One process at a time: two would each have half of the record of what was signed.
  const data = await openDataDirectory(directory);
  try {
    const signer = await createSigner({
      directory,
      random,
      now,
      master:
        (await readGivenKey(environment, 'VIDIMUS_SIGNER_MASTER_KEY')) ??
        (await readOrMakeKey(join(directory, 'master.key'), random)),
      rootMaster:
        (await readGivenKey(environment, 'VIDIMUS_SIGNER_ROOT_MASTER_KEY')) ??
        (await readOrMakeKey(join(directory, 'root-master.key'), random)),
      config,
    });
    const failed = (error: unknown): void => log.error({ err: error }, 'the signer failed');
    const listening = await listenSigner(address, createSignerListener({ signer, failed }));
    if (context.options.json === true)
      context.json({ event: 'listening', url: listening.url, services: ['signer'] });
    else context.terminal.out(`vidimus: signer listening on ${listening.url}`);
    log.info({ signal: await stopped }, 'stopping');
    await listening.close();
    return exitCodes.done;
  } finally {
    await data.close();
  }
}

async function checkAudit(context: Context, directory: string): Promise<ExitCode> {
  const { lines, head } = await verifyAuditLog(join(directory, 'audit.jsonl'));
  if (context.options.json === true) context.json({ lines, head });
  else context.terminal.out(`${lines} lines, each bound to the one before; head ${head}`);
  return exitCodes.done;
}

async function readAddress(flags: SignerFlags, directory: string): Promise<SignerAddress> {
  const { listen = `unix:${join(directory, 'signer.sock')}`, tlsCert, tlsKey, clientCa } = flags;
  if (listen.startsWith('unix:')) return { kind: 'unix', path: resolve(listen.slice('unix:'.length)) };
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(listen);
  if (match === null) throw usage(`${listen} is neither unix:PATH nor HOST:PORT`);
  if (tlsCert === undefined || tlsKey === undefined || clientCa === undefined) {
    throw usage('a signer beyond a socket needs --tls-cert, --tls-key and --client-ca');
  }
  const [cert, key, ca] = await Promise.all([tlsCert, tlsKey, clientCa].map(readPem));
  return {
    kind: 'tls',
    host: (match[1] ?? '').replace(/^\[|\]$/g, ''),
    port: Number(match[2]),
    cert: cert ?? '',
    key: key ?? '',
    clientCa: ca ?? '',
  };
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw usage(`cannot read ${file}`, cause);
  }
}

function readConfig(file: string | undefined): unknown {
  if (file === undefined) return {};
  const content = readConfigFile(file, fileSchema);
  if (content === undefined) throw new CliError('CONFIG_INVALID', exitCodes.usage, `${file} does not exist`);
  return content.signer ?? {};
}

function usage(message: string, cause?: unknown): CliError {
  return new CliError('USAGE', exitCodes.usage, message, undefined, cause === undefined ? {} : { cause });
}

/** Foreseen failures are an operator's to mend. */
function toFailure(error: unknown): unknown {
  if (error instanceof SignerError || error instanceof KeyStoreError || error instanceof DatabaseError) {
    return new CliError(error.code, exitCodes.usage, error.message);
  }
  return error;
}
