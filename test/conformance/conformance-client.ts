/**
 * The command line that the public tuf-conformance suite drives, over the parts of `vidimus` itself: driver,
 * workflow, HTTP client and disk cache. Only the cache layout differs: unversioned files in `--metadata-dir`.
 * @see https://github.com/theupdateframework/tuf-conformance, CLIENT-CLI.md
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createHttpClient,
  createHttpSource,
  createSession,
  type HttpClient,
  openDirectoryCache,
  type Session,
} from '@vidimus/trust-client';
import { type Target, type TrustedState, verifyTargetFile } from '@vidimus/tuf';
import { findArtifact, keepArtifact } from './artifact-files.ts';

export interface ConformanceWorld {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** For people: why a command failed, what was odd. */
  readonly say: (line: string) => void;
}

interface Options {
  readonly metadataDirectory: string;
  readonly metadataUrl: string;
  readonly targetNames: readonly string[];
  readonly targetDirectory: string;
  readonly targetBaseUrl: string;
}

/** No repository is named by the protocol; foreign ones need not say where they belong. */
const REPOSITORY = 'conformance.example/suite';

/** Runs one command; 0 or 1, nothing else. */
export async function runConformanceClient(args: readonly string[], world: ConformanceWorld): Promise<0 | 1> {
  try {
    const { options, command } = parse(args);
    if (command[0] === 'init') await init(options, command[1] ?? '');
    else if (command[0] === 'refresh') await withSession(options, world, async () => undefined);
    else if (command[0] === 'download') await download(options, world);
    else throw new Error(`unknown command ${command.join(' ')}`);
    return 0;
  } catch (error) {
    world.say(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    return 1;
  }
}

async function init(options: Options, trustedRoot: string): Promise<void> {
  const bytes = await readFile(trustedRoot);
  const cache = (await openCache(options)).begin();
  await cache.load({ role: 'root' });
  await cache.store({ role: 'root' }, bytes);
}

async function download(options: Options, world: ConformanceWorld): Promise<void> {
  const artifacts = createHttpClient({ server: options.targetBaseUrl });
  try {
    await withSession(options, world, async (session, state) => {
      for (const name of options.targetNames) {
        const found = await session.lookUp(state, name);
        if (found === undefined) throw new Error(`nobody vouches for ${name}`);
        await obtain(options, artifacts, state, found.target);
      }
    });
  } finally {
    artifacts.close();
  }
}

async function obtain(
  options: Options,
  http: HttpClient,
  state: TrustedState,
  target: Target,
): Promise<void> {
  if ((await findArtifact(options.targetDirectory, target)) !== undefined) return;
  const url = options.targetBaseUrl + artifactPath(target, state.root.document.consistentSnapshot);
  const { status, body } = await http.request({ method: 'GET', url, maxBytes: target.length });
  if (status !== 200) throw new Error(`the server answers ${status} for ${target.path}`);
  // TUF 5.7.3: nothing is kept before length and every hash agree.
  verifyTargetFile(target, body);
  await keepArtifact(options.targetDirectory, target, body);
}

/** TUF 5.7.3: with consistent snapshots a hash stands before the last segment. */
function artifactPath(target: Target, consistentSnapshot: boolean): string {
  const segments = target.path.split('/').map(encodeURIComponent);
  const last = segments.pop() ?? '';
  const hash = [...target.hashes.values()][0] ?? '';
  return [...segments, consistentSnapshot ? `${hash}.${last}` : last].join('/');
}

async function withSession(
  options: Options,
  world: ConformanceWorld,
  use: (session: Session, state: TrustedState) => Promise<void>,
): Promise<void> {
  const cache = await openCache(options);
  const anchor = await cache.begin().load({ role: 'root' });
  if (anchor === undefined) throw new Error('init first');
  const http = createHttpClient({ server: options.metadataUrl });
  try {
    const session = createSession({
      repository: REPOSITORY,
      cache,
      source: createHttpSource(http, http.server),
      anchor: { kind: 'root', bytes: anchor },
      foreign: true,
      warn: (code, detail) => world.say(`${code} ${JSON.stringify(detail)}`),
    });
    await use(session, await session.refresh({ now: world.now() }));
  } finally {
    http.close();
  }
}

function openCache(options: Options) {
  const directory = options.metadataDirectory;
  return openDirectoryCache({
    directory,
    historyDirectory: join(directory, 'root_history'),
    lockFile: join(directory, '.lock'),
  });
}

function parse(args: readonly string[]): { options: Options; command: readonly string[] } {
  const values = new Map<string, string[]>();
  let at = 0;
  for (; args[at]?.startsWith('--'); at += 2) {
    const name = args[at] ?? '';
    values.set(name, [...(values.get(name) ?? []), args[at + 1] ?? '']);
  }
  const one = (name: string): string => values.get(name)?.at(-1) ?? '';
  const options = {
    metadataDirectory: one('--metadata-dir'),
    metadataUrl: one('--metadata-url'),
    targetNames: values.get('--target-name') ?? [],
    targetDirectory: one('--target-dir'),
    targetBaseUrl: one('--target-base-url'),
  };
  if (options.metadataDirectory === '') throw new Error('--metadata-dir is missing');
  return { options, command: args.slice(at) };
}
