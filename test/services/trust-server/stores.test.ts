/** The tables this room owns beside the core's, on the embedded database. */
import { accessTokens } from '@vidimus/database';
import { createBootstrapToken, createIdempotencyStore, createTokenStore } from '@vidimus/trust-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../support/database-embedded.ts';
import { administrator, sha256, startMs } from './trust-server-for-test.ts';

let opened: EmbeddedForTest;
beforeAll(async () => {
  opened = await openEmbeddedForTest();
});
afterAll(() => opened.close());

const randomBytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);

describe('createBootstrapToken', () => {
  it('stores nothing of a token that could not be kept', async () => {
    const tokens = createTokenStore(opened.database);
    const keep = () => Promise.reject(new Error('read-only file system'));
    await expect(createBootstrapToken({ tokens, now: startMs, randomBytes, keep })).rejects.toThrow(
      'read-only',
    );
    expect(await opened.database.db.select({ hash: accessTokens.hash }).from(accessTokens)).toEqual([]);
  });

  it('makes one token, whoever asks at once, and only its hash is stored', async () => {
    const tokens = createTokenStore(opened.database);
    const make = (n: number) =>
      createBootstrapToken({ tokens, now: startMs, randomBytes: (length) => new Uint8Array(length).fill(n) });
    const made = (await Promise.all([make(1), make(2), make(3)])).filter((result) => result !== undefined);
    expect(made).toHaveLength(1);
    expect(made[0]?.token).toMatch(/^vdm_[A-Za-z0-9_-]{43}$/);
    expect(made[0]?.expiresAt).toBe(startMs + 86_400_000);
    const rows = await opened.database.db.select({ hash: accessTokens.hash }).from(accessTokens);
    expect(rows).toEqual([{ hash: sha256(made[0]?.token ?? '') }]);
    expect(await tokens.findByHash(sha256(made[0]?.token ?? ''))).toMatchObject({
      role: 'administrator',
      repositories: ['**'],
      expiresAt: startMs + 86_400_000,
    });
  });

  it('makes none while any token is there, expired or not', async () => {
    const tokens = createTokenStore(opened.database);
    expect(await createBootstrapToken({ tokens, now: startMs * 2, randomBytes })).toBeUndefined();
  });

  it('finds nothing for another hash', async () => {
    expect(await createTokenStore(opened.database).findByHash(sha256('x'))).toBeUndefined();
  });

  it('gives nothing to a token of a role it does not know', async () => {
    const { expiresAt: _expiresAt, ...token } = administrator({ id: 'other', hash: sha256('auditor') });
    await opened.database.transaction(async (tx) => {
      await tx.insert(accessTokens).values({
        ...token,
        role: 'auditor',
        repositories: ['**'],
        createdAt: new Date(startMs),
        revokedAt: null,
        bootstrap: false,
      });
    });
    expect(await createTokenStore(opened.database).findByHash(sha256('auditor'))).toBeUndefined();
  });
});

describe('createIdempotencyStore', () => {
  const scope = { caller: 'token:1', method: 'PUT', path: '/v2/x', key: 'k' };
  const hash = sha256('body');
  const answer = { status: 202, text: '{"a":"ü"}', headers: { Location: '/x' } };

  it('goes from begun over in progress to answered, and knows another request', async () => {
    const store = createIdempotencyStore(opened.database, () => startMs);
    expect(await store.begin(scope, hash)).toEqual({ state: 'begun' });
    expect(await store.begin(scope, hash)).toEqual({ state: 'inProgress' });
    expect(await store.begin(scope, sha256('other'))).toEqual({ state: 'otherRequest' });
    await store.finish(scope, answer);
    expect(await store.begin(scope, hash)).toEqual({ state: 'answered', answer });
    expect(await store.begin({ ...scope, caller: 'token:2' }, hash)).toEqual({ state: 'begun' });
  });

  it('lets one of many begin at once', async () => {
    const store = createIdempotencyStore(opened.database, () => startMs);
    const states = await Promise.all([1, 2, 3].map(() => store.begin({ ...scope, key: 'race' }, hash)));
    expect(states.filter((beginning) => beginning.state === 'begun')).toHaveLength(1);
  });

  it('forgets an answer after 24 hours', async () => {
    const clock = { nowMs: startMs };
    const store = createIdempotencyStore(opened.database, () => clock.nowMs);
    const due = { ...scope, key: 'due' };
    await store.begin(due, hash);
    await store.finish(due, answer);
    clock.nowMs += 86_400_000;
    expect(await store.begin(due, hash)).toMatchObject({ state: 'answered' });
    clock.nowMs += 1;
    expect(await store.begin(due, hash)).toEqual({ state: 'begun' });
  });

  it('frees a key whose request died, but not at once', async () => {
    const clock = { nowMs: startMs };
    const store = createIdempotencyStore(opened.database, () => clock.nowMs);
    const dead = { ...scope, key: 'dead' };
    await store.begin(dead, hash);
    clock.nowMs += 60_000;
    expect(await store.begin(dead, hash)).toEqual({ state: 'inProgress' });
    clock.nowMs += 300_000;
    expect(await store.begin(dead, hash)).toEqual({ state: 'begun' });
  });

  it('gives an abandoned key back', async () => {
    const store = createIdempotencyStore(opened.database, () => startMs);
    const given = { ...scope, key: 'given' };
    await store.begin(given, hash);
    await store.abandon(given);
    expect(await store.begin(given, sha256('other'))).toEqual({ state: 'begun' });
  });
});
