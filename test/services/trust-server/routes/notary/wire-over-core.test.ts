/** The Notary wire over the real core: a repository's life as its clients ask for it, and reads that write nothing. */
import { anonymousActor, createOwnRegistryTokens, toIdentity } from '@vidimus/access';
import { isJsonObject, parseJson } from '@vidimus/canonical-json';
import { keyIdOf } from '@vidimus/notary';
import { createTrustServer } from '@vidimus/trust-server';
import { sql } from 'drizzle-orm';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  certifiedKey,
  edKey,
  rootOf,
  seal,
  targetsOf,
  type WireKey,
} from '../../../../packages/notary/update/wire-client.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../../support/database-embedded.ts';
import { type CoreForTest, openCore, startMs } from '../../core/core-for-test.ts';
import { serverParts, token } from '../../trust-server-for-test.ts';
import { basic, formOf } from './wire-for-test.ts';

const repository = 'localhost:5000/wire/app';
const tuf = `/v2/${repository}/_trust/tuf`;
const limits = { maxBytes: 1_000_000, maxDepth: 32 };

let opened: EmbeddedForTest;
let core: CoreForTest;
let app: Hono;
let rootKey: WireKey;
const targetsKey = edKey('targets of the wire');

beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'wire' });
  await core.service.start();
  rootKey = await certifiedKey('root of the wire', repository);
  app = createTrustServer({
    ...serverParts(),
    service: core.service,
    authenticator: {
      authenticate: async (text) => (text === token ? toIdentity('token:t1', 'admin', ['**']) : undefined),
    },
    now: () => core.clock.nowMs,
    notary: {
      service: core.service,
      access: 'open',
      gunPrefixes: [],
      tokens: createOwnRegistryTokens(new Uint8Array(32), () => core.clock.nowMs),
    },
  });
});
afterAll(async () => {
  await core.service.stop();
  await opened.close();
});

const known = { Authorization: basic(token) };

async function servedKey(role: string): Promise<WireKey> {
  const answer = await app.request(`${tuf}/${role}.key`, { headers: known });
  const object = parseJson(new Uint8Array(await answer.arrayBuffer()), limits);
  if (!isJsonObject(object)) throw new Error('expected a key object');
  return { keyId: keyIdOf(object), object, method: 'eddsa', sign: () => new Uint8Array() };
}

async function upload(files: Readonly<Record<string, Uint8Array>>, headers: Record<string, string>) {
  const form = formOf(
    Object.entries(files).map(([filename, bytes]) => ({ filename, text: Buffer.from(bytes).toString() })),
  );
  return await app.request(`${tuf}/`, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/form-data; boundary=b0', ...headers },
    body: form,
  });
}

const targets = (version: number, names: readonly string[]) =>
  seal(targetsOf({ version, targets: names }), targetsKey);
const read = async (file: string): Promise<{ status: number; text: string }> => {
  const answer = await app.request(`${tuf}/${file}`);
  return { status: answer.status, text: await answer.text() };
};
/** Where the database's log of writes ends: any row that changes moves it. */
async function writePosition(): Promise<string> {
  const rows = await opened.database.db.execute(sql`select pg_current_wal_insert_lsn()::text as position`);
  return JSON.stringify(rows);
}

describe('a repository on the wire', () => {
  let root: Uint8Array;

  it('is created by who has a credential, and by nobody else', async () => {
    for (const role of ['timestamp', 'snapshot']) {
      expect((await app.request(`${tuf}/${role}.key`)).status).toBe(401);
    }
    const [timestamp, snapshot] = [await servedKey('timestamp'), await servedKey('snapshot')];
    expect((await servedKey('timestamp')).keyId).toBe(timestamp.keyId);
    const spec = { root: { keys: [rootKey] }, targets: { keys: [targetsKey] } };
    const document = rootOf({ ...spec, snapshot: { keys: [snapshot] }, timestamp: { keys: [timestamp] } });
    root = seal(document, rootKey);
    const files = { targets: targets(1, ['v1']), root };
    const stranger = await upload(files, {});
    expect([stranger.status, stranger.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer realm="http://localhost/v2/_trust/registry-token",service="vidimus",scope="repository:${repository}:push,pull"`,
    ]);
    expect((await read('root.json')).status).toBe(404);
    const answer = await upload(files, known);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('is read by anybody, by name, version and hash, without a statement that writes', async () => {
    const before = await writePosition();
    for (const file of ['root.json', '1.root.json']) {
      expect(await read(file)).toEqual({ status: 200, text: Buffer.from(root).toString() });
    }
    const timestamp = JSON.parse((await read('timestamp.json')).text);
    const hash = Buffer.from(timestamp.signed.meta.snapshot.hashes.sha256, 'base64').toString('hex');
    expect((await read(`snapshot.${hash}.json`)).text).toBe((await read('snapshot.json')).text);
    expect((await read(`targets.${hash}.json`)).status).toBe(404);
    expect((await read('2.root.json')).status).toBe(404);
    expect(await writePosition()).toBe(before);
  });

  it('is told of once: the second time the client has it already', async () => {
    const first = await app.request(`${tuf}/timestamp.json`);
    const headers = { 'If-None-Match': first.headers.get('etag') ?? '' };
    expect((await app.request(`${tuf}/timestamp.json`, { headers })).status).toBe(304);
  });

  it('takes what its keys signed from anybody, and says why it takes nothing else', async () => {
    core.clock.nowMs = startMs + 60_000;
    const before = await writePosition();
    expect((await upload({ targets: targets(2, ['v1', 'v2']) }, {})).status).toBe(200);
    expect(await writePosition()).not.toBe(before);
    const again = await upload({ targets: targets(2, ['v3']) }, {});
    const body = await again.text();
    expect([again.status, JSON.parse(body).errors[0].code]).toEqual([400, 'VERSION']);
    expect(JSON.parse(body).errors[0].detail.Error.Msg).toMatch(/targets/);
    const forged = seal(targetsOf({ version: 3, targets: ['evil'] }), edKey('somebody else'));
    expect((await upload({ targets: forged }, {})).status).toBe(400);
    const audit = await core.service.readAudit({ repository }, { limit: 10 });
    expect(audit.items.map(({ actor }) => actor)).toContain(anonymousActor);
  });

  it('keeps its feed, is ended by a credential alone, and is gone', async () => {
    const feed = await app.request(`/v2/${repository}/_trust/changefeed?records=10`);
    expect(
      JSON.parse(await feed.text()).records.map((record: { Version: number }) => record.Version),
    ).toEqual([1, 2]);
    expect((await app.request(`${tuf}/`, { method: 'DELETE' })).status).toBe(401);
    expect((await app.request(`${tuf}/`, { method: 'DELETE', headers: known })).status).toBe(200);
    expect((await read('root.json')).status).toBe(404);
    expect((await app.request(`${tuf}/`, { method: 'DELETE', headers: known })).status).toBe(200);
  });
});
