/** What every kind of database must do alike: types, constraints, triggers, transactions, notifications, locks. */
import {
  accessTokens,
  type Database,
  keyKeys,
  keyMasters,
  lockUntilCommit,
  notify,
  type Queries,
  queryRows,
  sendAhead,
  toDatabaseError,
  trustChangefeed,
  trustChanges,
  trustEvents,
  trustHeads,
  trustIdempotency,
  trustMetadata,
  trustRepositories,
  trustTags,
  tryLockUntilCommit,
} from '@vidimus/database';
import { eq, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import type { DatabaseForSuite } from '../../support/each-database.ts';
import {
  hex,
  sampleChangeRecord,
  sampleEvent,
  sampleKey,
  sampleMetadata,
  sampleRepository,
  sampleToken,
  someTime,
} from './sample-rows.ts';

/** The suite; `describeEachDatabase` runs it. */
export function storeSuite({ database, kind }: DatabaseForSuite): void {
  describe('types', () => types(database));
  describe('constraints', () => constraints(database));
  describe('append-only tables', () => appendOnly(database));
  describe('transactions', () => transactions(database, kind));
  describe('notifications', () => notifications(database));
}

function types(database: () => Database): void {
  it('reads int8 as number and bytea as a plain Uint8Array in raw statements', async () => {
    const [row] = await queryRows(
      database().db,
      sql`select 5::int8 as n, '\\x0102'::bytea as b, array['x'] as t`,
    );
    expect(row).toEqual({ n: 5, b: new Uint8Array([1, 2]), t: ['x'] });
    expect(row?.['b']?.constructor).toBe(Uint8Array);
  });

  it('gives back what was stored', async () => {
    const { db } = database();
    const row = sampleRepository('types/a');
    await db
      .insert(trustRepositories)
      .values({ ...row, logSize: Number.MAX_SAFE_INTEGER, dialects: ['a"b', 'c,d'] });
    await db.insert(trustMetadata).values(sampleMetadata('types/a', 'root', 1));
    const [repository] = await db
      .select()
      .from(trustRepositories)
      .where(eq(trustRepositories.repository, 'types/a'));
    expect(repository).toMatchObject({
      ...row,
      endedAt: null,
      logSize: Number.MAX_SAFE_INTEGER,
      dialects: ['a"b', 'c,d'],
    });
    const [metadata] = await db.select().from(trustMetadata).where(eq(trustMetadata.repository, 'types/a'));
    expect(metadata).toEqual(sampleMetadata('types/a', 'root', 1));
    expect(metadata?.bytes.constructor).toBe(Uint8Array);
  });

  it('orders names by their bytes', async () => {
    const { db } = database();
    for (const name of ['order/b', 'order/B', 'order/a-b', 'order/ab', 'order/é']) {
      await db.insert(trustRepositories).values(sampleRepository(name));
    }
    const rows = await db
      .select({ name: trustRepositories.repository })
      .from(trustRepositories)
      .where(sql`${trustRepositories.repository} like 'order/%'`)
      .orderBy(trustRepositories.repository);
    expect(rows.map(({ name }) => name)).toEqual(['order/B', 'order/a-b', 'order/ab', 'order/b', 'order/é']);
  });
}

type Attempt = (db: Queries) => PromiseLike<unknown>;

const violations: readonly (readonly [string, string, Attempt])[] = [
  [
    'a second live incarnation',
    'trust_repositories_live',
    (db) => db.insert(trustRepositories).values({ ...sampleRepository('r'), incarnation: 2 }),
  ],
  [
    'the same incarnation twice',
    'trust_repositories_pk',
    (db) => db.insert(trustRepositories).values({ ...sampleRepository('r'), endedAt: someTime }),
  ],
  [
    'a name of 256 bytes',
    'trust_repositories_name_length',
    (db) => db.insert(trustRepositories).values(sampleRepository('x'.repeat(256))),
  ],
  [
    'an empty name',
    'trust_repositories_name_length',
    (db) => db.insert(trustRepositories).values(sampleRepository('')),
  ],
  [
    'incarnation 0',
    'trust_repositories_incarnation_positive',
    (db) => db.insert(trustRepositories).values({ ...sampleRepository('n'), incarnation: 0 }),
  ],
  [
    'a repository without dialect',
    'trust_repositories_has_dialect',
    (db) => db.insert(trustRepositories).values({ ...sampleRepository('n'), dialects: [] }),
  ],
  [
    'a log hash that is none',
    'trust_repositories_log_hash_hex',
    (db) => db.insert(trustRepositories).values({ ...sampleRepository('n'), logHash: 'A'.repeat(64) }),
  ],
  [
    'metadata of an unknown repository',
    'trust_metadata_repository_fk',
    (db) => db.insert(trustMetadata).values(sampleMetadata('unknown', 'root', 1)),
  ],
  [
    'a version twice',
    'trust_metadata_pk',
    (db) => db.insert(trustMetadata).values(sampleMetadata('r', 'root', 2)),
  ],
  [
    'a root that skips a version',
    'trust_metadata_version_order',
    (db) => db.insert(trustMetadata).values(sampleMetadata('r', 'root', 4)),
  ],
  [
    'a version below the newest',
    'trust_metadata_version_order',
    (db) => db.insert(trustMetadata).values(sampleMetadata('r', 'timestamp', 6)),
  ],
  [
    'version 0',
    'trust_metadata_version_safe',
    (db) => db.insert(trustMetadata).values(sampleMetadata('r', 'targets', 0)),
  ],
  [
    'version 2^53',
    'trust_metadata_version_safe',
    (db) =>
      db.execute(
        sql`insert into trust_metadata (repository, incarnation, dialect, role, version, bytes, sha256, issued_at, expires_at) values ('r', 1, 'tuf', 'targets', 9007199254740992, ''::bytea, ${hex('a')}, '2026-01-01Z', '2026-01-01Z')`,
      ),
  ],
  [
    'a head without its document',
    'trust_heads_metadata_fk',
    (db) => db.insert(trustHeads).values({ ...sampleMetadata('r', 'root', 9), resignAfter: null }),
  ],
  [
    'a digest that is none',
    'trust_tags_digest_form',
    (db) =>
      db.insert(trustTags).values({
        repository: 'r',
        incarnation: 1,
        role: 'targets',
        tag: 't',
        digest: `sha256:${'A'.repeat(64)}`,
        size: 1,
        since: someTime,
        sinceVersion: 1,
        actor: 'a',
      }),
  ],
  [
    'a negative size',
    'trust_tags_size_safe',
    (db) =>
      db.insert(trustTags).values({
        repository: 'r',
        incarnation: 1,
        role: 'targets',
        tag: 't',
        digest: `sha256:${hex('a')}`,
        size: -1,
        since: someTime,
        sinceVersion: 1,
        actor: 'a',
      }),
  ],
  [
    'a change in an unknown state',
    'trust_changes_state_known',
    (db) => db.insert(trustChanges).values({ ...sampleChange, state: 'signed' }),
  ],
  [
    'a published change without versions',
    'trust_changes_published_with_versions',
    (db) => db.insert(trustChanges).values({ ...sampleChange, state: 'published' }),
  ],
  [
    'an event twice',
    'trust_events_chain',
    (db) => db.insert(trustEvents).values({ ...sampleEvent('r', 1), id: 'other' }),
  ],
  [
    'an event of the service twice',
    'trust_events_chain',
    (db) => db.insert(trustEvents).values({ ...sampleEvent(null, 1), id: 'other' }),
  ],
  [
    'an event that skips a number',
    'trust_events_chain_order',
    (db) => db.insert(trustEvents).values(sampleEvent('r', 3)),
  ],
  [
    'an event on another head',
    'trust_events_chain_order',
    (db) => db.insert(trustEvents).values({ ...sampleEvent('r', 2), prevHash: hex('d') }),
  ],
  [
    'an event half about a repository',
    'trust_events_scope',
    (db) => db.insert(trustEvents).values({ ...sampleEvent('r', 1), incarnation: null }),
  ],
  [
    'an unknown result',
    'trust_events_result_known',
    (db) => db.insert(trustEvents).values({ ...sampleEvent('r', 2), result: 'maybe' }),
  ],
  [
    'an idempotency key twice',
    'trust_idempotency_pk',
    (db) => db.insert(trustIdempotency).values([sampleIdempotency, sampleIdempotency]),
  ],
  [
    'a token hash twice',
    'access_tokens_hash',
    (db) => db.insert(accessTokens).values([sampleToken('1', hex('e')), sampleToken('2', hex('e'))]),
  ],
  [
    'a token instead of its hash',
    'access_tokens_hash_hex',
    (db) => db.insert(accessTokens).values(sampleToken('1', 'vdm_secret')),
  ],
  [
    'a second bootstrap token',
    'access_tokens_one_bootstrap',
    (db) =>
      db.insert(accessTokens).values([
        { ...sampleToken('1', hex('1')), bootstrap: true, expiresAt: someTime },
        { ...sampleToken('2', hex('2')), bootstrap: true, expiresAt: someTime },
      ]),
  ],
  [
    'a bootstrap token without end',
    'access_tokens_bootstrap_expires',
    (db) => db.insert(accessTokens).values({ ...sampleToken('1', hex('1')), bootstrap: true }),
  ],
  ['a key twice', 'key_keys_pk', (db) => db.insert(keyKeys).values([sampleKey('r'), sampleKey('r')])],
  [
    'a live key without its private half',
    'key_keys_wrapped_until_retired',
    (db) => db.insert(keyKeys).values({ ...sampleKey('r'), wrapped: null }),
  ],
  [
    'a second key that waits for the same place',
    'key_keys_one_pending',
    (db) =>
      db.insert(keyKeys).values([
        { ...sampleKey('r'), pending: true },
        { ...sampleKey('r'), keyId: hex('d'), pending: true },
      ]),
  ],
  [
    'a line of the change feed twice',
    'trust_changefeed_pk',
    (db) => db.insert(trustChangefeed).values([sampleChangeRecord(7), sampleChangeRecord(7)]),
  ],
  [
    'an update in the change feed that names no file',
    'trust_changefeed_sha256_of_update',
    (db) => db.insert(trustChangefeed).values({ ...sampleChangeRecord(7), sha256: '' }),
  ],
  [
    'a deletion in the change feed that names a file',
    'trust_changefeed_sha256_of_update',
    (db) => db.insert(trustChangefeed).values({ ...sampleChangeRecord(7), category: 'deletion' }),
  ],
  [
    'an unknown category in the change feed',
    'trust_changefeed_category_known',
    (db) => db.insert(trustChangefeed).values({ ...sampleChangeRecord(7), category: 'other' }),
  ],
  [
    'a master key for an unknown purpose',
    'key_masters_purpose_known',
    (db) => db.insert(keyMasters).values({ purpose: 'other', fingerprint: 'f' }),
  ],
];

const sampleIdempotency: typeof trustIdempotency.$inferInsert = {
  caller: 'c',
  method: 'PUT',
  path: '/',
  key: 'k',
  bodyHash: hex('a'),
  createdAt: someTime,
  expiresAt: someTime,
};

const sampleChange: typeof trustChanges.$inferInsert = {
  id: 'c1',
  repository: 'r',
  incarnation: 1,
  state: 'open',
  kind: 'tags',
  roles: ['targets'],
  edit: {},
  times: {},
  documents: [],
  summary: 's',
  diff: [],
  base: {},
  insteadOf: [],
  createdBy: 'a',
  createdAt: someTime,
  expiresAt: someTime,
};

function constraints(database: () => Database): void {
  it.each(violations)('refuse %s', async (_name, constraint, attempt) => {
    const outcome = inTheRepository(database(), attempt);
    await expect(outcome).rejects.toMatchObject({ name: 'DatabaseError', code: 'CONSTRAINT', constraint });
  });

  it('let a key wait where another one that waited was retired', async () => {
    const outcome = inTheRepository(database(), (db) =>
      db.insert(keyKeys).values([
        { ...sampleKey('r'), pending: true, retiredAt: someTime },
        { ...sampleKey('r'), keyId: hex('d'), pending: true },
        { ...sampleKey('r'), keyId: hex('e') },
      ]),
    );
    await expect(outcome).rejects.toThrow('rolled back on purpose');
  });

  it('accept what a restore needs: a jump of every role but root', async () => {
    const outcome = inTheRepository(database(), (db) =>
      db.insert(trustMetadata).values(sampleMetadata('r', 'timestamp', 7 + 2 ** 20)),
    );
    await expect(outcome).rejects.toThrow('rolled back on purpose');
  });

  it('keep neither statement of a refused transaction', async () => {
    const { db } = database();
    await inTheRepository(database(), (tx) =>
      tx.insert(keyKeys).values([sampleKey('r'), sampleKey('r')]),
    ).catch(() => 0);
    expect(await db.select().from(trustRepositories).where(eq(trustRepositories.repository, 'r'))).toEqual(
      [],
    );
  });
}

/** A repository with two roots, timestamp 7 and one event, then the attempt; nothing of it stays. */
async function inTheRepository(database: Database, attempt: Attempt): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.insert(trustRepositories).values(sampleRepository('r'));
    await tx.insert(trustMetadata).values([sampleMetadata('r', 'root', 1), sampleMetadata('r', 'root', 2)]);
    await tx.insert(trustMetadata).values(sampleMetadata('r', 'timestamp', 7));
    await tx.insert(trustEvents).values([sampleEvent('r', 1), sampleEvent(null, 1)]);
    await attempt(tx);
    throw new Error('rolled back on purpose');
  });
}

