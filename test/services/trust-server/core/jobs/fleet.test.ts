/** A key in several repositories: seen as one, and revoked by one call. */

import { toIdentity } from '@vidimus/access';
import { trustJobs, trustRevokedKeys } from '@vidimus/database';
import { createTrustServer } from '@vidimus/trust-server';
import { eq } from 'drizzle-orm';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Reach } from '../../../../../services/trust-server/src/key-service.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../../support/database-embedded.ts';
import { serverParts, token, write } from '../../trust-server-for-test.ts';
import {
  bodyOf,
  type ClientKey,
  type CoreForTest,
  call,
  clientKey,
  codeOf,
  errorOf,
  openCore,
} from '../core-for-test.ts';

const host = 'registry.example.com/jobs';
const reason = 'laptop stolen';
const all: Reach = { mayAccess: () => true, mayAccessAll: true };
const page = { limit: 100 };

let opened: EmbeddedForTest;
let core: CoreForTest;
let app: Hono;
beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'fleet' });
  const now = () => core.clock.nowMs;
  app = createTrustServer({
    ...serverParts(),
    service: core.service,
    authenticator: {
      authenticate: async (text) => (text === token ? toIdentity('token:t1', 'admin', ['**']) : undefined),
    },
    now,
  });
});
afterAll(async () => {
  await core.service.stop();
  await opened.close();
});

/** A key that the root of each of these lists beside one of the service. */
async function listed(
  name: string,
  count: number,
): Promise<{ key: ClientKey; repositories: readonly string[] }> {
  const key = clientKey(`fleet ${name}`);
  const repositories = Array.from({ length: count }, (_, index) => `${host}/${name}-${index}`);
  for (const repository of repositories) {
    await bodyOf(
      core.service.createRepository(call, repository, {
        roles: { root: { keys: [{ custody: 'managed' }, { custody: 'client', key: key.declared }] } },
      }),
    );
  }
  return { key, repositories };
}

async function finished(id: string) {
  for (let round = 0; round < 5; round += 1) {
    await core.service.runJobs();
    const job = await core.service.readJob(id, () => true);
    if (job.state === 'finished') return job;
  }
  throw new Error(`job ${id} does not end: ${core.heard.join()}`);
}

async function begin(key: ClientKey, reach: Reach = all, more: object = {}): Promise<string> {
  const done = await core.service.revokeKeyEverywhere(call, key.keyId, { reason, ...more }, reach);
  if (!('job' in done)) throw new Error('it was a dry run');
  return done.job.job;
}

const revokedEverywhere = async (key: ClientKey) =>
  await opened.database.db
    .select({ repository: trustRevokedKeys.repository })
    .from(trustRevokedKeys)
    .where(eq(trustRevokedKeys.material, (await materialOf(key)) ?? ''));

const materialOf = async (key: ClientKey): Promise<string | undefined> =>
  (await core.service.readFleetKey(key.keyId, () => true, page)).aliases.at(-1);

