/** A simulated repository, a server and the conformance client with directories of its own: one per test. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { type SimulatorServer, serveConformance } from '../support/trust-simulator-server.ts';
import { map, TufSimulator } from '../support/tuf-simulator.ts';
import { runConformanceClient } from './conformance-client.ts';

export interface ConformanceBed {
  readonly simulator: TufSimulator;
  readonly server: SimulatorServer;
  /** Target bytes by URL path. */
  readonly artifacts: Map<string, Uint8Array>;
  readonly metadata: string;
  readonly targets: string;
  /** What the client said. */
  readonly said: string[];
  init(root?: Uint8Array): Promise<0 | 1>;
  refresh(): Promise<0 | 1>;
  download(...names: string[]): Promise<0 | 1>;
  /** Arguments of a command, for a real process. */
  args(command: 'refresh' | 'download', ...names: string[]): string[];
  /** Adds a target, its bytes ready for download. */
  artifact(role: string, path: string, content: string): void;
  /** Versions of the stored files of root, timestamp, snapshot, targets; 0 for none. */
  trusted(): Promise<readonly number[]>;
  stored(role: string): Promise<Buffer | undefined>;
  /** Contents of the target directory. */
  downloaded(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function makeConformanceBed(): Promise<ConformanceBed> {
  const simulator = new TufSimulator({ repository: 'conformance.example/suite' });
  const artifacts = new Map<string, Uint8Array>();
  const server = await serveConformance(simulator, artifacts);
  const directory = await mkdtemp(join(tmpdir(), 'vidimus-conformance-'));
  const [metadata, targets] = [join(directory, 'metadata'), join(directory, 'targets')];
  await mkdir(metadata);
  await mkdir(targets);
  const said: string[] = [];
  const run = (args: readonly string[]): Promise<0 | 1> =>
    runConformanceClient(args, { now: () => simulator.now, say: (line) => said.push(line) });
  const stored = async (role: string): Promise<Buffer | undefined> =>
    (await readdir(metadata)).includes(`${role}.json`)
      ? await readFile(join(metadata, `${role}.json`))
      : undefined;
  const args = (command: 'refresh' | 'download', ...names: string[]): string[] => [
    ...['--metadata-url', `${server.url}/metadata/`, '--metadata-dir', metadata],
    ...names.flatMap((name) => ['--target-name', name]),
    ...(command === 'download'
      ? ['--target-dir', targets, '--target-base-url', `${server.url}/targets/`]
      : []),
    command,
  ];

  return {
    simulator,
    server,
    artifacts,
    metadata,
    targets,
    said,
    stored,
    args,
    async init(root = simulator.files.get('1.root.json')) {
      const file = join(directory, 'initial_root.json');
      await writeFile(file, root ?? '');
      return await run(['--metadata-dir', metadata, 'init', file]);
    },
    refresh: () => run(args('refresh')),
    download: (...names) => run(args('download', ...names)),
    artifact(role, path, content) {
      simulator.target(role, path, content);
      const bytes = Buffer.from(content);
      const [directoryPart, last] = split(path);
      artifacts.set(`/targets/${directoryPart}${sha256Hex(bytes)}.${last}`, bytes);
    },
    async trusted() {
      const files = await Promise.all(['root', 'timestamp', 'snapshot', 'targets'].map(stored));
      return files.map((bytes) => (bytes === undefined ? 0 : versionIn(bytes)));
    },
    async downloaded() {
      const names = await readdir(targets);
      return await Promise.all(names.sort().map((name) => readFile(join(targets, name), 'utf8')));
    },
    async close() {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function versionIn(bytes: Uint8Array): number {
  return Number(map(JSON.parse(Buffer.from(bytes).toString()), 'signed')['version']);
}

function split(path: string): [string, string] {
  const slash = path.lastIndexOf('/') + 1;
  return [path.slice(0, slash), path.slice(slash)];
}
