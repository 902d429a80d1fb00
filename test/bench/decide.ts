/** What verifying and deciding add to a pull: over the loopback with a warm cache, and without the network. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createRegistryClient, smallImage } from '@vidimus/oci';
import { builtInBundle } from '@vidimus/policy';
import { parseReference } from '@vidimus/reference';
import {
  createClientCache,
  createHttpClient,
  createHttpSource,
  createSession,
  createTrustClient,
  type MetadataCache,
  type MetadataSource,
  metadataUrl,
} from '@vidimus/trust-client';
import { type VerifierDependencies, verifyImage } from '@vidimus/verifier';
import { type MemoryRegistry, startMemoryRegistry } from '../support/registry-memory.ts';
import { readFirstRoot } from './first-root.ts';
import { millisecondsOf, percentile, type Row } from './measure.ts';
import type { Section } from './section.ts';
import { createRepository, type Service, type Workshop } from './workshop.ts';

const warmUp = 30;
const runs = 300;
const reachMs = 50;

export const decideSection: Section = {
  name: 'decide',
  title: 'verify and decide, warm cache, service and registry beside it',
  async *run(workshop) {
    const service = await workshop.serve('postgres');
    const registry = await startMemoryRegistry();
    try {
      await publishImage(service, registry);
      const root = await readFirstRoot(service.url, registry.repository);
      yield* overHttp(workshop, service, registry, root);
      yield* withoutNetwork(service, registry.repository, root);
    } finally {
      await registry.close();
    }
  },
};

async function publishImage({ publisher }: Service, registry: MemoryRegistry): Promise<void> {
  const image = smallImage({ platform: { os: 'linux', architecture: 'amd64' }, files: { 'bin/app': 'app' } });
  registry.add(image, '1.0');
  await createRepository(publisher, registry.repository);
  const { digest, size } = image;
  await publisher.signTag(registry.repository, '1.0', { digest, size });
}

/** As `vidimus verify` does it: refresh, look-up, revocations, the registry's documents, the decision. */
async function* overHttp(
  workshop: Workshop,
  service: Service,
  registry: MemoryRegistry,
  root: Uint8Array,
): AsyncGenerator<Row> {
  const cache = createClientCache(join(await workshop.makeDirectory(), 'cache'));
  const images = createRegistryClient({});
  const requested = `${registry.repository}:1.0`;
  const verifyOnce = async (): Promise<void> => {
    // A client of its own each time: nothing is remembered but what lies on disk.
    const client = createTrustClient({
      cache,
      settingsFor: () => ({ server: service.url, anchor: { kind: 'root', bytes: root } }),
      now: Date.now,
    });
    const dependencies: VerifierDependencies = {
      openTrust: (repository) => client.open(repository),
      registry: images,
      bundleFor: builtInBundle,
      now: Date.now,
      decisionId: randomUUID,
    };
    const request = {
      requested,
      reference: parseReference(requested),
      action: 'pull',
      strict: false,
    } as const;
    const { decision } = await verifyImage(dependencies, request);
    client.close();
    if (decision.decision !== 'allow') throw new Error(`refused: ${JSON.stringify(decision.failures)}`);
  };
  yield latencyRow('verify and decide, new client each, over loopback', await latencies(verifyOnce), reachMs);
  images.close();
}

/** The same trust data from memory: parsing, signatures, rules and look-ups alone. */
async function* withoutNetwork(service: Service, repository: string, root: Uint8Array): AsyncGenerator<Row> {
  const http = createHttpClient({ server: service.url });
  const session = createSession({
    repository,
    cache: memoryCache(),
    source: remembering(createHttpSource(http, metadataUrl(http.server, repository))),
    anchor: { kind: 'root', bytes: root },
    foreign: false,
    warn: () => undefined,
  });
  const once = async (): Promise<void> => {
    const state = await session.refresh({ now: Date.now() });
    if ((await session.lookUp(state, '1.0')) === undefined) throw new Error('1.0 was not found');
    await session.lookUpRole(state, 'revocations');
  };
  yield latencyRow('refresh and look-ups without network and disk', await latencies(once), undefined);
  http.close();
}

async function latencies(action: () => Promise<void>): Promise<readonly number[]> {
  for (let run = 0; run < warmUp; run += 1) await action();
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) times.push(await millisecondsOf(action));
  return times;
}

function latencyRow(what: string, times: readonly number[], reach: number | undefined): Row {
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  return {
    what: `${what}, p50 / p99`,
    value: `${p50.toFixed(2)} / ${p99.toFixed(2)} ms`,
    reach: reach === undefined ? 'for information' : `p99 < ${reach} ms`,
    met: reach === undefined ? undefined : p99 < reach,
  };
}

function memoryCache(): MetadataCache {
  const files = new Map<string, Uint8Array>();
  return {
    begin: () => ({
      load: async (file) => files.get(nameOf(file)),
      store: async (file, bytes) => {
        files.set(nameOf(file), bytes);
        return 'stored';
      },
      discard: async (file) => {
        files.delete(nameOf(file));
        return 'discarded';
      },
    }),
  };
}

function nameOf(file: { readonly role: string; readonly version?: number }): string {
  return `${file.version ?? ''} ${file.role}`;
}

/** Asks once for each file; what is not there stays so, too. */
function remembering(source: MetadataSource): MetadataSource {
  const known = new Map<string, Promise<Uint8Array | undefined>>();
  return {
    fetch: (role, version, maxBytes) => {
      const name = `${version ?? ''} ${role}`;
      const answer = known.get(name) ?? source.fetch(role, version, maxBytes);
      known.set(name, answer);
      return answer;
    },
  };
}
