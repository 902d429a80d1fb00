/**
 * Everybody who reads a repository with both dialects: `notary` and `docker` the one, tuf-js the other, `vidimus` each.
 * Of every program one client stays, with its cache, and one starts anew each time.
 */
import { z } from 'zod';
import { startStandInEngine } from '../../support/engine/stand-in-engine.ts';
import { callTrust } from '../../support/notary-clients/call-trust.ts';
import { createDockerCli } from '../../support/notary-clients/docker-cli.ts';
import { createNotaryCli } from '../../support/notary-clients/notary-cli.ts';
import type { TrustServer } from '../../support/notary-clients/trust-server.ts';
import { createTufJsClient } from '../../support/notary-clients/tuf-js-client.ts';
import { createVidimusCli } from '../../support/notary-clients/vidimus-cli.ts';

export interface Place {
  readonly server: TrustServer;
  readonly registry: { readonly origin: string; readonly host: string };
  /** `host:port/path` */
  readonly repository: string;
}

/** A digest by the name of the reader; undefined where it finds none, or refuses it. */
export type Seen = Readonly<Record<string, string | undefined>>;

export interface EveryReader {
  /** What every reader says that a tag is. */
  see(tag: string): Promise<Seen>;
  /** That all of them say the same, but those named. */
  all(digest: string | undefined, but?: Seen): Seen;
  close(): Promise<void>;
}

interface Reader {
  digestOf(tag: string): Promise<string | undefined>;
  close(): unknown;
}

const makers: Readonly<Record<string, (place: Place) => Promise<Reader>>> = {
  notary: async ({ server, repository }) => {
    const { list, close } = createNotaryCli({ server: server.url, ca: server.ca });
    const digestOf = async (tag: string) => {
      const row = (await list(repository)).find(({ target }) => target === tag);
      return row && `sha256:${row.sha256}`;
    };
    return { digestOf, close };
  },
  'docker trust inspect': async ({ server, repository }) => {
    const { done, close } = createDockerCli({ server: server.url, ca: server.ca });
    const digestOf = async (tag: string) => {
      const [shown] = inspected.parse(JSON.parse(await done('trust', 'inspect', repository)));
      const digest = shown?.SignedTags.find(({ SignedTag }) => SignedTag === tag)?.Digest;
      return digest && `sha256:${digest}`;
    };
    return { digestOf, close };
  },
  'docker pull': async ({ server, registry, repository }) => {
    const engine = await startStandInEngine(registry.origin);
    const docker = createDockerCli({ server: server.url, ca: server.ca, engineSocket: engine.socket });
    const digestOf = async (tag: string) => {
      const { exit, stderr } = await docker.run('pull', `${repository}:${tag}`);
      // As of all that ends within half a year.
      if (stderr.includes('is nearing expiry')) throw new Error(`docker pull warns: ${stderr}`);
      if (exit === 0) return engine.pulled.at(-1)?.reference;
      if (stderr.includes(`No valid trust data for ${tag}`)) return undefined;
      throw new Error(`docker pull ended with ${exit}: ${stderr}`);
    };
    const close = async () => {
      docker.close();
      await engine.close();
    };
    return { digestOf, close };
  },
  'tuf-js': async ({ server, repository }) =>
    createTufJsClient({
      server,
      repository,
      root: await firstRoot(server, repository, 'metadata/1.root.json'),
    }),
  vidimus: (place) => openVidimus(place, 'tuf', 'metadata/1.root.json'),
  'vidimus, notary': (place) => openVidimus(place, 'notary', 'tuf/1.root.json'),
};

const inspected = z
  .array(z.object({ SignedTags: z.array(z.object({ SignedTag: z.string(), Digest: z.string() })) }))
  .length(1);

/** The repository must be there. */
export async function createEveryReader(place: Place): Promise<EveryReader> {
  const readers = await Promise.all(
    Object.entries(makers).map(async ([name, make]) => ({ name, make, stays: await make(place) })),
  );
  const see = async (tag: string): Promise<Seen> => {
    const seen = readers.map(async ({ name, make, stays }) => {
      const fresh = await make(place);
      try {
        return [
          [name, await stays.digestOf(tag)],
          [`${name}, fresh`, await fresh.digestOf(tag)],
        ] as const;
      } finally {
        await fresh.close();
      }
    });
    return Object.fromEntries((await Promise.all(seen)).flat());
  };
  const names = readers.flatMap(({ name }) => [name, `${name}, fresh`]);
  return {
    see,
    all: (digest, but = {}) => ({ ...Object.fromEntries(names.map((name) => [name, digest])), ...but }),
    close: async () => {
      for (const { stays } of readers) await stays.close();
    },
  };
}

async function openVidimus(
  { server, registry, repository }: Place,
  dialect: 'tuf' | 'notary',
  file: string,
): Promise<Reader> {
  const anchor = { root: await firstRoot(server, repository, file) };
  const { judge, close } = createVidimusCli({ server, registryHost: registry.host, dialect, anchor });
  const digestOf = async (tag: string) => {
    const judged = await judge(`${repository}:${tag}`);
    return 'digest' in judged ? judged.digest : undefined;
  };
  return { digestOf, close };
}

/** What a person was handed to begin with. */
async function firstRoot(server: TrustServer, repository: string, file: string): Promise<Uint8Array> {
  const { status, bytes } = await callTrust(server, `/v2/${repository}/_trust/${file}`);
  if (status !== 200) throw new Error(`${repository} has no ${file}: ${status}`);
  return bytes;
}
