/** Credentials from the files that Docker, Podman and skopeo write, in the order in which they are asked. */
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { CanonicalJsonError, parseJson } from '@vidimus/canonical-json';
import { z } from 'zod';
import type { Credential, FindCredential } from './credential.ts';
import { askHelper } from './credential-helper.ts';
import { OciError } from './errors.ts';
import { DEFAULT_TIMEOUTS, MAX_CREDENTIALS_BYTES } from './limits.ts';

/** The variables read here: REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, HOME, PATH. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface CredentialFilesOptions {
  /** Also the environment of the helper programs. */
  readonly environment: Environment;
  /** Milliseconds a helper program may take. */
  readonly helperMs?: number;
}

const entry = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const credentialsFile = z.looseObject({
  auths: z.record(z.string(), entry).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
type Entry = z.infer<typeof entry>;
type CredentialsFile = z.infer<typeof credentialsFile>;

/** Docker Hub's key in Docker's own file, and what its helpers are asked for. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const dockerHubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/**
 * Reads the files at each question, so a `docker login` in between counts. `$REGISTRY_AUTH_FILE` alone when it
 * is set, as skopeo does; else Docker's `config.json`, then Podman's `auth.json`. The first file that knows the
 * repository wins.
 */
export function credentialsFromFiles(options: CredentialFilesOptions): FindCredential {
  return async (registry, path) => {
    for (const file of filesToRead(options.environment)) {
      const content = await readCredentialsFile(file);
      const found = content === undefined ? undefined : await findIn(content, registry, path, file, options);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function filesToRead(environment: Environment): readonly string[] {
  const named = environment['REGISTRY_AUTH_FILE'];
  if (named !== undefined && named !== '') return [named];
  const home = environment['HOME'];
  const below = (directory: string | undefined, ...rest: readonly string[]): readonly string[] =>
    directory !== undefined && isAbsolute(directory) ? [join(directory, ...rest)] : [];
  const docker = environment['DOCKER_CONFIG'];
  return [
    ...(docker === undefined || docker === ''
      ? below(home, '.docker', 'config.json')
      : [join(docker, 'config.json')]),
    ...below(environment['XDG_RUNTIME_DIR'], 'containers', 'auth.json'),
    ...(below(environment['XDG_CONFIG_HOME'], 'containers', 'auth.json').length > 0
      ? below(environment['XDG_CONFIG_HOME'], 'containers', 'auth.json')
      : below(home, '.config', 'containers', 'auth.json')),
  ];
}

async function readCredentialsFile(file: string): Promise<CredentialsFile | undefined> {
  try {
    const { size } = await stat(file);
    if (size > MAX_CREDENTIALS_BYTES) throw invalid(file, 'is too large');
    const bytes = await readFile(file);
    const json = parseJson(bytes, { maxBytes: MAX_CREDENTIALS_BYTES, maxDepth: 16, numbers: 'any' });
    const parsed = credentialsFile.safeParse(json);
    if (!parsed.success)
      throw invalid(file, `is not as expected at ${parsed.error.issues[0]?.path.join('.')}`);
    return parsed.data;
  } catch (cause) {
    if (cause instanceof CanonicalJsonError) throw invalid(file, 'is not valid JSON', cause);
    if (!isErrno(cause)) throw cause;
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined;
    throw invalid(file, `cannot be read (${cause.code})`, cause);
  }
}

async function findIn(
  content: CredentialsFile,
  registry: string,
  path: string,
  file: string,
  options: CredentialFilesOptions,
): Promise<Credential | undefined> {
  const helper = byName(content.credHelpers ?? {}, [registry]) ?? content.credsStore;
  if (helper !== undefined && helper !== '') {
    const server = registry === 'docker.io' ? DOCKER_HUB_KEY : registry;
    const { environment, helperMs = DEFAULT_TIMEOUTS.helperMs } = options;
    const answered = await askHelper({ helper, server, environment, timeoutMs: helperMs });
    if (answered !== undefined) return answered;
  }
  const stored = byName(content.auths ?? {}, namesFor(registry, path));
  return stored === undefined ? undefined : toCredential(stored, file);
}

/** `host/a/b`, `host/a`, `host`: containers-auth.json(5) lets an entry speak for a part of a registry. */
function namesFor(registry: string, path: string): readonly string[] {
  const parts = path.split('/');
  return [...parts.keys()]
    .map((n) => [registry, ...parts.slice(0, parts.length - n)].join('/'))
    .concat(registry);
}

function byName<T>(entries: Readonly<Record<string, T>>, names: readonly string[]): T | undefined {
  const normalised = new Map(Object.entries(entries).map(([key, value]) => [normaliseKey(key), value]));
  for (const name of names) {
    const value = normalised.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Docker writes `https://index.docker.io/v1/`, old logins `https://host/v1/`, everybody else `host[/path]`. */
function normaliseKey(key: string): string {
  const legacy = /^https?:\/\/([^/]+)/i.exec(key)?.[1] ?? /^([^/]+)\/v[12]\/?$/.exec(key)?.[1];
  const [host = '', ...path] = (legacy ?? key).split('/');
  const lowered = host.toLowerCase();
  return [dockerHubNames.has(lowered) ? 'docker.io' : lowered, ...path].join('/');
}

function toCredential(stored: Entry, file: string): Credential | undefined {
  if (stored.identitytoken !== undefined && stored.identitytoken !== '') {
    return { kind: 'identityToken', token: stored.identitytoken };
  }
  if (stored.auth !== undefined && stored.auth !== '') {
    // Docker pads with NUL.
    const text = Buffer.from(stored.auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = text.indexOf(':');
    if (colon < 1) throw invalid(file, 'holds an "auth" that is not base64 of user:password');
    return { kind: 'password', username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  const { username, password } = stored;
  if (username === undefined || username === '' || password === undefined) return undefined;
  return { kind: 'password', username, password };
}

function invalid(file: string, problem: string, cause?: unknown): OciError {
  return new OciError('CREDENTIALS_INVALID', `the credentials file ${file} ${problem}`, { file }, { cause });
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'errno' in error;
}