describe('a key in several repositories', () => {
  it('is shown as one, to those who may see them, by any of its ids', async () => {
    const { key, repositories } = await listed('shown', 3);
    const shown = await core.service.readFleetKey(key.keyId, () => true, { limit: 2 });
    expect(shown).toMatchObject({
      keyId: key.keyId,
      type: 'ed25519',
      custody: 'client',
      roles: ['root'],
      lastUsed: null,
      repositories: { total: 3 },
      items: repositories.slice(0, 2).map((repository) => ({ repository, roles: ['root'] })),
      next: repositories[1],
    });
    expect(shown.aliases).toHaveLength(2);
    for (const alias of shown.aliases) {
      const again = await core.service.readFleetKey(alias, (name) => name === repositories[0], page);
      expect(again).toMatchObject({ keyId: key.keyId, repositories: { total: 1 } });
    }
    expect(await codeOf(core.service.readFleetKey(key.keyId, () => false, page))).toBe('KEY_UNKNOWN');
    const managed = (await core.service.listKeys(repositories[0] ?? '', page)).items.filter(
      ({ custody }) => custody === 'managed',
    );
    expect(managed.map(({ roles }) => roles.join()).sort()).toEqual([
      'revocations',
      'root',
      'snapshot',
      'targets',
      'timestamp',
    ]);
    expect(managed.every(({ lastUsed }) => lastUsed !== null)).toBe(true);
  });

  it('is revoked in all of them; asked again, it is the same job', async () => {
    const { key, repositories } = await listed('job', 3);
    const before = await core.service.readFleetImpact(key.keyId, {}, () => true, page);
    expect(before.repositories).toEqual({ total: 3, safe: 3, needSignatures: 0, break: 0, denied: 0 });
    await core.service.stop();
    // Nobody works on it now, as after a crash.
    const id = await begin(key);
    expect(await begin(key)).toBe(id);
    const other = core.service.revokeKeyEverywhere(call, key.keyId, { reason: 'another' }, all);
    expect(await codeOf(other)).toBe('CHANGE_CONFLICT');
    // It reaches as far as who began it: for somebody else it is not the same, and who may see nothing sees no job.
    const byOther = (reach: Reach) =>
      core.service.revokeKeyEverywhere({ ...call, actor: 'token:other' }, key.keyId, { reason }, reach);
    expect(await codeOf(byOther(all))).toBe('CHANGE_CONFLICT');
    expect(await codeOf(byOther({ mayAccess: () => false, mayAccessAll: false }))).toBe('KEY_UNKNOWN');
    expect(await core.service.readJob(id, () => true)).toMatchObject({ state: 'running', done: 0, total: 3 });

    core = openCore(opened.database, { seed: 'fleet again', clock: core.clock });
    const job = await finished(id);
    expect(job).toMatchObject({ done: 3, published: 3, changes: [], refused: [], hidden: 0 });
    for (const repository of repositories) {
      const { keyIds } = await core.service.readRole(repository, 'root');
      expect(keyIds).not.toContain(key.keyId);
      expect((await core.service.readRepository(repository)).versions['root']).toBe(2);
    }
    expect(await codeOf(core.service.revokeKeyEverywhere(call, key.keyId, { reason }, all))).toBe(
      'KEY_UNKNOWN',
    );
    const { items } = await core.service.readAudit({ mayRead: () => true }, page);
    const told = items.map(({ action }) => action);
    for (const action of ['key.revoke.fleet', 'job.start', 'job.finish']) expect(told).toContain(action);
  });

  it('never comes back, in whichever repository', async () => {
    const { key } = await listed('back', 1);
    await finished(await begin(key));
    const refused = await errorOf(
      core.service.createRepository(call, `${host}/back-again`, {
        roles: { root: { keys: [{ custody: 'managed' }, { custody: 'client', key: key.declared }] } },
      }),
    );
    expect(refused.code).toBe('KEY_INVALID');
    expect(await codeOf(core.service.readRepository(`${host}/back-again`))).toBe('REPOSITORY_UNKNOWN');
  });

  it('stays where the caller may not act, who is told how many', async () => {
    const { key, repositories } = await listed('denied', 3);
    const [first = ''] = repositories;
    const reach: Reach = { mayAccess: (name) => name === first, mayAccessAll: false };
    const impact = await core.service.readFleetImpact(key.keyId, {}, reach.mayAccess, page);
    expect(impact.repositories).toMatchObject({ total: 3, safe: 1, denied: 2 });
    expect(impact.items.map(({ repository }) => repository)).toEqual([first]);
    const id = await begin(key, reach);
    await finished(id);
    const mine = await core.service.readJob(id, reach.mayAccess);
    expect(mine).toMatchObject({ total: 3, done: 3, published: 1, refused: [], hidden: 2 });
    const { refused } = await core.service.readJob(id, () => true);
    expect(refused.map(({ code }) => code)).toEqual(['DENIED', 'DENIED']);
    // What holds in repositories to come is not for a token of one.
    expect(await revokedEverywhere(key)).toEqual([{ repository: first }]);
    const [, untouched = ''] = repositories;
    expect((await core.service.readRole(untouched, 'root')).keyIds).toContain(key.keyId);
  });

  it('is left alone where its impact changed, and in a dry run', async () => {
    const { key } = await listed('dry', 1);
    const expected = { reason, expect: { break: 1 } };
    const changed = await errorOf(core.service.revokeKeyEverywhere(call, key.keyId, expected, all));
    expect(changed.code).toBe('IMPACT_CHANGED');
    expect(changed.detail['impact']).toMatchObject({ repositories: { total: 1, break: 0 } });
    const dry = await core.service.revokeKeyEverywhere({ ...call, dryRun: true }, key.keyId, { reason }, all);
    expect(dry).toMatchObject({ impact: { repositories: { total: 1, safe: 1 } } });
    const self = { custody: 'client' as const, key: key.declared };
    const itself = core.service.revokeKeyEverywhere(call, key.keyId, { reason, replacement: self }, all);
    expect(await codeOf(itself)).toBe('KEY_INVALID');
    const jobs = await opened.database.db.select({ request: trustJobs.request }).from(trustJobs);
    expect(JSON.stringify(jobs)).not.toContain(key.keyId);
  });
});

