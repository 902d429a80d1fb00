/** A trust service whose keys are in a signer behind a Unix socket: both real, in one process, with one clock. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256, toBase64 } from '@vidimus/crypto';
import { type Database, keyKeys } from '@vidimus/database';
import { createRemoteKeyStore, parseMasterKey, type RemoteKeyStore } from '@vidimus/key-store';
import { createSigner, createSignerListener, listenSigner, type SignerListening } from '@vidimus/signer';
import { eq } from 'drizzle-orm';
import { afterAll } from 'vitest';
import {
  createManagedKeys,
  type ManagedKeys,
} from '../../../services/trust-server/src/core/keys/managed-keys.ts';
import { type CoreForTest, type CoreOptions, openCore, startMs } from '../trust-server/core/core-for-test.ts';

export interface RemoteBed {
  readonly core: CoreForTest;
  /** Requests for signatures that were answered since the last call of `crashAfter`. */
  signed(): number;
  /** The service dies when it has got this many more signatures (of one role): nothing of the publish is committed. */
  crashAfter(signatures: number | undefined, role?: string): void;
  stopSigner(): Promise<void>;
  startSigner(): Promise<void>;
  /** A service that was started anew over the same database and signer. */
  restart(): RemoteBed;
  /** The keys as the service has them. */
  managedKeys(): ManagedKeys;
  audit(): readonly Record<string, unknown>[];
  close(): Promise<void>;
}

export class Crash extends Error {}

const master = (name: string) => parseMasterKey(toBase64(sha256(Buffer.from(name))));
let beds = 0;

export async function createRemoteBed(
  database: Database,
  config: unknown = {},
  approvals: CoreOptions['approvals'] = [],
): Promise<RemoteBed> {
  const root = mkdtempSync(join(tmpdir(), 'vidimus-remote-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const directory = join(root, 'signer');
  const path = join(directory, 'signer.sock');
  const clock = { nowMs: startMs };
  beds += 1;
  let calls = 0;
  const random = (n: number): Uint8Array => {
    calls += 1;
    const parts = [0, 1].map((i) => sha256(Buffer.from(`bed ${beds} ${calls} ${i}`)));
    return new Uint8Array(Buffer.concat(parts)).slice(0, n);
  };
  let listening: SignerListening | undefined;
  const startSigner = async (): Promise<void> => {
    const signer = await createSigner({
      directory,
      random,
      now: () => clock.nowMs,
      master: master('signer'),
      rootMaster: master('signer root'),
      config,
    });
    const failed = (error: unknown): never => {
      throw error;
    };
    listening = await listenSigner({ kind: 'unix', path }, createSignerListener({ signer, failed }));
  };
  const stopSigner = async (): Promise<void> => {
    await listening?.close();
    listening = undefined;
  };
  await startSigner();

  const start = (): RemoteBed => {
    let signed = 0;
    let most: number | undefined;
    let only: string | undefined;
    const client = createRemoteKeyStore({ target: { kind: 'unix', path }, timeoutMs: 2_000 });
    const remoteKeys: RemoteKeyStore = {
      ...client,
      sign: async (...request) => {
        if (only !== undefined && request[1].role !== only) return await client.sign(...request);
        if (most !== undefined && signed >= most) throw new Crash();
        const answer = await client.sign(...request);
        signed += 1;
        if (most !== undefined && signed >= most) throw new Crash();
        return answer;
      },
    };
    const core = openCore(database, { seed: `remote ${beds}`, clock, remoteKeys, approvals });
    return {
      core,
      managedKeys: () =>
        createManagedKeys({
          keyStore: core.keyStore,
          remote: remoteKeys,
          randomBytes: random,
          now: () => clock.nowMs,
        }),
      signed: () => signed,
      crashAfter: (signatures, role) => {
        signed = 0;
        only = role;
        most = signatures;
      },
      stopSigner,
      startSigner,
      restart: start,
      audit: () =>
        readFileSync(join(directory, 'audit.jsonl'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      close: async () => {
        client.close();
        await stopSigner();
      },
    };
  };
  return start();
}

/** The rows of a repository's keys. */
export async function keyRows(database: Database, repository: string) {
  return await database.db.select().from(keyKeys).where(eq(keyKeys.repository, repository));
}
