/**
 * Everybody who follows a repository: tuf-js, the real `notary`, and our own client in each dialect. Of each one keeps
 * its cache for good, and one begins anew at every look; what ours begins with is the first root.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClientCache, createTrustClient } from '@vidimus/trust-client';
import { callTrust } from '../../support/notary-clients/call-trust.ts';
import { createNotaryCli } from '../../support/notary-clients/notary-cli.ts';
import { createTufJsClient } from '../../support/notary-clients/tuf-js-client.ts';
import { TEST_CA } from '../../support/registry-tls.ts';
import type { DialectName } from './people.ts';

/** Tag to `sha256:<hex>`. */
export type Tags = Readonly<Record<string, string>>;

export interface Follower {
  /** What it finds of these tags after a refresh. Rejects where it refuses what it was given. */
  see(tags: readonly string[]): Promise<Tags>;
  close(): void;
}

/** Where a client looks, and what it trusts to begin with. */
export interface Sight {
  readonly url: string;
  readonly repository: string;
  /** Bytes of a root; `notary` takes the first that it sees. */
  readonly roots: Readonly<Partial<Record<DialectName, Uint8Array>>>;
}

type Maker = (sight: Sight) => Follower;

const makers: Readonly<Record<DialectName, Readonly<Record<string, Maker>>>> = {
  tuf: { 'tuf-js': followWithTufJs, vidimus: (sight) => followWithVidimus(sight, 'tuf') },
  notary: { notary: followWithNotary, 'vidimus, notary': (sight) => followWithVidimus(sight, 'notary') },
};

/** Clients of these dialects by name, with empty caches. */
export function createFollowers(
  sight: Sight,
  dialects: readonly DialectName[],
): ReadonlyMap<string, Follower> {
  const made = dialects.flatMap((dialect) => Object.entries(makers[dialect]));
  return new Map(made.map(([name, make]) => [name, make(sight)]));
}

/** The root of a version as it is served: what a person was handed. */
export async function readRoots(
  url: string,
  repository: string,
  dialects: readonly DialectName[],
  version = 1,
): Promise<Sight['roots']> {
  const read = async (dialect: DialectName) => {
    const directory = dialect === 'tuf' ? 'metadata' : 'tuf';
    const path = `/v2/${repository}/_trust/${directory}/${version}.root.json`;
    const { status, bytes } = await callTrust({ url, ca: TEST_CA }, path);
    if (status !== 200) throw new Error(`${path} is answered with ${status}`);
    return [dialect, bytes] as const;
  };
  return Object.fromEntries(await Promise.all(dialects.map(read)));
}

export interface Crowd {
  /** What everybody sees of these tags, by name of the client. */
  see(tags: readonly string[]): Promise<Readonly<Record<string, Tags>>>;
  /** That all of them see the same. */
  all(tags: Tags): Readonly<Record<string, Tags>>;
  close(): void;
}

/** Followers with warm and cold caches; the warm ones are those made here. */
export async function gather(
  url: string,
  repository: string,
  dialects: readonly DialectName[],
): Promise<Crowd> {
  const sight = { url, repository, roots: await readRoots(url, repository, dialects) };
  const warm = createFollowers(sight, dialects);
  return {
    see: async (tags) => {
      const cold = createFollowers(sight, dialects);
      try {
        const named = [...warm].concat([...cold].map(([name, each]) => [`${name}, cold`, each]));
        return Object.fromEntries(
          await Promise.all(named.map(async ([name, follower]) => [name, await follower.see(tags)] as const)),
        );
      } finally {
        closeAll(cold);
      }
    },
    all: (tags) =>
      Object.fromEntries(
        [...warm.keys()].flatMap((name) => [name, `${name}, cold`]).map((name) => [name, tags]),
      ),
    close: () => closeAll(warm),
  };
}

export function closeAll(followers: ReadonlyMap<string, Follower>): void {
  for (const follower of followers.values()) follower.close();
}

function followWithTufJs({ url, repository, roots }: Sight): Follower {
  const server = { url, ca: TEST_CA };
  const client = createTufJsClient({ server, repository, root: roots.tuf ?? new Uint8Array() });
  return {
    see: async (tags) => {
      const seen: Record<string, string> = {};
      for (const tag of tags) {
        const digest = await client.digestOf(tag);
        if (digest !== undefined) seen[tag] = digest;
      }
      return seen;
    },
    close: client.close,
  };
}

function followWithNotary({ url, repository }: Sight): Follower {
  const notary = createNotaryCli({ server: url, ca: TEST_CA });
  return {
    see: async (tags) => {
      const rows = await notary.list(repository);
      return Object.fromEntries(
        rows
          .filter(({ target }) => tags.includes(target))
          .map(({ target, sha256 }) => [target, `sha256:${sha256}`]),
      );
    },
    close: notary.close,
  };
}

/** Every look is a process of its own: nothing but the cache stays. */
function followWithVidimus({ url, repository, roots }: Sight, dialect: DialectName): Follower {
  const directory = mkdtempSync(join(tmpdir(), 'vdm-follower-'));
  const anchor = { kind: 'root', bytes: roots[dialect] ?? new Uint8Array() } as const;
  return {
    see: async (tags) => {
      const client = createTrustClient({
        cache: createClientCache(directory),
        now: Date.now,
        settingsFor: () => ({ server: url, anchor, dialect, online: true }),
      });
      try {
        const trust = client.open(repository);
        const seen: Record<string, string> = {};
        for (const tag of tags) {
          const found = await trust.lookUp(tag);
          if (found !== undefined) seen[tag] = `sha256:${found.target.hashes.get('sha256')}`;
        }
        const revoked = await trust.lookUpRevocations();
        if (revoked.status === 'unknown') throw new Error(`revocations: ${revoked.code}`);
        return seen;
      } finally {
        client.close();
      }
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}
