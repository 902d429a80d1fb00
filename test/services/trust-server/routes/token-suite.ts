/** Access tokens over HTTP: who may make, see and end which. Runs over every kind of database. */
import {
  createAuthenticator,
  createBootstrapToken,
  createTokenStore,
  createTokenUses,
} from '@vidimus/access';
import { accessTokens, trustEvents, trustIdempotency } from '@vidimus/database';
import { createIdempotencyStore, createTrustServer } from '@vidimus/trust-server';
import { eq } from 'drizzle-orm';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import { type CoreForTest, openCore, startMs } from '../core/core-for-test.ts';
import { codeOf, serverParts } from '../trust-server-for-test.ts';

export function tokenSuite(given: DatabaseForSuite): void {
  const path = '/v2/_trust/tokens';
  const dayMs = 86_400_000;
  const operator = 'operator-of-the-test';
  const tokenSchema = z.object({
    id: z.string(),
    name: z.string(),
    role: z.string(),
    token: z.string().optional(),
    expiresAt: z.string().optional(),
    lastUsedAt: z.string().optional(),
    createdBy: z.string().optional(),
    made: z.array(z.string()).optional(),
  });
  type Shown = z.infer<typeof tokenSchema>;

  let core: CoreForTest;
  let app: Hono;
  /** Another replica over the same database. */
  let other: Hono;
  let uses: ReturnType<typeof createTokenUses>;
  let bootstrap: string;
  const clock = { nowMs: startMs };
  const now = (): number => clock.nowMs;

  beforeAll(async () => {
    core = await openCore(given.database());
    const tokens = createTokenStore(given.database());
    const random = (length: number) => new Uint8Array(length).fill(3);
    bootstrap = (await createBootstrapToken({ tokens, randomBytes: random, now: startMs }))?.token ?? '';
    uses = createTokenUses(given.database(), now, (error) => {
      throw error;
    });
    const serve = (): Hono =>
      createTrustServer({
        ...serverParts(),
        service: core.service,
        authenticator: createAuthenticator({ tokens, now, adminToken: operator, onUse: uses.record }),
        idempotency: createIdempotencyStore(given.database(), now),
      });
    app = serve();
    other = serve();
  });
  afterAll(async () => {
    await uses.idle();
    await core.service.stop();
  });

  const ask = (
    bearer: string,
    method: string,
    where: string,
    body?: unknown,
    headers: Record<string, string> = {},
    replica: Hono = app,
  ) =>
    replica.request(where, {
      method,
      headers: { Authorization: `Bearer ${bearer}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const wanted = (role: string, repositories: readonly string[] = ['r.example/shop/**'], more = {}) => ({
    name: `a ${role}`,
    role,
    repositories,
    ...more,
  });
  const make = async (bearer: string, body: object): Promise<Shown & { readonly token: string }> => {
    const response = await ask(bearer, 'POST', path, body);
    expect(response.status).toBe(201);
    const made = tokenSchema.parse(await response.json());
    return { ...made, token: made.token ?? '' };
  };
  const list = async (bearer: string): Promise<readonly Shown[]> => {
    const response = await ask(bearer, 'GET', `${path}?limit=1000`);
    return z.object({ items: z.array(tokenSchema) }).parse(await response.json()).items;
  };

  describe('the first token', () => {
    it('is good for nothing but the first administrator', async () => {
      const refusals = [
        ask(bootstrap, 'GET', '/v2/_trust/repositories'),
        ask(bootstrap, 'GET', path),
        ask(bootstrap, 'PUT', '/v2/r.example/shop/web/_trust', {}),
        ask(bootstrap, 'GET', '/v2/_trust/audit'),
        ask(bootstrap, 'GET', '/metrics'),
        ask(bootstrap, 'POST', path, wanted('reader')),
      ];
      for (const refusal of refusals) expect(await codeOf(await refusal)).toBe('403 DENIED');
    });

    it('makes one administrator, whoever holds it, and is dead', async () => {
      const asked = [1, 2, 3].map(() => ask(bootstrap, 'POST', path, wanted('admin', ['**'])));
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      expect(statuses.sort()).toEqual([201, 401, 401]);
      expect(await codeOf(await ask(bootstrap, 'POST', path, wanted('admin', ['**'])))).toBe(
        '401 UNAUTHORIZED',
      );
    });
  });

  describe('a token', () => {
    it('is shown once and stored as a hash', async () => {
      const made = await make(operator, wanted('reader'));
      expect(made.token).toMatch(/^vdm_[A-Za-z0-9_-]{43}$/);
      const rows = await given.database().db.select().from(accessTokens).where(eq(accessTokens.id, made.id));
      const events = await given.database().db.select().from(trustEvents);
      const listed = await (await ask(operator, 'GET', path)).text();
      expect(JSON.stringify([rows, events]) + listed).not.toContain(made.token);
      expect(listed).not.toContain(rows[0]?.hash);
      expect(events.find(({ after }) => JSON.stringify(after).includes(made.id))?.action).toBe(
        'token.create',
      );
    });

    it('is not kept under an Idempotency-Key, but the call is', async () => {
      const headers = { 'Idempotency-Key': 'once' };
      const first = tokenSchema.parse(
        await (await ask(operator, 'POST', path, wanted('reader'), headers)).json(),
      );
      const again = tokenSchema.parse(
        await (await ask(operator, 'POST', path, wanted('reader'), headers)).json(),
      );
      expect([again.id, again.token]).toEqual([first.id, undefined]);
      const kept = await given.database().db.select({ body: trustIdempotency.body }).from(trustIdempotency);
      const texts = kept.map(({ body }) => Buffer.from(body ?? []).toString());
      expect(texts.join()).toContain(first.id);
      expect(texts.join()).not.toContain(first.token);
    });

    it('ends after 90 days unless told otherwise', async () => {
      const [usual, short] = [
        await make(operator, wanted('reader')),
        await make(operator, wanted('reader', ['**'], { expiresAfter: '1h' })),
      ];
      expect([usual.expiresAt, short.expiresAt].map((time) => Date.parse(time ?? '') - clock.nowMs)).toEqual([
        90 * dayMs,
        3_600_000,
      ]);
      clock.nowMs += 3_600_000;
      expect(await codeOf(await ask(short.token, 'GET', '/v2/_trust/repositories'))).toBe('401 UNAUTHORIZED');
      expect((await ask(usual.token, 'GET', '/v2/_trust/repositories')).status).toBe(200);
    });

    it('that is revoked is refused by every replica at once', async () => {
      const made = await make(operator, wanted('reader'));
      const read = (replica: Hono) =>
        ask(made.token, 'GET', '/v2/_trust/repositories', undefined, {}, replica);
      expect((await read(other)).status).toBe(200);
      expect((await ask(operator, 'DELETE', `${path}/${made.id}`)).status).toBe(200);
      expect([(await read(app)).status, (await read(other)).status]).toEqual([401, 401]);
      expect((await ask(operator, 'DELETE', `${path}/${made.id}`)).status).toBe(200);
    });

    it('may end itself and sees itself alone', async () => {
      const made = await make(operator, wanted('signer'));
      const sibling = await make(operator, wanted('signer'));
      expect((await list(made.token)).map(({ id }) => id)).toEqual([made.id]);
      expect(await codeOf(await ask(made.token, 'DELETE', `${path}/${sibling.id}`))).toBe(
        '404 TOKEN_UNKNOWN',
      );
      expect((await ask(made.token, 'DELETE', `${path}/${made.id}`)).status).toBe(200);
      expect((await ask(made.token, 'GET', path)).status).toBe(401);
    });

    it('says when it was last used, to the minute', async () => {
      const made = await make(operator, wanted('reader'));
      const lastUsed = async () => {
        await uses.idle();
        return (await list(operator)).find(({ id }) => id === made.id)?.lastUsedAt;
      };
      expect(await lastUsed()).toBeUndefined();
      const use = () => ask(made.token, 'GET', '/v2/_trust/repositories');
      await use();
      const first = await lastUsed();
      clock.nowMs += 59_000;
      await use();
      expect(await lastUsed()).toBe(first);
      clock.nowMs += 1_000;
      await use();
      expect(Date.parse((await lastUsed()) ?? '') - Date.parse(first ?? '')).toBe(60_000);
    });

    it('says, when it is ended, which tokens it made that still count', async () => {
      const boss = await make(operator, wanted('admin'));
      const child = await make(boss.token, wanted('reader'));
      const ended = await make(boss.token, wanted('reader'));
      await ask(boss.token, 'DELETE', `${path}/${ended.id}`);
      const response = await ask(operator, 'DELETE', `${path}/${boss.id}`);
      expect(tokenSchema.parse(await response.json()).made).toEqual([child.id]);
      expect((await ask(child.token, 'GET', path)).status).toBe(200);
    });

    it('is not made by a dry run', async () => {
      const response = await ask(operator, 'POST', `${path}?dryRun=true`, wanted('reader'));
      const { token, ...shown } = tokenSchema.parse(await response.json());
      expect([response.status, token]).toEqual([201, undefined]);
      expect((await list(operator)).map(({ id }) => id)).not.toContain(shown.id);
    });
  });

  describe('the list', () => {
    it('comes in pages that hold only what the caller may see', async () => {
      const narrow = (await make(operator, wanted('admin', ['r.example/paged/*']))).token;
      for (const n of [1, 2, 3]) await make(operator, wanted('reader', [`r.example/paged/${n}`]));
      const whole = (await list(narrow)).map(({ id }) => id);
      const pageSchema = z.object({ items: z.array(tokenSchema), next: z.string().nullable() });
      const paged: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const page: z.infer<typeof pageSchema> = pageSchema.parse(
          await (await ask(narrow, 'GET', `${path}?limit=1${query}`)).json(),
        );
        paged.push(...page.items.map(({ id }) => id));
        cursor = page.next;
      }
      expect([whole.length, paged]).toEqual([4, whole]);
    });
  });

  describe('a narrow administrator', () => {
    let narrow: string;
    beforeAll(async () => {
      narrow = (await make(operator, wanted('admin', ['r.example/shop/**', 'r.example/web-*']))).token;
    });

    it.each([
      [['r.example/shop/**']],
      [['r.example/shop/team-*/app']],
      [['r.example/shop']],
      [['r.example/web-1', 'r.example/shop/x']],
      [['r.example/web-*-2']],
    ])('makes a token for %j', async (repositories) => {
      expect((await ask(narrow, 'POST', path, wanted('signer', repositories))).status).toBe(201);
    });

    it.each([
      ['everything', ['**']],
      ['everything of the host', ['r.example/**']],
      ['the neighbour', ['r.example/shopping/**']],
      ['one inside and one outside', ['r.example/shop/a', 'r.example/other']],
      ['any component', ['r.example/*']],
      ['any host', ['*/shop/**']],
      ['below a run', ['r.example/web-*/**']],
      ['the directory', ['_directory']],
      ['what only the directory matches', ['_*']],
      ['a union that merely overlaps', ['r.example/w*']],
    ])('makes none for %s', async (_what, repositories) => {
      expect(await codeOf(await ask(narrow, 'POST', path, wanted('signer', repositories)))).toBe(
        '403 DENIED',
      );
    });

    it('sees and ends what it could have made, and nothing else', async () => {
      const inside = await make(operator, wanted('signer', ['r.example/shop/a']));
      const outside = await make(operator, wanted('signer', ['r.example/other']));
      const seen = (await list(narrow)).map(({ id }) => id);
      expect([seen.includes(inside.id), seen.includes(outside.id)]).toEqual([true, false]);
      expect(await codeOf(await ask(narrow, 'DELETE', `${path}/${outside.id}`))).toBe('404 TOKEN_UNKNOWN');
      expect((await ask(narrow, 'DELETE', `${path}/${inside.id}`)).status).toBe(200);
    });
  });

  describe('nobody but an administrator', () => {
    it.each(['reader', 'signer', 'revoker', 'approver', 'auditor', 'policy'])(
      'makes a token: %s',
      async (role) => {
        const { token } = await make(operator, wanted(role));
        expect(await codeOf(await ask(token, 'POST', path, wanted('reader')))).toBe('403 DENIED');
      },
    );
  });

  describe('a request for a token', () => {
    it.each([
      ['of no such role', { role: 'owner' }],
      ['of the first token’s role', { role: 'bootstrap' }],
      ['for no repository', { repositories: [] }],
      ['with an empty component', { repositories: ['r.example//x'] }],
      ['with ** inside a component', { repositories: ['r.example/a**'] }],
      ['with capitals', { repositories: ['R.example/a'] }],
      ['with a glob of 300 characters', { repositories: ['a'.repeat(300)] }],
      ['with 21 globs', { repositories: Array.from({ length: 21 }, (_, n) => `r.example/${n}`) }],
      ['that never ends', { expiresAfter: '0d' }],
      ['for ten years', { expiresAfter: '3650d' }],
      ['with a name of control characters', { name: 'a\u001b[31m' }],
      ['with its own secret', { token: 'vdm_x' }],
    ])('%s is refused', async (_what, fields) => {
      const response = await ask(operator, 'POST', path, { ...wanted('reader'), ...fields });
      expect(await codeOf(response)).toBe('400 BODY_INVALID');
    });
  });
}
