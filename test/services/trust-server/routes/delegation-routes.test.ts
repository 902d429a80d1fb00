/** Delegations and tags by role over HTTP, on the embedded database: answers, names, and bad input. */
import { toIdentity } from '@vidimus/access';
import { createTrustServer } from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../support/database-embedded.ts';
import { Client, type CoreForTest, call, digestOf, managed, openCore, tagOf } from '../core/core-for-test.ts';
import { heldBy, heldByService, party, signaturesOf } from '../core/delegations/delegations-for-test.ts';
import { bearer, codeOf, serverParts, token, write } from '../trust-server-for-test.ts';

const repository = 'registry.example.com/http/delegations';
const base = `/v2/${repository}/_trust`;
const alice = party('alice');
let opened: EmbeddedForTest;
let core: CoreForTest;
let app: Hono;

beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'delegation routes' });
  await core.service.createRepository(call, repository, managed);
  app = createTrustServer({
    ...serverParts(),
    service: core.service,
    authenticator: {
      authenticate: async (text) =>
        text === token
          ? toIdentity('token:t1', 'admin', ['**'])
          : text === 'signer'
            ? toIdentity('token:t2', 'signer', ['**'])
            : undefined,
    },
    now: () => core.clock.nowMs,
  });
});
afterAll(async () => {
  await opened.close();
});

const get = (path: string) => app.request(`${base}${path}`, { headers: bearer });
const put = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  app.request(`${base}${path}`, write('PUT', body, headers));
const changeSchema = z.object({
  change: z.looseObject({ id: z.string(), documents: z.array(z.looseObject({ role: z.string() })) }),
});

