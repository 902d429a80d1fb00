/** The first token and the table of tokens, on the embedded database. */
import { createBootstrapToken, createTokenStore, insertToken } from '@vidimus/access';
import { accessTokens } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../support/database-embedded.ts';
import { administrator, sha256, startMs } from './token-for-test.ts';

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
      role: 'bootstrap',
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
    await opened.database.transaction(async (tx) => {
      await insertToken(tx, administrator({ id: 'other', hash: sha256('emperor') }));
      await tx.update(accessTokens).set({ role: 'emperor' }).where(eq(accessTokens.id, 'other'));
    });
    expect(await createTokenStore(opened.database).findByHash(sha256('emperor'))).toBeUndefined();
  });
});
