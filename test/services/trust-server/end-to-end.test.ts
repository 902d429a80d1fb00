/** The real core under the real routes, on the embedded database: what an administrator does, over HTTP. */
import { createHash } from 'node:crypto';
import { createAuthenticator, createBootstrapToken, createTokenStore } from '@vidimus/access';
import { ed25519FromSeed, fromBase64, sha256Hex, toHex } from '@vidimus/crypto';
import { createWrappedKeyStore, parseMasterKey } from '@vidimus/key-store';
import {
  createIdempotencyStore,
  createTrustServer,
  createTrustService,
  type Log,
  type RunningTrustService,
} from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as answers from '../../../services/trust-server/src/schemas/index.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../support/database-embedded.ts';
import { codeOf, startMs, tagBody } from './trust-server-for-test.ts';

const roleList = z.object({ items: z.array(answers.roleSchema), next: z.null() });
const managed = '/v2/registry.example.com/shop/web/_trust';
const held = '/v2/localhost:5000/shop/held/_trust';
const manifest = new TextEncoder().encode('{"schemaVersion":2}');
const manifestDigest = `sha256:${sha256Hex(manifest)}`;

let opened: EmbeddedForTest;
let service: RunningTrustService;
let app: Hono;
let token: string;
const logged: string[] = [];

/** Reproducible bytes that differ at each call. */
function seededRandom(): (length: number) => Uint8Array {
  let count = 0;
  return (length) => {
    count += 1;
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
      createHash('sha256').update(`${count} ${block}`).digest(),
    );
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  };
}

beforeAll(async () => {
  opened = await openEmbeddedForTest();
  const { database } = opened;
  const now = (): number => startMs;
  const random = seededRandom();
  const masterOf = (name: string) => parseMasterKey(createHash('sha256').update(name).digest('base64'));
  service = createTrustService({
    database,
    keyStore: createWrappedKeyStore({ random, now, master: masterOf('m'), rootMaster: masterOf('r') }),
    now,
    randomBytes: random,
    schedule: () => () => undefined,
  });
  await service.start();
  const tokens = createTokenStore(database);
  const bootstrap = await createBootstrapToken({ tokens, randomBytes: random, now: startMs });
  const log: Log = {
    info: () => undefined,
    warn: (fields) => logged.push(String(fields['err'])),
    error: (fields) => logged.push(String(fields['err'])),
  };
  app = createTrustServer({
    service,
    authenticator: createAuthenticator({ tokens, now }),
    idempotency: createIdempotencyStore(database, now),
    fetchManifest: async (_repository, digest) => (digest === manifestDigest ? manifest : undefined),
    now,
    newRequestId: () => 'request',
    log,
    version: '1.0.0',
    publicReads: true,
  });
  token = await firstAdministrator(bootstrap?.token ?? '');
});
afterAll(async () => {
  await service.stop();
  await opened.close();
});