function appendOnly(database: () => Database): void {
  const statements = ['update @ set hash = hash', 'delete from @', 'truncate @ cascade'];
  const tables = [
    'trust_metadata',
    'trust_events',
    'trust_event_tags',
    'trust_event_roles',
    'trust_changefeed',
  ] as const;
  const cases = tables.flatMap((table) =>
    statements.map((statement) => [statement.replace('@', table), table] as const),
  );
  const runnable = cases.map(
    ([statement, table]) => [statement.replace('hash = hash', 'repository = repository'), table] as const,
  );

  it.each(runnable.filter(([statement]) => !statement.startsWith('truncate')))(
    'refuse: %s',
    async (statement, table) => {
      const outcome = database().transaction((tx) => tx.execute(sql.raw(statement)));
      await expect(outcome).rejects.toMatchObject({ code: 'CONSTRAINT', constraint: `${table}_append_only` });
    },
  );

  it.each(runnable.filter(([statement]) => statement.startsWith('truncate')))(
    'refuse: %s',
    async (statement) => {
      await expect(database().transaction((tx) => tx.execute(sql.raw(statement)))).rejects.toMatchObject({
        code: expect.stringMatching(/^(CONSTRAINT|NOT_REPLAYABLE)$/),
      });
    },
  );
}

function transactions(database: () => Database, kind: Database['kind']): void {
  it('pass the errors of the work unchanged and roll back', async () => {
    const own = new Error('mine');
    const outcome = database().transaction(async (tx) => {
      await tx.insert(keyMasters).values({ purpose: 'root', fingerprint: 'x' });
      throw own;
    });
    await expect(outcome).rejects.toBe(own);
    expect(
      await database()
        .db.select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint })
        .from(keyMasters),
    ).toEqual([]);
  });

  it('name the constraint of a single statement too', async () => {
    const error: unknown = await database()
      .db.insert(keyMasters)
      .values({ purpose: 'other', fingerprint: 'f' })
      .catch((caught: unknown) => caught);
    expect(toDatabaseError(error)).toMatchObject({
      code: 'CONSTRAINT',
      constraint: 'key_masters_purpose_known',
    });
  });

  it('keep what a nested transaction that failed had left alone', async () => {
    await database().transaction(async (tx) => {
      await tx.insert(keyMasters).values({ purpose: 'service', fingerprint: 'kept' });
      await tx
        .transaction(async (inner) => {
          await inner.insert(keyMasters).values({ purpose: 'root', fingerprint: 'dropped' });
          throw new Error('inner');
        })
        .catch(() => undefined);
    });
    expect(
      await database()
        .db.select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint })
        .from(keyMasters),
    ).toEqual([{ purpose: 'service', fingerprint: 'kept' }]);
    await database().db.delete(keyMasters);
  });

  it('commit statements that were sent ahead, in the order in which they were sent', async () => {
    await database().transaction(async (tx) => {
      sendAhead(tx, tx.insert(keyMasters).values({ purpose: 'service', fingerprint: 'first' }));
      sendAhead(tx, tx.update(keyMasters).set({ fingerprint: sql`${keyMasters.fingerprint} || ' second'` }));
    });
    expect(
      await database()
        .db.select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint })
        .from(keyMasters),
    ).toEqual([{ purpose: 'service', fingerprint: 'first second' }]);
    await database().db.delete(keyMasters);
  });

  it.each([
    ['nothing follows', async () => undefined],
    [
      'another statement fails after it',
      (tx: Queries) =>
        tx.select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint }).from(keyMasters),
    ],
    ['the work throws', () => Promise.reject(new Error('mine'))],
  ])('end with the refusal of a statement that was sent ahead, when %s', async (_, last) => {
    const outcome = database().transaction(async (tx) => {
      await tx.insert(keyMasters).values({ purpose: 'service', fingerprint: 'dropped' });
      sendAhead(tx, tx.insert(keyMasters).values({ purpose: 'other', fingerprint: 'f' }));
      await queryRows(tx, sql`select 1 as one`).catch(() => undefined);
      await last(tx);
    });
    await expect(outcome).rejects.toMatchObject({
      code: 'CONSTRAINT',
      constraint: 'key_masters_purpose_known',
    });
    expect(
      await database()
        .db.select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint })
        .from(keyMasters),
    ).toEqual([]);
  });

  it('send nothing ahead outside of themselves', async () => {
    expect(() => sendAhead(database().db, Promise.resolve())).toThrow(
      expect.objectContaining({ code: 'STATEMENT' }),
    );
  });

  it('refuse to commit when a failed statement was overlooked', async () => {
    const outcome = database().transaction(async (tx) => {
      await tx.insert(keyMasters).values({ purpose: 'service', fingerprint: 'x' });
      await tx.execute(sql`select 1/0`).then(undefined, () => undefined);
    });
    if (kind === 'embedded') await expect(outcome).rejects.toMatchObject({ name: 'DatabaseError' });
    await outcome.catch(() => undefined);
    expect(
      await database()
        .db.select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint })
        .from(keyMasters),
    ).toEqual([]);
  });

  it('run one after another under a lock of the same name', async () => {
    const order: string[] = [];
    const inLock = (name: string) =>
      database().transaction(async (tx) => {
        await lockUntilCommit(tx, 'repository:a');
        order.push(`${name} in`);
        await queryRows(tx, sql`select pg_sleep(0.01)`);
        order.push(`${name} out`);
      });
    await Promise.all(['a', 'b', 'c'].map(inLock));
    expect(order.map((entry) => entry.slice(2))).toEqual(['in', 'out', 'in', 'out', 'in', 'out']);
  });

  it('try a lock that is free', async () => {
    expect(await database().transaction((tx) => tryLockUntilCommit(tx, 'free'))).toBe(true);
  });

  it('answer ping', async () => {
    await expect(database().ping()).resolves.toBeUndefined();
  });
}

