/** A directory and a repository, each behind a server of its own, and clients that share one cache directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AnchorFile,
  type ClientCache,
  createClientCache,
  createTrustClient,
  type PinnableAnchor,
  pinAnchor,
  type RepositorySettings,
  type RepositoryTrust,
} from '@vidimus/trust-client';
import { makeDirectory, nameIn, rootsOf } from '../../../support/directory-simulator.ts';
import { type SimulatorServer, serveSimulator } from '../../../support/trust-simulator-server.ts';
import type { TestKey } from '../../../support/tuf-keys.ts';
import { type JsonMap, TufSimulator } from '../../../support/tuf-simulator.ts';

export interface DirectoryBed {
  readonly directory: TufSimulator;
  readonly repository: TufSimulator;
  readonly directoryServer: SimulatorServer;
  readonly server: SimulatorServer;
  readonly cache: ClientCache;
  readonly warnings: string[];
  /** Keys of root that the repository had first. */
  readonly rootKeys: readonly TestKey[];
  /** Makes the directory name the repository, by `pattern`, and publishes. */
  name(keys?: readonly TestKey[], more?: JsonMap, pattern?: string): void;
  /** Pins the directory in the cache, as `anchor pin FILE` does. */
  pin(carried?: Partial<AnchorFile>): Promise<void>;
  /** A client in a new process. */
  start(
    settings?: Partial<RepositorySettings>,
    configured?: AnchorFile & { pinned: PinnableAnchor },
  ): RepositoryTrust;
  /** The anchor file of the directory. */
  anchor(carried?: Partial<AnchorFile>): AnchorFile & { pinned: PinnableAnchor };
  close(): Promise<void>;
}

export async function openDirectoryBed(): Promise<DirectoryBed> {
  const directory = makeDirectory();
  const repository = new TufSimulator();
  repository.delegate('targets', 'revocations', { paths: ['sha256:*'], terminating: true });
  repository.publishAll();
  const directoryServer = await serveSimulator(directory);
  const server = await serveSimulator(repository);
  const home = await mkdtemp(join(tmpdir(), 'vidimus-directory-'));
  const cache = createClientCache(join(home, 'cache'));
  const warnings: string[] = [];
  const started: { close(): void }[] = [];
  const rootKeys = repository.signers.get('root') ?? [];
  const bytes = directory.bytes('root');
  const bed: DirectoryBed = {
    directory,
    repository,
    directoryServer,
    server,
    cache,
    warnings,
    rootKeys,
    name(keys = rootKeys, more = {}, pattern = 'registry.example.com/**') {
      nameIn(directory, pattern, rootsOf(keys, 1, { trustServer: server.url, ...more }));
      directory.publishAll();
    },
    anchor: (carried = {}) => ({
      repository: '_directory',
      dialect: 'tuf',
      server: directoryServer.url,
      name: 'acme',
      pinned: { kind: 'root', bytes },
      ...carried,
    }),
    async pin(carried = {}) {
      await pinAnchor(cache, '_directory', { kind: 'root', bytes }, 'tuf', {
        server: directoryServer.url,
        name: 'acme',
        ...carried,
      });
    },
    start(settings = {}, configured) {
      const client = createTrustClient({
        cache: createClientCache(cache.directory),
        now: () => repository.now,
        warn: ({ code, repository: of }) => warnings.push(of === '_directory' ? `directory ${code}` : code),
        // Nobody named a server: the registry's own host, where nobody listens.
        settingsFor: () => ({ server: 'http://127.0.0.1:1', isUsualServer: true, ...settings }),
        ...(configured && { directory: { configured } }),
      });
      started.push(client);
      return client.open(repository.repository);
    },
    async close() {
      for (const client of started) client.close();
      await directoryServer.close();
      await server.close();
      await rm(home, { recursive: true, force: true });
    },
  };
  return bed;
}

/** What a simulator publishes now, to be served again later. */
export function saved(simulator: TufSimulator): () => void {
  const files = new Map(simulator.files);
  return () => {
    for (const [name, bytes] of files) simulator.files.set(name, bytes);
  };
}
