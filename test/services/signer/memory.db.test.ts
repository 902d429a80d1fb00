/** Where private keys are, looked for in the memory of real processes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromHex } from '@vidimus/crypto';
import { keyKeys, openDatabase } from '@vidimus/database';
import {
  createRemoteKeyStore,
  KeyStoreError,
  type MasterKey,
  parseMasterKey,
  readMasterKeyFile,
} from '@vidimus/key-store';
import { verifyAuditLog } from '@vidimus/signer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { unwrapSecret } from '../../../packages/key-store/src/wrapping.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';
import { findInMemory } from '../../support/process-memory.ts';
import { callService } from '../../support/service-calls.ts';
import { spawnService } from '../../support/service-process.ts';
import { startSigner } from '../../support/signer-process.ts';

const repository = 'registry.example.com/team/app';
const base = `/v2/${repository}/_trust`;
const masterText = Buffer.alloc(32, 'service').toString('base64');
const rootText = Buffer.alloc(32, 'rootkey').toString('base64');

const keyFile = z.looseObject({
  keyId: z.string(),
  algorithm: z.literal('ed25519'),
  repository: z.string(),
  role: z.string(),
  dialect: z.enum(['tuf', 'notary']),
  publicHex: z.string(),
  wrapped: z.string(),
});

let postgres: PostgresServer;
let directory: string;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'vidimus-memory-'));
  postgres = await startPostgres();
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function startTrust(name: string, environment: Readonly<Record<string, string>> = {}) {
  const url = await postgres.createDatabase();
  const { child, listening, ended } = spawnService({
    data: join(directory, name),
    environment: {
      DATABASE_URL: url,
      VIDIMUS_MASTER_KEY: masterText,
      VIDIMUS_ROOT_MASTER_KEY: rootText,
      ...environment,
    },
  });
  closing.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return { url, service: await listening, pid: child.pid ?? 0 };
}

async function publish(service: string): Promise<void> {
  const body = { roles: { root: { keys: [{ custody: 'managed' }] } } };
  expect((await callService(service, 'PUT', base, { body })).status).toBe(201);
  const tag = { digest: `sha256:${'ab'.repeat(32)}`, size: 7 };
  expect((await callService(service, 'PUT', `${base}/tags/1.0`, { body: tag })).status).toBe(200);
}

describe('the private keys of a service', () => {
  it('are in its memory when it holds them itself', async () => {
    const { url, service, pid } = await startTrust('alone');
    await publish(service);
    const database = await openDatabase({ url });
    closing.push(() => database.close());
    const rows = await database.db.select().from(keyKeys);
    const seeds = rows.flatMap(({ wrapped, ...row }) =>
      wrapped === null ? [] : [unwrap(masterOf(row.role), wrapped, { ...row, algorithm: 'ed25519' })],
    );
    expect(seeds.length).toBeGreaterThanOrEqual(5);
    const found = await findInMemory(pid, seeds);
    expect(found.every((times) => times > 0)).toBe(true);
  });

  it('are in the memory of the signer alone when there is one', async () => {
    const data = join(directory, 'signer');
    const signer = await startSigner(data);
    const { url, service, pid } = await startTrust('beside', { VIDIMUS_SIGNER: signer.url });
    await publish(service);
    const database = await openDatabase({ url });
    closing.push(() => database.close());
    const rows = await database.db.select().from(keyKeys);
    expect(rows.length).toBeGreaterThanOrEqual(5);
    expect(rows.every(({ wrapped, home }) => wrapped === null && home === 'remote')).toBe(true);

    const masters = {
      service: await readMasterKeyFile(join(data, 'master.key')),
      root: await readMasterKeyFile(join(data, 'root-master.key')),
    };
    const files = readdirSync(join(data, 'keys')).filter((name) => name.endsWith('.json'));
    const seeds = files.map((name) => {
      const key = keyFile.parse(JSON.parse(readFileSync(join(data, 'keys', name), 'utf8')));
      return unwrap(masters[key.role === 'root' ? 'root' : 'service'], fromHex(key.wrapped), key);
    });
    expect(seeds.length).toBe(rows.length);
    expect((await findInMemory(signer.pid, seeds)).every((times) => times > 0)).toBe(true);
    expect(await findInMemory(pid, seeds)).toEqual(seeds.map(() => 0));

    // Whoever took the service over has its socket, and this much power.
    const stolen = createRemoteKeyStore({ target: { kind: 'unix', path: signer.url.slice('unix:'.length) } });
    closing.push(() => stolen.close());
    const key = rows.find(({ role }) => role === 'targets');
    if (key === undefined) throw new Error('no key');
    const held = { keyId: key.keyId, algorithm: 'ed25519', publicHex: key.publicHex } as const;
    const targets = await callService(service, 'GET', `${base}/metadata/1.targets.json`);
    const place = { repository, dialect: 'tuf', role: 'targets' } as const;
    const forbidden = [
      [place, Buffer.alloc(32, 7), 'DOCUMENT_INVALID'],
      [{ ...place, role: 'root' }, Buffer.from('{}'), 'KEY_SCOPE'],
      [{ ...place, repository: 'registry.example.com/b' }, Buffer.from('{}'), 'KEY_SCOPE'],
      [place, Buffer.from(JSON.stringify(targets.body)), 'DOCUMENT_INVALID'],
    ] as const;
    for (const [at, document, code] of forbidden) {
      const refused = await stolen.sign(held, at, document).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(KeyStoreError);
      expect(refused).toMatchObject({ code: 'SIGNER_REFUSED', detail: { code } });
    }
    expect(await signer.stop()).toBe(0);
    const audit = join(data, 'audit.jsonl');
    const last = readFileSync(audit, 'utf8').trimEnd().split('\n').slice(-forbidden.length);
    expect(last.map((line) => JSON.parse(line).code)).toEqual(forbidden.map(([, , code]) => code));
    expect((await verifyAuditLog(audit)).lines).toBeGreaterThan(10);
    const answer = await callService(service, 'PUT', `${base}/tags/2.0`, {
      body: { digest: `sha256:${'cd'.repeat(32)}`, size: 7 },
    });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).not.toBeNull();
    expect((await callService(service, 'GET', `${base}/metadata/timestamp.json`)).status).toBe(200);
  });
});

function masterOf(role: string): MasterKey {
  return parseMasterKey(role === 'root' ? rootText : masterText);
}

function unwrap(
  master: MasterKey,
  wrapped: Uint8Array,
  place: Parameters<typeof unwrapSecret>[2],
): Uint8Array {
  return unwrapSecret(master.key, wrapped, place);
}
