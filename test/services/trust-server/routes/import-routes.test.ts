/** `POST /imports` as callers meet it: who may, how much, and what is refused at the door. */
import { describe, expect, it } from 'vitest';
import { maxImportBodyBytes } from '../../../../services/trust-server/src/http/limits.ts';
import { base, codeOf, repository, serverForTest, write } from '../trust-server-for-test.ts';

const path = `http://trust.example.com${base}/imports`;
const file = Buffer.from('{"signed":{},"signatures":[]}').toString('base64');
const body = { dialect: 'notary', roots: [file], update: { root: file, targets: file } };
const summary = {
  repository,
  incarnation: 1,
  dialects: ['notary' as const],
  createdAt: '2026-11-21T09:00:00Z',
  versions: { root: 2 },
  expires: {},
  roles: {},
  delegations: [],
  tagCount: 0,
  rootSha256: '00'.repeat(32),
  openChanges: 0,
  problems: [],
};

const open = (created = true) =>
  serverForTest({ importRepository: async () => ({ outcome: 'done', body: summary, created }) });

describe('an import', () => {
  it('is 201 with the summary, and 200 when it is there already', async () => {
    const first = await open().app.request(path, write('POST', body));
    expect([first.status, await first.json()]).toMatchObject([201, { repository, dialects: ['notary'] }]);
    expect((await open(false).app.request(path, write('POST', body))).status).toBe(200);
  });

  it('hands the files on as they came', async () => {
    const server = open();
    await server.app.request(path, write('POST', { ...body, highest: { timestamp: 41 } }));
    expect(server.calls).toMatchObject([
      { name: 'importRepository', args: [{}, repository, { ...body, highest: { timestamp: 41 } }] },
    ]);
  });

  it('needs a token', async () => {
    const answer = await open().app.request(path, { method: 'POST', body: JSON.stringify(body) });
    expect(await codeOf(answer)).toBe('401 UNAUTHORIZED');
  });

  it('takes files of many megabytes, and no more than the limit', async () => {
    const large = Buffer.alloc(12_000_000, 'x').toString('base64');
    const roomy = { ...body, update: { ...body.update, targets: large } };
    expect((await open().app.request(path, write('POST', roomy))).status).toBe(201);
    const tooLarge = JSON.stringify({ ...body, update: { targets: 'A'.repeat(maxImportBodyBytes) } });
    expect(await codeOf(await open().app.request(path, write('POST', tooLarge)))).toBe('413 BODY_TOO_LARGE');
  });

  const many = Object.fromEntries(Array.from({ length: 1_025 }, (_, n) => [`targets/r${n}`, file]));
  it.each([
    ['no roots', { ...body, roots: [] }],
    ['more roots than a client follows', { ...body, roots: Array.from({ length: 257 }, () => file) }],
    ['another dialect', { ...body, dialect: 'tuf' }],
    ['what is no base64', { ...body, roots: ['{"signed":{}}'] }],
    ['base64 without its padding', { ...body, roots: [file.replace(/=*$/, '').slice(0, -1)] }],
    ['too many files', { ...body, update: many }],
    ['a version beyond all', { ...body, highest: { timestamp: 2 ** 31 } }],
    ['a member there is not', { ...body, force: true }],
  ])('is refused with %s', async (_, wrong) => {
    expect(await codeOf(await open().app.request(path, write('POST', wrong)))).toBe('400 BODY_INVALID');
  });
});