/** The first token is good for this alone. */
async function firstAdministrator(bootstrap: string): Promise<string> {
  const response = await app.request('/v2/_trust/tokens', {
    method: 'POST',
    headers: { Authorization: `Bearer ${bootstrap}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'admin', role: 'admin', repositories: ['**'] }),
  });
  return z.object({ token: z.string() }).parse(await response.json()).token;
}

const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  await app.request(path, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe('a repository with everything managed', () => {
  const creation = { roles: { root: { keys: [{ custody: 'managed' }] } } };

  it('is not there before', async () => {
    expect(await codeOf(await ask('GET', managed))).toBe('404 REPOSITORY_UNKNOWN');
    expect((await ask('GET', `${managed}/metadata/timestamp.json`)).status).toBe(404);
  });

  it('refuses to be made without saying who holds root, and names the choices', async () => {
    const response = await ask('PUT', managed, {});
    expect(await response.clone().text()).toMatch(/managed.*client|client.*managed/);
    expect(await codeOf(response)).toBe('400 CUSTODY_INVALID');
  });

  it('leaves nothing behind a dry run', async () => {
    const dry = await ask('PUT', `${managed}?dryRun=true`, creation);
    expect(dry.status).toBe(201);
    const { roles, expires } = answers.summarySchema.parse(await dry.json());
    const all = ['revocations', 'root', 'snapshot', 'targets', 'timestamp'];
    expect([Object.keys(roles).sort(), Object.keys(expires).sort()]).toEqual([all, all]);
    expect((await ask('GET', managed)).status).toBe(404);
  });

  it('is made with 201, is the same with 200, and another with 409', async () => {
    const made = await ask('PUT', `${managed}/`, creation);
    expect(made.status).toBe(201);
    expect(answers.summarySchema.parse(await made.json()).versions).toMatchObject({
      root: 1,
      revocations: 1,
    });
    expect((await ask('PUT', managed, creation)).status).toBe(200);
    const other = { roles: { root: { keys: [{ custody: 'managed' }], expiresAfter: '30d' } } };
    expect(await codeOf(await ask('PUT', managed, other))).toBe('409 REPOSITORY_EXISTS');
  });

  it('vouches for a tag and says so everywhere', async () => {
    const put = await ask('PUT', `${managed}/tags/1.4.2`, { digest: manifestDigest, size: manifest.length });
    expect(put.status).toBe(200);
    expect(answers.tagPublishedSchema.parse(await put.json())).toMatchObject({
      tag: '1.4.2',
      published: { targets: 2 },
    });
    const shown = answers.tagDetailSchema.parse(await (await ask('GET', `${managed}/tags/1.4.2`)).json());
    expect(shown.vouchedBy[0]).toMatchObject({
      role: 'targets',
      path: ['targets'],
      threshold: 1,
      version: 2,
    });
    const list: unknown = await (await ask('GET', `${managed}/tags`)).json();
    expect(list).toMatchObject({ items: [{ tag: '1.4.2', digest: manifestDigest }], next: null });
  });

  it('serves its files to anybody, byte for byte the same each time', async () => {
    const stamp = await app.request(`${managed}/metadata/timestamp.json`);
    const bytes = await stamp.text();
    expect(JSON.parse(bytes)).toMatchObject({ signed: { _type: 'timestamp', version: 2 } });
    expect(stamp.headers.get('etag')).toBe(`"${sha256Hex(new TextEncoder().encode(bytes))}"`);
    for (const file of ['1.root.json', '2.snapshot.json', '2.targets.json', '1.revocations.json']) {
      const response = await app.request(`${managed}/metadata/${file}`);
      expect([file, response.status]).toEqual([file, 200]);
      expect(response.headers.get('cache-control')).toContain('immutable');
    }
    expect((await app.request(`${managed}/metadata/2.root.json`)).status).toBe(404);
  });

  it('passes on the manifest a role vouches for and no other', async () => {
    const name = manifestDigest.slice(7);
    const response = await app.request(`${managed}/targets/${name}.1.4.2`);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(manifest);
    expect((await app.request(`${managed}/targets/${name}.1.4.3`)).status).toBe(404);
  });

  it('answers a stale If-Match with 409 and changes nothing', async () => {
    const stale = { 'If-Match': '"targets:1"' };
    expect(await codeOf(await ask('PUT', `${managed}/tags/2.0`, tagBody, stale))).toBe(
      '409 VERSION_CONFLICT',
    );
    expect(await codeOf(await ask('GET', `${managed}/tags/2.0`))).toBe('404 TAG_UNKNOWN');
  });

  it('publishes once for a request that was sent twice', async () => {
    const key = { 'Idempotency-Key': 'release-42' };
    const first = await (await ask('PUT', `${managed}/tags/constructor`, tagBody, key)).text();
    const again = await (await ask('PUT', `${managed}/tags/constructor`, tagBody, key)).text();
    expect(again).toBe(first);
    expect(JSON.parse(first)).toMatchObject({ published: { targets: 3 } });
  });

  it('signs what the publisher says in custom, whatever its members are called', async () => {
    const custom: unknown = JSON.parse('{"__proto__":{"deep":[1]},"constructor":"c","team":"web"}');
    const body = { ...tagBody, mediaType: 'application/vnd.oci.image.index.v1+json', custom };
    expect((await ask('PUT', `${managed}/tags/__proto__`, body)).status).toBe(200);
    expect((await ask('PUT', `${managed}/tags/__proto__`, body)).status).toBe(200);
    const file = await (await app.request(`${managed}/metadata/4.targets.json`)).text();
    expect(file).toContain(
      '"__proto__":{"custom":{"__proto__":{"deep":[1]},"constructor":"c","team":"web","vidimus":{"mediaType":"application/vnd.oci.image.index.v1+json","since":"2026-11-21T09:00:00Z"}}',
    );
    expect((await app.request(`${managed}/metadata/5.targets.json`)).status).toBe(404);
  });

  it('takes a revoked digest away from every tag', async () => {
    const response = await ask('PUT', `${managed}/revocations/${manifestDigest}`, {
      reason: 'CVE-2026-41822',
    });
    expect(answers.digestRevokedSchema.parse(await response.json())).toMatchObject({ tags: ['1.4.2'] });
    expect((await ask('GET', `${managed}/tags/1.4.2`)).status).toBe(404);
    const shown: unknown = await (await ask('GET', `${managed}/revocations/${manifestDigest}`)).json();
    expect(shown).toMatchObject({ digest: manifestDigest, reason: 'CVE-2026-41822' });
    const again = await ask('PUT', `${managed}/tags/1.4.3`, {
      digest: manifestDigest,
      size: manifest.length,
    });
    expect(again.status).toBe(409);
  });

  it('publishes a batch whole or not at all', async () => {
    const sign = [{ tag: '3.0', ...tagBody }];
    expect((await ask('POST', `${managed}/tags`, { sign, revoke: ['none'] })).status).toBe(404);
    expect((await ask('GET', `${managed}/tags/3.0`)).status).toBe(404);
    expect((await ask('POST', `${managed}/tags`, { sign, revoke: ['constructor'] })).status).toBe(200);
    expect((await ask('GET', `${managed}/tags/3.0`)).status).toBe(200);
  });

  it('keeps account of all that', async () => {
    const page: unknown = await (await ask('GET', `${managed}/audit?limit=1`)).json();
    expect(page).toMatchObject({
      items: [{ requestId: 'request', result: 'done' }],
      next: expect.any(String),
    });
    const history: unknown = await (await ask('GET', `${managed}/tags/1.4.2/history`)).json();
    expect(history).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ result: 'done' })]),
    });
    expect(await (await ask('GET', '/v2/_trust/repositories')).json()).toMatchObject({
      summary: { repositories: 1 },
    });
    expect((await ask('GET', '/v2/_trust/audit')).status).toBe(200);
  });

  it('shows every role', async () => {
    const { items } = roleList.parse(await (await ask('GET', `${managed}/roles`)).json());
    expect(items.map((item) => item.role).sort()).toEqual([
      'revocations',
      'root',
      'snapshot',
      'targets',
      'timestamp',
    ]);
    expect(await codeOf(await ask('GET', `${managed}/roles/qa%2Fnightly`))).toBe('404 ROLE_UNKNOWN');
  });
});

describe('a repository whose root a client holds', () => {
  const root = ed25519FromSeed(new Uint8Array(32).fill(9));
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(root.publicRaw) } };
  const creation = { roles: { root: { keys: [{ custody: 'client', key }] } } };

  it('waits for the signature of its root, refuses a wrong one, and then is there', async () => {
    const pending = await ask('PUT', held, creation);
    expect(pending.status).toBe(202);
    const place = pending.headers.get('location') ?? '';
    expect(place.startsWith(`${held}/changes/`)).toBe(true);
    expect((await ask('GET', held)).status).toBe(404);

    const change = answers.changeSchema.parse(await (await ask('GET', place)).json());
    const document = change.documents.find((entry) => entry.role === 'root');
    const keyId = document?.thresholds[0]?.keyIds[0] ?? '';
    const message = fromBase64(document?.toSign ?? '');
    expect(sha256Hex(message)).toBe(document?.sha256);
    const sign = async (sig: string) =>
      await ask('POST', `${place}/signatures`, {
        signatures: [{ dialect: 'tuf', role: 'root', keyId, sig }],
      });

    expect(await codeOf(await sign('00'.repeat(64)))).toBe('400 SIGNATURE_INVALID');
    const signed = await sign(toHex(await root.signer.sign(message)));
    expect(answers.changeSchema.parse(await signed.json()).state).toBe('published');
    const summary = answers.summarySchema.parse(await (await ask('GET', held)).json());
    expect(summary.roles['root']).toMatchObject({ custody: 'client', keyIds: [keyId] });
    expect((await app.request(`${held}/metadata/1.root.json`)).status).toBe(200);
  });

  it('ends, and its root stays served', async () => {
    expect((await ask('DELETE', held)).status).toBe(200);
    expect((await ask('GET', held)).status).toBe(404);
    expect((await app.request(`${held}/metadata/1.root.json`)).status).toBe(200);
  });
});

describe('the whole', () => {
  it('is ready, and nothing failed on the way', async () => {
    expect((await app.request('/readyz')).status).toBe(200);
    expect(logged).toEqual([]);
  });
});
