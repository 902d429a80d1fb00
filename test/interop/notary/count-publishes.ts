/** tuf-js and `notary` as clients that say which publish of a repository they see: both dialects advance with each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { callTrust, type TrustOrigin } from '../../support/notary-clients/call-trust.ts';
import { createNotaryCli } from '../../support/notary-clients/notary-cli.ts';
import { createTufJsClient } from '../../support/notary-clients/tuf-js-client.ts';

/** What a client has verified. */
export interface Watched {
  /** Publishes since the watchers were made. */
  readonly publish: number;
  /** `sha256:<hex>`; undefined where nobody vouches for the tag. */
  readonly digest: string | undefined;
}

export interface Watchers {
  readonly tuf: () => Promise<Watched>;
  readonly notary: () => Promise<Watched>;
  /** What the files of a publish say, in either dialect; nobody verifies them here. */
  at(publish: number): Promise<Readonly<Record<'tuf' | 'notary', string | undefined>>>;
  close(): void;
}

const listing = z.looseObject({
  version: z.int(),
  /** Of timestamp and snapshot: hashes are in hex in the one dialect, in base64 in the other. */
  meta: z
    .record(
      z.string(),
      z.object({ version: z.int().optional(), hashes: z.record(z.string(), z.string()).optional() }),
    )
    .optional(),
  targets: z.record(z.string(), z.object({ hashes: z.object({ sha256: z.string() }) })).optional(),
});
const file = z.object({ signed: listing });
type Listing = z.infer<typeof listing>;

/** @param tag - what they look up */
export async function watchPublishes(
  server: TrustOrigin,
  repository: string,
  tag: string,
): Promise<Watchers> {
  const root = await callTrust(server, `/v2/${repository}/_trust/metadata/1.root.json`);
  const tufJs = createTufJsClient({ server, repository, root: root.bytes });
  const notary = createNotaryCli({ server: server.url, ca: server.ca });
  const kept = join(notary.trustDirectory, 'tuf', repository, 'metadata', 'timestamp.json');
  const read = async (path: string): Promise<Listing> =>
    toListing((await callTrust(server, `/v2/${repository}/_trust/${path}`)).bytes);
  const first = { tuf: await read('metadata/timestamp.json'), notary: await read('tuf/timestamp.json') };
  // Old timestamps of this dialect are nowhere; its snapshots are counted instead.
  const firstSnapshot = first.tuf.meta?.['snapshot.json']?.version ?? 0;
  const tufAt = async (publish: number) => {
    const snapshot = await read(`metadata/${firstSnapshot + publish}.snapshot.json`);
    const targets = await read(`metadata/${snapshot.meta?.['targets.json']?.version}.targets.json`);
    return targets.targets?.[tag]?.hashes.sha256;
  };
  const notaryAt = async (publish: number) => {
    const hashIn = ({ meta }: Listing, role: string) => toHex(meta?.[role]?.hashes?.['sha256']);
    const timestamp = await read(`tuf/${first.notary.version + publish}.timestamp.json`);
    const snapshot = await read(`tuf/snapshot.${hashIn(timestamp, 'snapshot')}.json`);
    const targets = await read(`tuf/targets.${hashIn(snapshot, 'targets')}.json`);
    return toHex(targets.targets?.[tag]?.hashes.sha256);
  };
  return {
    tuf: async () => {
      const digest = await tufJs.digestOf(tag);
      return { publish: tufJs.timestampVersion() - first.tuf.version, digest };
    },
    notary: async () => {
      const row = (await notary.list(repository)).find(({ target }) => target === tag);
      const digest = row && `sha256:${row.sha256}`;
      return { publish: toListing(readFileSync(kept)).version - first.notary.version, digest };
    },
    at: async (publish) => {
      const [tuf, notary] = await Promise.all([tufAt(publish), notaryAt(publish)]);
      return { tuf: tuf && `sha256:${tuf}`, notary: notary && `sha256:${notary}` };
    },
    close: () => {
      tufJs.close();
      notary.close();
    },
  };
}

function toListing(bytes: Buffer): Listing {
  return file.parse(JSON.parse(bytes.toString('utf8'))).signed;
}

function toHex(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('hex');
}
