/** The table this room owns beside the core's, on the embedded database. */
import { createIdempotencyStore } from '@vidimus/trust-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../support/database-embedded.ts';
import { sha256, startMs } from './trust-server-for-test.ts';

let opened: EmbeddedForTest;
beforeAll(async () => {
  opened = await openEmbeddedForTest();
});
afterAll(() => opened.close());

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
