/**
 * tuf-js, as sigstore and npm use it, against our server in every state a repository can be in: it refreshes,
 * looks up and downloads. One client stays for the whole life of the repository, another starts fresh each time.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SmallImage } from '@vidimus/oci';
import { Updater } from 'tuf-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { type LiveServer, startLiveServer } from './live-server.ts';

const one = buildxIndex('one').index;
const two = buildxIndex('two').index;
const bad = helloImage('with a hole');
const small = helloImage('small');
const summary = z.object({ versions: z.object({ root: z.int() }) });
const creation = { roles: { root: { keys: [{ custody: 'managed' }] } } };
/** Of a timestamp, which lives for a day. */
const pastHalfLifeMs = 13 * 3_600_000;

let server: LiveServer;
let work: string;
let base: string;
let clients = 0;

beforeAll(async () => {
  server = await startLiveServer();
  // tuf-js reads the clock itself.
  vi.useFakeTimers({ toFake: ['Date'], now: server.clock.nowMs });
  work = await mkdtemp(join(tmpdir(), 'vdm-tuf-js-'));
  base = `${server.origin}/v2/${server.registry.repository}/_trust`;
  for (const image of [one, two, bad, small]) server.registry.add(image);
  await server.call('PUT', '', creation);
});
afterAll(async () => {
  vi.useRealTimers();
  await server?.close();
  if (work !== undefined) await rm(work, { recursive: true, force: true });
});

/** The directory of a new client, which trusts the root of today. */
async function newClient(): Promise<string> {
  clients += 1;
  const directory = join(work, `client-${clients}`);
  await mkdir(join(directory, 'targets'), { recursive: true });
  const { versions } = summary.parse(await server.call('GET', ''));
  const root = await fetch(`${base}/metadata/${versions.root}.root.json`);
  await writeFile(join(directory, 'root.json'), new Uint8Array(await root.arrayBuffer()));
  return directory;
}

/** A run of a client in a new process: what it keeps is its directory. */
function open(directory: string): Updater {
  return new Updater({
    metadataDir: directory,
    metadataBaseUrl: `${base}/metadata`,
    targetDir: join(directory, 'targets'),
    targetBaseUrl: `${base}/targets`,
    config: { fetchRetry: 0 },
  });
}

/** The digest a client downloads for a tag, byte for byte; undefined: it finds no such tag. */
async function download(directory: string, tag: string): Promise<Uint8Array | undefined> {
  const updater = open(directory);
  await updater.refresh();
  const found = await updater.getTargetInfo(tag);
  if (found === undefined) return undefined;
  return new Uint8Array(await readFile(await updater.downloadTarget(found)));
}

const signing = (tag: string, { digest, size, mediaType }: SmallImage) => ({ tag, digest, size, mediaType });
const sign = (tag: string, image: SmallImage): Promise<unknown> => {
  const { tag: _, ...body } = signing(tag, image);
  return server.call('PUT', `/tags/${tag}`, body);
};
const signMany = (from: number, to: number): Promise<unknown> =>
  server.call('POST', '/tags', {
    sign: Array.from({ length: to - from }, (_, number) => signing(`many-${from + number}`, small)),
  });

async function timestampVersion(): Promise<number> {
  const timestamp: unknown = await (await fetch(`${base}/metadata/timestamp.json`)).json();
  return z.object({ signed: z.object({ version: z.int() }) }).parse(timestamp).signed.version;
}

interface State {
  readonly name: string;
  readonly make: () => Promise<unknown>;
  readonly found: readonly (readonly [tag: string, image: SmallImage])[];
  readonly gone: readonly string[];
}

const states: readonly State[] = [
  { name: 'nothing signed yet', make: async () => undefined, found: [], gone: ['1.0'] },
  { name: 'one tag', make: () => sign('1.0', one), found: [['1.0', one]], gone: ['2.0'] },
  {
    name: 'a tag that was moved',
    make: async () => {
      await sign('2.0', one);
      await sign('2.0', two);
    },
    found: [
      ['1.0', one],
      ['2.0', two],
    ],
    gone: [],
  },
  {
    name: 'a timestamp that was signed again',
    make: async () => {
      const before = await timestampVersion();
      server.clock.nowMs += pastHalfLifeMs;
      vi.setSystemTime(server.clock.nowMs);
      await server.renew();
      expect(await timestampVersion()).toBe(before + 1);
    },
    found: [['1.0', one]],
    gone: [],
  },
  {
    name: 'many tags',
    make: () => signMany(0, 300),
    found: [
      ['many-0', small],
      ['many-299', small],
      ['1.0', one],
    ],
    gone: ['many-300'],
  },
  {
    name: 'more than a thousand tags, in bins',
    make: () => signMany(300, 1_100),
    found: [
      ['many-7', small],
      ['many-1099', small],
      ['2.0', two],
    ],
    gone: ['many-1100'],
  },
  {
    name: 'a tag taken back',
    make: () => server.call('DELETE', '/tags/2.0'),
    found: [['1.0', one]],
    gone: ['2.0'],
  },
  {
    name: 'a digest taken back with its tags',
    make: async () => {
      await sign('bad', bad);
      await sign('bad-too', bad);
      await server.call('PUT', `/revocations/${bad.digest}`, { reason: 'a hole' });
    },
    found: [['1.0', one]],
    gone: ['bad', 'bad-too'],
  },
];

describe('tuf-js', () => {
  let staying: string;
  beforeAll(async () => {
    staying = await newClient();
  });

  it.each(states)('follows a repository with $name', async ({ make, found, gone }) => {
    await make();
    const fresh = await newClient();
    for (const client of [staying, fresh]) {
      for (const [tag, image] of found) {
        expect(await download(client, tag), tag).toEqual(new Uint8Array(image.bytes));
      }
      for (const tag of gone) expect(await download(client, tag), tag).toBeUndefined();
    }
  });

  it('finds a revoked digest only as an entry of the list', async () => {
    const info = await open(await newClient()).getTargetInfo(bad.digest);
    expect(info?.hashes).toEqual({ sha256: bad.digest.slice('sha256:'.length) });
  });

  it('downloads nothing that the registry swapped', async () => {
    const client = await newClient();
    server.registry.intercept((request, response) => {
      if (!/\/manifests\/sha256:/.test(request.url ?? '')) return false;
      response.writeHead(200, { 'content-type': one.mediaType });
      response.end(two.bytes);
      return true;
    });
    await expect(download(client, '1.0')).rejects.toThrow('Failed to download');
    server.registry.intercept(undefined);
  });

  it('follows a repository that was made anew from its new root, and not from the old one', async () => {
    await server.call('DELETE', '');
    await server.call('PUT', '', creation);
    await sign('1.0', two);
    expect(await download(await newClient(), '1.0')).toEqual(new Uint8Array(two.bytes));
    expect(await download(await newClient(), 'many-7')).toBeUndefined();
    await expect(download(staying, '1.0')).rejects.toThrow();
  });
});
