/** A simulated repository, its server, a client and its cache directory: one of each per test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClientCache,
  type ConfiguredAnchor,
  createClientCache,
  createTrustClient,
  type RepositorySettings,
  type RepositoryTrust,
  TrustClientError,
} from '@vidimus/trust-client';
import { type DialectName, TufError } from '@vidimus/tuf';
import { NotarySimulator } from './notary-simulator.ts';
import {
  type Simulated,
  type SimulatorServer,
  serveNotary,
  serveSimulator,
} from './trust-simulator-server.ts';
import { TufSimulator } from './tuf-simulator.ts';

/** `anchor: undefined` is a configuration without one; absent is the repository's first root. */
export type BedSettings = Partial<Omit<RepositorySettings, 'anchor' | 'dialect'>> & {
  readonly anchor?: ConfiguredAnchor | undefined;
  /** Undefined: as the anchor says. */
  readonly dialect?: DialectName | undefined;
};

export interface TestBed<Simulator = TufSimulator> {
  readonly simulator: Simulator;
  readonly server: SimulatorServer;
  readonly directory: string;
  readonly cache: ClientCache;
  /** `CODE`s in order; emptied by the reader. */
  readonly warnings: string[];
  /** A client in a new process, as far as anybody can tell: only the cache directory is shared. */
  start(settings?: BedSettings): RepositoryTrust;
  close(): Promise<void>;
}

export async function makeTestBed(simulator: TufSimulator = new TufSimulator()): Promise<TestBed> {
  return await bedOf(simulator, await serveSimulator(simulator), {});
}

/** The same for a repository of the `notary` dialect, with certificates that are valid at its time. */
export async function makeNotaryBed(
  simulator: NotarySimulator = new NotarySimulator(),
): Promise<TestBed<NotarySimulator>> {
  return await bedOf(simulator, await serveNotary(simulator), { dialect: 'notary' });
}

async function bedOf<S extends Simulated & { readonly now: number }>(
  simulator: S,
  server: SimulatorServer,
  defaults: BedSettings,
): Promise<TestBed<S>> {
  const directory = await mkdtemp(join(tmpdir(), 'vidimus-trust-client-'));
  const cache = createClientCache(join(directory, 'cache'));
  const warnings: string[] = [];
  const started: RepositoryTrust[] = [];
  const root = simulator.files.get('1.root.json');
  if (root === undefined) throw new Error('no first root');
  return {
    simulator,
    server,
    directory,
    cache,
    warnings,
    start(settings = {}) {
      const { anchor, dialect, ...rest } = {
        anchor: { kind: 'root', bytes: root } as const,
        ...defaults,
        ...settings,
      };
      const client = createTrustClient({
        cache: createClientCache(cache.directory),
        now: () => simulator.now,
        warn: ({ code }) => warnings.push(code),
        settingsFor: () => ({
          server: server.url,
          ...rest,
          ...(anchor && { anchor }),
          ...(dialect && { dialect }),
        }),
      });
      const trust = client.open(simulator.repository);
      started.push(trust);
      return trust;
    },
    async close() {
      for (const trust of started) trust.close();
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The code with which something is refused; fails if it is not, or by a stranger. */
export async function refusalOf(action: Promise<unknown>): Promise<string> {
  return (await errorOf(action)).code;
}

export async function errorOf(action: Promise<unknown>): Promise<TrustClientError | TufError> {
  const error = await action.then(
    () => new Error('accepted'),
    (reason: unknown) => reason,
  );
  if (error instanceof TrustClientError || error instanceof TufError) return error;
  throw error;
}
