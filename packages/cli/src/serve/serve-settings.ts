/** What `vidimus serve` was told by flags, environment and the key `service:` of its file. */
import { resolve } from 'node:path';
import type { DatabaseSource } from '@vidimus/database';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { durationToMs } from '../config/client-config.ts';
import { readConfigFile } from '../config/read-config-file.ts';
import { systemConfigFile } from '../config/resolve-config.ts';
import type { Environment } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { accessSettings } from './access-settings.ts';

/** Flags as the command line gives them; every one has its `VIDIMUS_` variable. */
export interface ServeFlags {
  readonly config?: string;
  readonly data?: string;
  readonly listen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsDev?: boolean | string;
  readonly insecureHttp?: boolean | string;
  readonly publicUrl?: string;
  readonly only?: string;
  readonly json?: boolean;
}

const registrySchema = z.strictObject({
  plainHttp: z.boolean().optional(),
  ca: z.string().min(1).optional(),
});

/** What stands in a challenge between quotes. */
const quotable = z
  .string()
  .regex(/^[!#-[\]-~ ]{1,255}$/, 'must be 1 to 255 printable characters without quotes or backslashes');

const tokenAuthSchema = z.strictObject({
  realm: z.url({ protocol: /^https?$/ }).pipe(quotable),
  service: quotable,
  issuer: z.string().min(1).max(255),
  /** PEM file: the token server signs with the keys of these certificates, or of ones they issued. */
  rootCertBundle: z.string().min(1),
});

/** As the Notary server reads them: whole components, with or without the slash. */
const gunPrefixSchema = z
  .string()
  .regex(/^[a-z0-9_.:/[\]-]{1,255}$/, 'must be the beginning of a repository name, such as docker.io/')
  .transform((prefix) => `${prefix.replace(/\/+$/, '')}/`)
  .refine((prefix) => prefix !== '/', 'must name something');

/** Whole hours or days, at least one hour: every rotation is a new root. */
const ageSchema = z
  .string()
  .regex(/^[1-9][0-9]{0,5}[hd]$/, 'must be a duration such as 90d')
  .transform((text) => durationToMs(text));

const serviceSchema = z.strictObject({
  /**
   * `token`: metadata and target bytes are open to read, everything else needs a token. `open`: on the Notary wire,
   * uploads that a repository's present keys signed do not.
   */
  access: z.enum(['token', 'open'], { error: 'must be token or open' }).default('token'),
  /** Repositories that may be on the Notary wire, by how their names begin; none listed: all. */
  gunPrefixes: z.array(gunPrefixSchema).max(100).default([]),
  /** The registry's token server, for the Notary wire; reading then needs its tokens, too. */
  tokenAuth: tokenAuthSchema.optional(),
  ...accessSettings,
  /** Roles whose managed keys are replaced when they are so old; where others hold root, that is a change for them. */
  rotation: z
    .partialRecord(z.enum(['targets', 'snapshot', 'timestamp', 'revocations']), ageSchema)
    .default({}),
  /** The only registries the service contacts, and only to serve target bytes. */
  registries: z.record(z.string().min(1).max(255), registrySchema).default({}),
});

/** The client's keys of a shared file are the client's business. */
const serviceFileSchema = z.looseObject({ service: serviceSchema.optional() });

export type ServiceConfig = z.infer<typeof serviceSchema>;

export interface ServeSettings {
  readonly dataDirectory: string;
  readonly databaseUrl: string | undefined;
  /** As the role that owns the schema; absent: the one that serves migrates, too. */
  readonly databaseMigrateUrl?: string;
  readonly host: string;
  readonly port: number;
  /** `development`: an authority and a certificate of the server's own making, in the data directory. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | 'development' | undefined;
  readonly publicUrl: string | undefined;
  readonly service: ServiceConfig;
  /** Directory that relative paths of the service configuration start from. */
  readonly configFile: string | undefined;
}

const defaultPlain = '127.0.0.1:4480';
const defaultTls = '0.0.0.0:4443';

/** @throws CliError USAGE or CONFIG_INVALID */
export function readServeSettings(flags: ServeFlags, environment: Environment): ServeSettings {
  const tls = readTls(flags);
  const { host, port } = parseListen(flags.listen ?? (tls === undefined ? defaultPlain : defaultTls));
  if (tls === undefined && !isLoopback(host) && !isOn(flags.insecureHttp)) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `refusing plain HTTP on ${host}: tokens would travel readable`,
      'give --tls-cert and --tls-key, --tls-dev to try it, or --insecure-http behind a proxy that speaks TLS',
    );
  }
  requireKnownServices(flags.only);
  const { publicUrl } = flags;
  if (publicUrl !== undefined && !(/^https?:\/\//.test(publicUrl) && URL.canParse(publicUrl))) {
    throw noUrl(publicUrl);
  }
  const { service, file } = readService(flags.config);
  const migrateUrl = environment['DATABASE_MIGRATE_URL'];
  return {
    dataDirectory: resolve(flags.data ?? 'vidimus-data'),
    databaseUrl: environment['DATABASE_URL'] || undefined,
    ...(migrateUrl ? { databaseMigrateUrl: migrateUrl } : {}),
    host,
    port,
    tls,
    publicUrl,
    service,
    configFile: file,
  };
}

/** Where the data is: PostgreSQL, or the embedded database in the data directory. */
export function toDatabaseSource(settings: ServeSettings): DatabaseSource {
  const { dataDirectory: directory, databaseUrl: url, databaseMigrateUrl: migrateUrl } = settings;
  if (url === undefined) return { directory };
  return migrateUrl === undefined ? { url } : { url, migrateUrl };
}

function readTls(flags: ServeFlags): ServeSettings['tls'] {
  const { tlsCert, tlsKey } = flags;
  if (isOn(flags.tlsDev)) {
    if (tlsCert === undefined && tlsKey === undefined) return 'development';
    throw new CliError('USAGE', exitCodes.usage, '--tls-dev makes its own certificate: not with --tls-cert');
  }
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new CliError('USAGE', exitCodes.usage, '--tls-cert and --tls-key go together');
  }
  return { certFile: tlsCert, keyFile: tlsKey };
}

function noUrl(text: string): CliError {
  return new CliError('USAGE', exitCodes.usage, `--public-url: ${text} is no URL`, 'https://HOST[:PORT]');
}

/** A switch, or its `VIDIMUS_` variable. */
function isOn(flag: boolean | string | undefined): boolean {
  return flag === true || flag === '1' || flag === 'true';
}

/** `host:port`, `[::1]:port` or `:port`. */
function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `${text} is not host:port`,
      `for example --listen ${defaultPlain}`,
    );
  }
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return { host: host === '' ? '0.0.0.0' : host, port };
}

/** Whether only programs on this machine can connect to the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function requireKnownServices(only: string | undefined): void {
  const unknown = only?.split(',').find((name) => name !== 'trust');
  if (unknown !== undefined) {
    throw new CliError('USAGE', exitCodes.usage, `--only ${unknown}: the services there are: trust`);
  }
}

function readService(named: string | undefined): {
  readonly service: ServiceConfig;
  readonly file: string | undefined;
} {
  const file = named ?? systemConfigFile;
  const content = readConfigFile(file, serviceFileSchema);
  if (content === undefined && named !== undefined) {
    throw new CliError('CONFIG_INVALID', exitCodes.usage, `${named} does not exist`);
  }
  return {
    service: content?.service ?? serviceSchema.parse({}),
    file: content === undefined ? undefined : file,
  };
}
