/** `--tls-dev` at a start: the certificate to serve with, and how clients are told to trust it. */
import { readFile } from 'node:fs/promises';
import { CryptoError } from '@vidimus/crypto';
import { loadTls, type TlsMaterial } from '@vidimus/trust-server';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ServeSettings } from './serve-settings.ts';
import { type DevelopmentTls, prepareDevelopmentTls } from './tls-dev-certificates.ts';

export interface PreparedTls {
  readonly material: TlsMaterial;
  /** Says on stderr what clients do once to trust a certificate of our own making. */
  tell(url: string): void;
}

/**
 * Undefined: `--tls-dev` was not given.
 * @throws CliError TLS_INVALID for a damaged directory, USAGE for a name no certificate can have
 */
export async function developmentTls(
  context: Context,
  settings: ServeSettings,
): Promise<PreparedTls | undefined> {
  if (settings.tls !== 'development') return undefined;
  const { now, random } = context.world;
  const made = await prepare({
    dataDirectory: settings.dataDirectory,
    hosts: [settings.host, ...hostOf(settings.publicUrl)],
    now: now(),
    random,
  });
  const files = { certFile: made.serverFile, keyFile: made.serverFile };
  const material = await loadTls(files, { readFile, now: now() });
  if (material === undefined) return undefined;
  return {
    material,
    tell: (url) => {
      for (const line of trustLines(made.caFile, url)) context.terminal.note(line);
    },
  };
}

/** What Docker and notary are told, one command each; `0.0.0.0` is told as this machine. */
export function trustLines(caFile: string, url: string): readonly string[] {
  const reached = new URL(url);
  if (reached.hostname === '0.0.0.0' || reached.hostname === '[::]') reached.hostname = 'localhost';
  // Docker looks for the host as the URL has it, without a port that https implies.
  const { host } = reached;
  const file = quote(caFile);
  return [
    'a certificate for evaluation; each client is told once to trust it:',
    `  docker   install -Dm644 -t \${DOCKER_CONFIG:-~/.docker}/tls/${host} ${file}`,
    `  notary   notary --tlscacert ${file} -s https://${host} list REPOSITORY`,
    `  vidimus  ca: ${file} beside trustServer: https://${host} in its configuration`,
  ];
}

async function prepare(parts: Parameters<typeof prepareDevelopmentTls>[0]): Promise<DevelopmentTls> {
  try {
    return await prepareDevelopmentTls(parts);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `--tls-dev: ${cause.message}`,
      'give --listen and --public-url a DNS name or an address',
      { cause },
    );
  }
}

/** @throws CliError USAGE */
function hostOf(publicUrl: string | undefined): readonly string[] {
  if (publicUrl === undefined) return [];
  if (!URL.canParse(publicUrl)) {
    throw new CliError('USAGE', exitCodes.usage, `--public-url: ${publicUrl} is no URL`);
  }
  return [new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')];
}

function quote(path: string): string {
  return /^[\w@:./=-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
