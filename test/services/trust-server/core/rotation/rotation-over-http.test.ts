/** The routes that change roles: bodies, codes, conditions and places, over the real core. */
import { toIdentity } from '@vidimus/access';
import { createTrustServer } from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../../support/database-embedded.ts';
import { serverParts, token, write } from '../../trust-server-for-test.ts';
import { type CoreForTest, call, clientKey, managed, openCore } from '../core-for-test.ts';
import { clientEntry, managedEntry } from './rotation-for-test.ts';

const repository = 'registry.example.com/http/rotation';
const reason = 'yearly';
const bob = clientKey('bob');

let opened: EmbeddedForTest;
let core: CoreForTest;
let app: Hono;

beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'rotation http' });
  app = createTrustServer({
    ...serverParts(),
    service: core.service,
    authenticator: {
      authenticate: async (text) => (text === token ? toIdentity('token:t1', 'admin', ['**']) : undefined),
    },
    now: () => core.clock.nowMs,
  });
  await core.service.createRepository(call, repository, managed);
});
afterAll(() => opened.close());

const rotate = (role: string, body: unknown, query = '', headers: Record<string, string> = {}) => {
  const request = write('POST', body);
  return app.request(`/v2/${repository}/_trust/roles/${role}/rotations${query}`, {
    ...request,
    headers: { ...Object.fromEntries(new Headers(request.headers)), ...headers },
  });
};

describe('POST /roles/<role>/rotations', () => {
  it('answers what was published and the role as it is', async () => {
    const dry = await rotate('targets', { to: [managedEntry], reason }, '?dryRun=true');
    expect([dry.status, await dry.json()]).toMatchObject([
      200,
      { dryRun: true, published: { root: 2, targets: 2 }, impact: { diff: [{ role: 'targets' }] } },
    ]);
    const answer = await rotate('targets', { to: [managedEntry], reason });
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      {
        published: { root: 2, targets: 2, snapshot: 2, timestamp: 2 },
        role: { role: 'targets', custody: 'managed', threshold: 1, version: 2, expiresAfter: '90d' },
      },
    ]);
  });

  it('answers 202 with the place of the change where others must sign', async () => {
    const answer = await rotate('revocations', { to: [clientEntry(bob)], reason });
    expect(answer.status).toBe(202);
    const body: unknown = await answer.json();
    expect(body).toMatchObject({ change: { kind: 'rotation', state: 'open', edit: { method: 'POST' } } });
    expect(answer.headers.get('location')).toMatch(new RegExp(`^/v2/${repository}/_trust/changes/`));
    expect((await rotate('revocations', { to: [managedEntry], reason })).status).toBe(409);
  });

  it.each([
    ['no reason', { to: [managedEntry] }, 400],
    ['nobody', { to: [], reason }, 400],
    ['a threshold of nobody', { to: [managedEntry], threshold: 0, reason }, 400],
    ['half a person', { to: [managedEntry], threshold: 0.5, reason }, 400],
    ['a threshold above the keys', { to: [managedEntry], threshold: 2, reason }, 400],
    ['something more', { to: [managedEntry], reason, force: true }, 400],
  ])('refuses %s', async (_, body, status) => {
    expect((await rotate('targets', body)).status).toBe(status);
  });

  it('holds to the version that the caller read', async () => {
    const stale = { 'If-Match': '"targets:1"' };
    expect((await rotate('targets', { to: [managedEntry], reason }, '', stale)).status).toBe(409);
    const fresh = { 'If-Match': '"targets:2"' };
    expect((await rotate('targets', { to: [managedEntry], reason }, '', fresh)).status).toBe(200);
  });
});

describe('PATCH /roles/<role>', () => {
  const patch = (role: string, body: unknown) =>
    app.request(`/v2/${repository}/_trust/roles/${role}`, write('PATCH', body));

  it('gives another lifetime, and needs to be told which', async () => {
    const answer = await patch('snapshot', { expiresAfter: '3d' });
    expect([answer.status, await answer.json()]).toMatchObject([200, { role: { expiresAfter: '3d' } }]);
    expect((await patch('snapshot', {})).status).toBe(400);
    expect((await patch('snapshot', { expiresAfter: '0d' })).status).toBe(400);
    expect((await patch('nobody', { expiresAfter: '3d' })).status).toBe(404);
  });
});