describe('the routes of keys', () => {
  const errorsSchema = z.object({ errors: z.array(z.object({ code: z.string() })) });
  const get = async (path: string): Promise<{ status: number; body: unknown }> => {
    const answer = await app.request(path, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, body: await answer.json() };
  };
  const errorAt = async (path: string): Promise<string> => {
    const { status, body } = await get(path);
    return `${status} ${errorsSchema.parse(body).errors[0]?.code}`;
  };

  it('answer what a key is, and what its revocation would break', async () => {
    const { key, repositories } = await listed('routes', 1);
    const at = `/v2/${repositories[0]}/_trust/keys`;
    expect(await get(at)).toMatchObject({ status: 200, body: { next: null } });
    expect(await get(`${at}/${key.keyId}`)).toMatchObject({ status: 200, body: { keyId: key.keyId } });
    const query = `replacement=ed25519:${'ab'.repeat(32)}`;
    expect(await errorAt(`${at}/${key.keyId}/impact?${query}`)).toBe('400 KEY_INVALID');
    expect(await errorAt(`${at}/${key.keyId}/impact?replacement=nobody`)).toBe('400 BODY_INVALID');
    expect(await errorAt(`${at}/${key.keyId.slice(0, 12)}`)).toBe('400 NAME_INVALID');
    expect(await errorAt(`${at}/${'0'.repeat(64)}`)).toBe('404 KEY_UNKNOWN');
    expect(await errorAt(`/v2/_trust/keys/${'0'.repeat(64)}`)).toBe('404 KEY_UNKNOWN');
    expect(await errorAt('/v2/_trust/jobs/none')).toBe('404 METADATA_UNKNOWN');
    const managed = await get(`/v2/_trust/keys/${key.keyId}/impact?replacement=managed`);
    expect(managed).toMatchObject({ status: 200, body: { repositories: { total: 1 }, items: [{}] } });
  });

  it('answer a revocation with what it did, or with the job', async () => {
    const { key, repositories } = await listed('posted', 2);
    const body = { reason, compromisedSince: '2026-11-20T00:00:00Z' };
    const one = await app.request(
      `/v2/${repositories[0]}/_trust/keys/${key.keyId}/revocation`,
      write('POST', body),
    );
    expect(one.status).toBe(200);
    expect(await one.json()).toMatchObject({ key: key.keyId, usable: true, published: { root: 2 } });
    const everywhere = await app.request(`/v2/_trust/keys/${key.keyId}/revocation`, write('POST', body));
    expect(everywhere.status).toBe(202);
    const answer = z.object({ job: z.string(), total: z.literal(1) }).parse(await everywhere.json());
    expect(everywhere.headers.get('location')).toBe(`/v2/_trust/jobs/${answer.job}`);
    await finished(answer.job);
    expect(await get(`/v2/_trust/jobs/${answer.job}`)).toMatchObject({
      body: { published: 1, state: 'finished' },
    });
    const bad = await app.request(
      `/v2/${repositories[0]}/_trust/keys/${key.keyId}/revocation`,
      write('POST', { reason, since: 'yesterday' }),
    );
    expect(bad.status).toBe(400);
  });
});