describe('a delegation over HTTP', () => {
  it('is put, shown, listed, used and removed; its name is one segment', async () => {
    const dry = await put('/delegations/qa?dryRun=true', heldByService());
    expect(await dry.json()).toMatchObject({
      dryRun: true,
      published: { targets: 2, qa: 1 },
      impact: { versions: { targets: 2, qa: 1 } },
    });
    expect((await get('/delegations/qa')).status).toBe(404);
    const conflict = await put('/delegations/qa', heldByService(), { 'If-Match': '"targets:7"' });
    expect(await codeOf(conflict)).toBe('409 VERSION_CONFLICT');
    const made = await put('/delegations/qa', heldByService(), { 'If-Match': '"targets:1"' });
    expect(made.status).toBe(200);
    expect(await made.json()).toMatchObject({ published: { targets: 2 }, changed: { keysRemoved: [] } });
    expect((await put('/delegations/qa%2Fnightly', heldByService({ paths: ['1.*'] }))).status).toBe(200);
    expect(await (await get('/delegations/qa%2Fnightly')).json()).toMatchObject({
      name: 'qa/nightly',
      path: ['targets', 'qa', 'qa/nightly'],
      paths: ['1.*'],
      terminating: false,
    });
    const first = z
      .object({ items: z.array(z.looseObject({ name: z.string() })), next: z.string().nullable() })
      .parse(await (await get('/delegations?limit=1')).json());
    expect(first.items.map(({ name }) => name)).toEqual(['qa']);
    expect(await (await get(`/delegations?limit=1&cursor=${first.next ?? ''}`)).json()).toMatchObject({
      items: [{ name: 'qa/nightly' }],
      next: null,
    });
    expect((await put('/tags/1.0', { ...tagOf('a'), role: 'qa/nightly' })).status).toBe(200);
    const client = await new Client(core, repository).pin();
    expect(await client.targets()).toEqual({ '1.0': digestOf('a') });
    expect((await put('/tags/2.0', { ...tagOf('a'), role: 'qa' })).status).toBe(200);
    const revoked = await app.request(`${base}/tags/1.0`, write('DELETE', { role: 'qa' }));
    expect(await codeOf(revoked)).toBe('404 TAG_UNKNOWN');
    const gone = await app.request(`${base}/tags/1.0`, write('DELETE', { role: 'qa/nightly' }));
    expect(gone.status).toBe(200);
    const removed = await app.request(`${base}/delegations/qa`, { method: 'DELETE', headers: bearer });
    expect(await removed.json()).toMatchObject({ name: 'qa', changed: { tagsGone: ['2.0'] } });
    expect(await client.targets()).toEqual({});
  });

  it('answers 202 with the place of the change; a repeated call with its key answers the same', async () => {
    const body = heldBy([alice], { paths: ['dev-*'] });
    const asked = await put('/delegations/dev', body, { 'Idempotency-Key': 'k1' });
    expect(asked.status).toBe(202);
    const { change } = changeSchema.parse(await asked.json());
    expect(asked.headers.get('location')).toBe(`${base}/changes/${change.id}`);
    const full = await core.service.readChange(repository, change.id);
    const signed = await app.request(
      `${base}/changes/${change.id}/signatures`,
      write('POST', { signatures: await signaturesOf(full, alice) }),
    );
    expect(await signed.json()).toMatchObject({ state: 'published' });
    const tag = await put('/tags/dev-1', { ...tagOf('d'), role: 'dev' });
    expect(tag.status).toBe(202);
    expect(changeSchema.parse(await tag.json()).change.documents.map(({ role }) => role)).toEqual(['dev']);
    expect(await codeOf(await put('/tags/1.0', { ...tagOf('d'), role: 'dev' }))).toBe('400 BODY_INVALID');
  });

  it('is an administrator’s to make, and anybody’s with a token to read', async () => {
    const signer = { Authorization: 'Bearer signer' };
    const asked = write('PUT', heldByService(), signer);
    expect(await codeOf(await app.request(`${base}/delegations/mine`, asked))).toBe('403 DENIED');
    const removal = { method: 'DELETE', headers: signer };
    expect(await codeOf(await app.request(`${base}/delegations/dev`, removal))).toBe('403 DENIED');
    expect((await app.request(`${base}/delegations`, { headers: signer })).status).toBe(200);
    expect((await app.request(`${base}/delegations`)).status).toBe(401);
  });

  it.each<[string, string, unknown, string]>([
    ['a name with an empty segment', 'a%2F%2Fb', heldByService(), '400 NAME_INVALID'],
    ['a name with NUL', 'a%00', heldByService(), '400 NAME_INVALID'],
    ['a name that is too long', 'a'.repeat(300), heldByService(), '400 NAME_INVALID'],
    ['a name of the repository’s own', 'revocations', heldByService(), '400 BODY_INVALID'],
    ['no body', 'qa', '', '400 BODY_INVALID'],
    ['no signers', 'qa', { ...heldByService(), signers: [] }, '400 BODY_INVALID'],
    [
      'a signer without keys',
      'qa',
      heldByService({ signers: [{ name: 'x', keys: [] }] }),
      '400 BODY_INVALID',
    ],
    [
      '65 keys of one signer',
      'qa',
      heldByService({ signers: [{ name: 'x', keys: manyKeys(65) }] }),
      '400 BODY_INVALID',
    ],
    [
      '129 keys of three signers',
      'qa',
      heldByService({ signers: ['x', 'y', 'z'].map((name) => ({ name, keys: manyKeys(43) })) }),
      '400 BODY_INVALID',
    ],
    ['a threshold of zero', 'qa', heldByService({ threshold: 0 }), '400 THRESHOLD_INVALID'],
    ['a fraction as threshold', 'qa', heldByService({ threshold: 1.5 }), '400 BODY_INVALID'],
    ['a threshold above its keys', 'qa', heldByService({ threshold: 2 }), '400 THRESHOLD_INVALID'],
    ['no paths', 'qa', heldByService({ paths: [] }), '400 BODY_INVALID'],
    ['an absolute path', 'qa', heldByService({ paths: ['/*'] }), '400 BODY_INVALID'],
    ['a life of nothing', 'qa', heldByService({ expiresAfter: '0d' }), '400 BODY_INVALID'],
    ['an unknown member', 'qa', { ...heldByService(), hashPrefixes: ['00'] }, '400 BODY_INVALID'],
    ['a missing delegator', 'nobody%2Fx', heldByService(), '404 ROLE_UNKNOWN'],
  ])('refuses %s', async (_, name, body, code) => {
    expect(await codeOf(await put(`/delegations/${name}`, body))).toBe(code);
  });

  it('is not there: 404', async () => {
    expect(await codeOf(await get('/delegations/nobody'))).toBe('404 ROLE_UNKNOWN');
    expect(await codeOf(await get('/delegations/revocations'))).toBe('404 ROLE_UNKNOWN');
    const removal = { method: 'DELETE', headers: bearer };
    expect(await codeOf(await app.request(`${base}/delegations/nobody`, removal))).toBe('404 ROLE_UNKNOWN');
    expect(await codeOf(await app.request(`${base}/delegations/revocations`, removal))).toBe(
      '400 BODY_INVALID',
    );
  });
});

function manyKeys(count: number) {
  return Array.from({ length: count }, () => ({ custody: 'managed' as const }));
}