function notifications(database: () => Database): void {
  it('reach listeners after commit, in order, and never from a rolled back transaction', async () => {
    const heard: string[] = [];
    let done: (() => void) | undefined;
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const onNotify = (payload: string) => {
      heard.push(payload);
      if (payload === 'end') done?.();
    };
    const stop = await database().listen('trust_current', { onNotify });
    await database()
      .transaction(async (tx) => {
        await notify(tx, 'trust_current', 'rolled back');
        throw new Error('no');
      })
      .catch(() => undefined);
    await database().transaction((tx) => notify(tx, 'trust_current', 'a "quoted" \\ payload'));
    await database().transaction((tx) => notify(tx, 'trust_current', 'end'));
    await all;
    expect(heard).toEqual(['a "quoted" \\ payload', 'end']);
    await stop();
    await database().transaction((tx) => notify(tx, 'trust_current', 'after'));
    expect(heard).toHaveLength(2);
  });

  it('let a listener query the database', async () => {
    let answered: ((rows: unknown) => void) | undefined;
    const answer = new Promise((resolve) => {
      answered = resolve;
    });
    const stop = await database().listen('trust_current', {
      onNotify: () => void queryRows(database().db, sql`select 1 as one`).then(answered, answered),
    });
    await database().transaction((tx) => notify(tx, 'trust_current', 'x'));
    expect(await answer).toEqual([{ one: 1 }]);
    await stop();
  });

  it('refuse a payload of 8,000 bytes and a channel with a quote', async () => {
    const long = database().transaction((tx) => notify(tx, 'trust_current', 'x'.repeat(8_000)));
    await expect(long).rejects.toMatchObject({ code: 'STATEMENT' });
    await expect(database().listen('a"b', { onNotify: () => undefined })).rejects.toMatchObject({
      code: 'STATEMENT',
    });
  });
}
