/**
 * Somebody who remembers every metadata file ever served, and refreshes as a client does: one client with a cache
 * that lives through everything, and fresh ones.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClientCache, createTrustClient } from '@vidimus/trust-client';
import { z } from 'zod';

/** Versions read again although they were read before. */
const overlap = 5;

const signedSchema = z.object({
  signed: z.object({
    version: z.int(),
    meta: z.record(z.string(), z.object({ version: z.int() })).optional(),
  }),
});

export interface Versions {
  readonly timestamp: number;
  readonly snapshot: number;
  readonly targets: number;
}

export interface Seen {
  /** Tag to digest, as a client that verified everything has them. */
  readonly tags: ReadonlyMap<string, string>;
  readonly versions: Versions;
}

export interface Witness {
  /** Reads `timestamp.json` and, once per version, what it names. Rejects for any second content of a version. */
  look(url: string): Promise<void>;
  /**
   * A whole refresh with a fresh cache and one with the lasting cache; then every version since shortly before the
   * last time, or since the first one, is read, so that a gap or a twin is seen.
   */
  verify(url: string, since?: 'last' | 'first'): Promise<Seen>;
  /** Files seen so far. */
  count(): number;
  close(): Promise<void>;
}

export async function createWitness(repository: string): Promise<Witness> {
  const directory = await mkdtemp(join(tmpdir(), 'vdm-witness-'));
  /** File name (timestamps too by their version) to SHA-256 of its only content. */
  const files = new Map<string, string>();
  let caches = 0;
  let verified = 0;

  const remember = (name: string, bytes: Uint8Array): void => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const before = files.get(name);
    if (before !== undefined && before !== sha256) throw new Error(`${name} was served with two contents`);
    files.set(name, sha256);
  };
  const read = async (url: string, file: string): Promise<Uint8Array> => {
    const answer = await fetch(`${url}/v2/${repository}/_trust/metadata/${file}`);
    if (answer.status !== 200) throw new Error(`${file} is answered with ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const readVersioned = async (url: string, role: string, version: number): Promise<Uint8Array> => {
    const name = `${version}.${role}.json`;
    const bytes = await read(url, name);
    if (parse(bytes).version !== version) throw new Error(`${name} says another version`);
    remember(name, bytes);
    return bytes;
  };
  const look = async (url: string): Promise<Versions> => {
    const bytes = await read(url, 'timestamp.json');
    const timestamp = parse(bytes);
    remember(`${timestamp.version}.timestamp.json`, bytes);
    const snapshot = listed(timestamp, 'snapshot.json');
    const known = files.has(`${snapshot}.snapshot.json`);
    const meta = parse(await readVersioned(url, 'snapshot', snapshot));
    const targets = listed(meta, 'targets.json');
    if (!known) await readVersioned(url, 'targets', targets);
    return { timestamp: timestamp.version, snapshot, targets };
  };
  const refresh = async (url: string, cache: string): Promise<ReadonlyMap<string, string>> => {
    const root = await readVersioned(url, 'root', 1);
    const client = createTrustClient({
      cache: createClientCache(join(directory, cache)),
      now: Date.now,
      settingsFor: () => ({ server: url, anchor: { kind: 'root', bytes: root }, online: true }),
    });
    try {
      const { targets } = await client.open(repository).list();
      return new Map(targets.map(({ target }) => [target.path, `sha256:${target.hashes.get('sha256')}`]));
    } finally {
      client.close();
    }
  };

  return {
    look: async (url) => {
      await look(url);
    },
    verify: async (url, since = 'last') => {
      await refresh(url, 'lasting');
      caches += 1;
      const tags = await refresh(url, `fresh-${caches}`);
      const versions = await look(url);
      const first = since === 'first' ? 1 : Math.max(1, verified - overlap);
      for (const role of ['snapshot', 'targets'] as const) {
        for (let version = first; version <= versions[role]; version += 1)
          await readVersioned(url, role, version);
      }
      verified = versions.targets;
      return { tags, versions };
    },
    count: () => files.size,
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

function parse(bytes: Uint8Array) {
  return signedSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).signed;
}

function listed({ meta }: ReturnType<typeof parse>, file: string): number {
  const entry = new Map(Object.entries(meta ?? {})).get(file);
  if (entry === undefined) throw new Error(`${file} is not listed`);
  return entry.version;
}
