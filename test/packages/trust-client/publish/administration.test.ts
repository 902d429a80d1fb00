/** The calls that administer keys: method, path and body as the contract has them, answers read strictly. */
import { createPublishClient, type PublishClient } from '@vidimus/trust-client';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningServer, startHttpServer } from '../../../support/hostile-trust-server.ts';
import { errorOf } from '../../../support/trust-test-bed.ts';

const REPOSITORY = 'registry.example.com:5000/team/app';
const BELOW = `/v2/${REPOSITORY}/_trust`;
const KEY = '7c'.repeat(32);
const managed = { custody: 'managed' } as const;
const running: { close(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
});

interface Asked {
  readonly line: string;
  readonly body: unknown;
}

/** A server that answers one thing, and what it was asked. */
async function answering(status: number, body: unknown) {
  const asked: Asked[] = [];
  const server: RunningServer = await startHttpServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      asked.push({
        line: `${request.method} ${request.url}`,
        body: text === '' ? undefined : JSON.parse(text),
      });
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  const client = createPublishClient({ server: server.url, token: 'vdm_t' });
  running.push(client, server);
  return { client, asked };
}

const role = {
  role: 'root',
  custody: 'client',
  threshold: 1,
  keyIds: [KEY],
  independentCustodians: 1,
  version: 1,
  expires: '2027-01-01T00:00:00Z',
  expiresAfter: '365d',
};
const key = {
  keyId: KEY,
  aliases: [],
  type: 'ed25519',
  custody: 'client',
  roles: ['releases'],
  dialects: ['tuf'],
  createdAt: '2026-11-21T09:00:00Z',
  lastUsed: null,
};
const impact = {
  key: KEY,
  roles: [{ role: 'releases', dialects: ['tuf'], threshold: 2, keysLeft: 1, breaks: true }],
  tagsOnlyByThisKey: ['1.0'],
  openChanges: [],
  usable: false,
  needs: 'threshold',
  waitsFor: [],
  clientsRefuseBy: '2026-11-22T09:00:00Z',
};
const fleet = {
  key: KEY,
  repositories: { total: 1, safe: 0, needSignatures: 0, break: 1, denied: 0 },
  openChanges: [],
  clientsRefuseBy: null,
  items: [{ ...impact, repository: REPOSITORY, verdict: 'break' }],
  next: null,
};
const job = {
  job: '01J',
  state: 'running',
  done: 0,
  total: 2,
  published: 0,
  changes: [],
  refused: [],
  hidden: 0,
};
const delegation = {
  name: 'qa/nightly',
  path: ['targets', 'qa'],
  signers: [{ name: 'ci', keys: [managed] }],
  threshold: 1,
  paths: ['*'],
  terminating: false,
  custody: 'managed',
  keys: [],
  tagCount: 0,
};
const rotation = { to: [managed], reason: 'yearly' };
const signers = { signers: [{ name: 'ci', keys: [managed] }], threshold: 1, paths: ['*'] };
const revocation = { reason: 'stolen', expect: { break: 0 } };

type Call = (client: PublishClient) => Promise<unknown>;

