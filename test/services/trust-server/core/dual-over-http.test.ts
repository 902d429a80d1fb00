/** Both dialects over HTTP: the route that adds one, the refusals of the Notary wire, and what tuf-js says of a mirror. */
import { Metadata, MetadataKind } from '@tufjs/models';
import { createOwnRegistryTokens, toIdentity } from '@vidimus/access';
import { createTrustServer } from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../support/database-embedded.ts';
import { basic, formOf } from '../routes/notary/wire-for-test.ts';
import { bearer, serverParts, token, write } from '../trust-server-for-test.ts';
import { type CoreForTest, call, digestOf, openCore, tagOf } from './core-for-test.ts';
import { dualManaged } from './dual-for-test.ts';
import { NotaryOwner } from './notary-owner-for-test.ts';

let opened: EmbeddedForTest;
let core: CoreForTest;
let app: Hono;

beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'dual http' });
  const now = () => core.clock.nowMs;
  app = createTrustServer({
    ...serverParts(),
    service: core.service,
    authenticator: {
      authenticate: async (text) => (text === token ? toIdentity('token:t1', 'admin', ['**']) : undefined),
    },
    now,
    notary: {
      service: core.service,
      access: 'open',
      gunPrefixes: [],
      tokens: createOwnRegistryTokens(new Uint8Array(32), now),
    },
  });
});
afterAll(async () => {
  await opened.close();
});

const patch = (repository: string, body: unknown, query = '') =>
  app.request(`/v2/${repository}/_trust${query}`, write('PATCH', body));

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string(), detail: z.unknown().optional() })),
});
const changeSchema = z.object({ change: z.object({ id: z.string(), kind: z.string(), state: z.string() }) });

describe('PATCH of a repository', () => {
  it('adds a dialect at once and answers the summary', async () => {
    const repository = 'registry.example.com/http/managed';
    await core.service.createRepository(call, repository, {
      roles: { root: { keys: [{ custody: 'managed' }] } },
    });
    const answer = await patch(repository, { dialects: ['tuf', 'notary'] });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ repository, dialects: ['tuf', 'notary'] });
    const wire = await app.request(`/v2/${repository}/_trust/tuf/root.json`);
    expect(wire.status).toBe(200);
  });

  it('answers 202 with the place of the change where the owner must sign', async () => {
    const repository = 'registry.example.com/http/mirror';
    await NotaryOwner.create(core, repository, { '1.0': 'a' });
    const dry = await patch(repository, { dialects: ['tuf', 'notary'] }, '?dryRun=true');
    expect([dry.status, dry.headers.get('location')]).toEqual([202, null]);
    const answer = await patch(repository, { dialects: ['tuf', 'notary'] });
    expect(answer.status).toBe(202);
    const { change } = changeSchema.parse(await answer.json());
    expect(change).toMatchObject({ kind: 'dialects', state: 'open' });
    expect(answer.headers.get('location')).toBe(`/v2/${repository}/_trust/changes/${change.id}`);
  });

  it.each([
    ['no body', undefined, 'BODY_INVALID'],
    ['no dialects', {}, 'BODY_INVALID'],
    ['an unknown dialect', { dialects: ['cosign'] }, 'BODY_INVALID'],
    ['an unknown member', { dialects: ['tuf', 'notary'], threshold: 1 }, 'BODY_INVALID'],
    [
      'another role than root',
      { dialects: ['tuf', 'notary'], roles: { targets: { keys: [{ custody: 'managed' }] } } },
      'BODY_INVALID',
    ],
    ['a dialect less', { dialects: ['notary'] }, 'BODY_INVALID'],
  ])('refuses %s', async (name, body, code) => {
    const repository = `registry.example.com/http/bad-${name.replaceAll(' ', '-')}`;
    await core.service.createRepository(call, repository, dualManaged);
    const answer = await patch(repository, body);
    expect(answer.status).toBe(400);
    expect(errorsSchema.parse(await answer.json()).errors[0]?.code).toBe(code);
  });

  it('needs a token', async () => {
    const answer = await app.request('/v2/registry.example.com/http/anybody/_trust', {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ dialects: ['tuf', 'notary'] }),
    });
    expect(answer.status).toBe(401);
  });
});

describe('the Notary wire of a repository that the service publishes', () => {
  const repository = 'registry.example.com/http/wire';
  const tuf = `/v2/${repository}/_trust/tuf`;
  const known = { Authorization: basic(token) };
  beforeAll(async () => {
    await core.service.createRepository(call, repository, dualManaged);
    await core.service.putTag(call, repository, '1.0', tagOf('a'));
  });

  it.each([
    [
      'an upload',
      () => ({
        method: 'POST',
        path: '/',
        headers: { 'Content-Type': 'multipart/form-data; boundary=b0' },
        body: formOf([{ filename: 'targets', text: '{}' }]),
      }),
    ],
    ['a rotation of its timestamp key', () => ({ method: 'POST', path: '/timestamp.key' })],
    ['a rotation of its snapshot key', () => ({ method: 'POST', path: '/snapshot.key' })],
    ['a deletion', () => ({ method: 'DELETE', path: '/' })],
  ])('refuses %s in words that a person understands', async (_name, toRequest) => {
    const {
      path,
      ...request
    }: { method: string; path: string; headers?: Record<string, string>; body?: string } = toRequest();
    const answer = await app.request(`${tuf}${path}`, {
      ...request,
      headers: { ...known, ...request.headers },
    });
    expect(answer.status).toBe(400);
    const text = await answer.text();
    expect(text).toContain('INVALID_UPDATE');
    expect(text).toContain('vidimus sign');
    expect((await core.service.readTag(repository, '1.0')).digest).toBe(digestOf('a'));
  });

  it('gives its current keys to whoever asks', async () => {
    const answer = await app.request(`${tuf}/timestamp.key`, { headers: known });
    expect(await answer.json()).toMatchObject({ keytype: 'ed25519', keyval: { private: null } });
  });
});

describe('a mirror', () => {
  it('verifies for tuf-js under the owner’s own P-256 root key', async () => {
    const { service } = core;
    const repository = 'registry.example.com/http/tuf-js';
    const owner = await NotaryOwner.create(core, repository, { '1.0': 'a' });
    const answer = await patch(repository, { dialects: ['tuf', 'notary'] });
    const { change } = changeSchema.parse(await answer.json());
    const proposed = await service.readChange(repository, change.id);
    const signed = await app.request(
      `/v2/${repository}/_trust/changes/${change.id}/signatures`,
      write('POST', { signatures: [await owner.signTuf(proposed)] }),
    );
    expect(signed.status).toBe(200);
    await owner.publish({ '1.0': 'b' });

    const read = async (file: string): Promise<never> => {
      const response = await app.request(`/v2/${repository}/_trust/metadata/${file}`, { headers: bearer });
      return (await response.json()) as never;
    };
    const root = Metadata.fromJSON(MetadataKind.Root, await read('1.root.json'));
    const targets = Metadata.fromJSON(MetadataKind.Targets, await read('2.targets.json'));
    root.verifyDelegate('root', root);
    root.verifyDelegate('targets', targets);
    root.verifyDelegate('snapshot', Metadata.fromJSON(MetadataKind.Snapshot, await read('2.snapshot.json')));
    root.verifyDelegate('timestamp', Metadata.fromJSON(MetadataKind.Timestamp, await read('timestamp.json')));
    expect(targets.signed.targets['1.0']?.hashes).toEqual({ sha256: digestOf('b').slice(7) });
  });
});
