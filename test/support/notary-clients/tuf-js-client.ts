/** tuf-js, as sigstore and npm use it, with a directory of its own: one object is one person's machine. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BaseFetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { z } from 'zod';
import { callTrust, type TrustOrigin } from './call-trust.ts';

export interface TufJsClient {
  /** Refreshes, and looks a tag up: `sha256:<hex>`; undefined when nobody vouches for it. */
  digestOf(tag: string): Promise<string | undefined>;
  /** Of the timestamp that it trusts since its last refresh. */
  timestampVersion(): number;
  close(): void;
}

export interface TufJsOptions {
  readonly server: TrustOrigin;
  readonly repository: string;
  /** The root file it trusts. */
  readonly root: Uint8Array;
}

const timestamp = z.object({ signed: z.object({ version: z.int() }) });

export function createTufJsClient({ server, repository, root }: TufJsOptions): TufJsClient {
  const directory = mkdtempSync(join(tmpdir(), 'vdm-tuf-js-'));
  mkdirSync(join(directory, 'targets'));
  writeFileSync(join(directory, 'root.json'), root);
  const base = `${server.url}/v2/${repository}/_trust`;
  const fetcher = new TrustFetcher(server);
  return {
    digestOf: async (tag) => {
      const updater = new Updater({
        metadataDir: directory,
        metadataBaseUrl: `${base}/metadata`,
        targetDir: join(directory, 'targets'),
        targetBaseUrl: `${base}/targets`,
        fetcher,
      });
      await updater.refresh();
      const sha256 = (await updater.getTargetInfo(tag))?.hashes['sha256'];
      return sha256 === undefined ? undefined : `sha256:${sha256}`;
    },
    timestampVersion: () =>
      timestamp.parse(JSON.parse(readFileSync(join(directory, 'timestamp.json'), 'utf8'))).signed.version,
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** What tuf-js has of its own takes no certificate authority. */
class TrustFetcher extends BaseFetcher {
  readonly #server: TrustOrigin;

  constructor(server: TrustOrigin) {
    super();
    this.#server = server;
  }

  override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { status, bytes } = await callTrust(this.#server, url);
    // Its search for newer roots ends at a 404 of this class alone.
    if (status !== 200) throw new DownloadHTTPError(`${url} is not there`, status);
    return new Blob([new Uint8Array(bytes)]).stream();
  }
}