const calls: [line: string, call: Call, answer: unknown, body?: unknown][] = [
  [`GET ${BELOW}/roles/root`, (c) => c.role(REPOSITORY, 'root'), role],
  [`GET ${BELOW}/roles`, (c) => c.roles(REPOSITORY), { items: [role], next: null }],
  [
    `POST ${BELOW}/roles/qa%2Fnightly/rotations`,
    (c) => c.rotateRole(REPOSITORY, 'qa/nightly', rotation),
    { published: { targets: 2 }, role },
    rotation,
  ],
  [
    `PATCH ${BELOW}/roles/root`,
    (c) => c.changeRole(REPOSITORY, 'root', { expiresAfter: '90d' }),
    { published: { root: 2 }, role },
    { expiresAfter: '90d' },
  ],
  [`GET ${BELOW}/delegations/qa%2Fnightly`, (c) => c.delegation(REPOSITORY, 'qa/nightly'), delegation],
  [`GET ${BELOW}/delegations`, (c) => c.delegations(REPOSITORY), { items: [delegation], next: null }],
  [
    `PUT ${BELOW}/delegations/qa`,
    (c) => c.putDelegation(REPOSITORY, 'qa', signers),
    { published: { targets: 2 }, changed: { keysAdded: [KEY], keysRemoved: [] } },
    signers,
  ],
  [
    `DELETE ${BELOW}/delegations/qa`,
    (c) => c.removeDelegation(REPOSITORY, 'qa'),
    { published: { targets: 3 } },
  ],
  [`GET ${BELOW}/keys`, (c) => c.keys(REPOSITORY), { items: [key], next: null }],
  [`GET ${BELOW}/keys/${KEY}`, (c) => c.key(REPOSITORY, KEY), key],
  [`GET /v2/_trust/keys/${KEY}`, (c) => c.fleetKey(KEY), { ...key, repositories: { total: 2 } }],
  [
    `GET ${BELOW}/keys/${KEY}/impact?replacement=%7B%22custody%22%3A%22managed%22%7D&threshold=1&force=true`,
    (c) => c.keyImpact(REPOSITORY, KEY, { replacement: managed, threshold: 1, force: true }),
    impact,
  ],
  [`GET /v2/_trust/keys/${KEY}/impact`, (c) => c.fleetKeyImpact(KEY), fleet],
  [
    `POST ${BELOW}/keys/${KEY}/revocation`,
    (c) => c.revokeKey(REPOSITORY, KEY, revocation),
    { ...impact, published: { targets: 4 } },
    revocation,
  ],
  [`POST /v2/_trust/keys/${KEY}/revocation`, (c) => c.revokeKeyEverywhere(KEY, revocation), job, revocation],
  ['GET /v2/_trust/jobs/01J', (c) => c.job('01J'), job],
  ['GET /v2/_trust/changes?state=open', (c) => c.fleetChanges(), { items: [], next: null }],
  [
    'GET /v2/_trust/changes?state=open&mine=true',
    (c) => c.fleetChanges({ mine: true }),
    { items: [], next: null },
  ],
  [
    `GET ${BELOW}/changes?state=open&mine=true`,
    (c) => c.changes(REPOSITORY, { mine: true }),
    { items: [], next: null },
  ],
  [
    'GET /v2/_trust/repositories?problem=any&expiring=30d&limit=1000',
    (c) => c.attention('30d'),
    { items: [], next: null, summary: { repositories: 1, pendingChanges: 0 } },
  ],
  [
    `DELETE ${BELOW}/tags/1.0`,
    (c) => c.revokeTag(REPOSITORY, '1.0', 'releases'),
    { published: { releases: 2 } },
    { role: 'releases' },
  ],
];

describe('the calls that administer keys', () => {
  it.each(calls)('ask %s', async (line, call, answer, body) => {
    const { client, asked } = await answering(200, answer);
    await call(client);
    expect(asked).toEqual([{ line, body }]);
  });

  it.each(calls)('take nothing else for an answer to %s', async (_, call) => {
    const { client } = await answering(200, { published: 'yes', items: 7, key: [], roles: 'all' });
    expect(await errorOf(call(client))).toMatchObject({ code: 'UNUSABLE' });
  });

  it('follow the pages of what a revocation would break everywhere, and no more than there are', async () => {
    let page = 0;
    const server = await startHttpServer((_, response) => {
      page += 1;
      const next = page < 3 ? `p${page}` : null;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...fleet, next }));
    });
    const client = createPublishClient({ server: server.url });
    running.push(client, server);
    const { items, repositories } = await client.fleetKeyImpact(KEY);
    expect([items.length, repositories.total, page]).toEqual([3, 1, 3]);
  });
});
