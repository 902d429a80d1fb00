/** The key store's tables: private keys, only ever encrypted, and which master key encrypts them. */
import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bytea, instant, isSha256Hex, isShortText } from './columns.ts';

/** A managed key. (key id, repository, role, dialect) is the associated data of its wrapping. */
export const keyKeys = pgTable(
  'key_keys',
  {
    keyId: text('key_id').notNull(),
    repository: text('repository').notNull(),
    incarnation: integer('incarnation').notNull(),
    role: text('role').notNull(),
    dialect: text('dialect').notNull(),
    algorithm: text('algorithm').notNull(),
    publicHex: text('public_hex').notNull(),
    /** The encrypted private key; null once it has been destroyed. */
    wrapped: bytea('wrapped'),
    masterFingerprint: text('master_fingerprint').notNull(),
    createdAt: instant('created_at').notNull(),
    retiredAt: instant('retired_at'),
    /** Handed out to a client whose root does not list it yet. */
    pending: boolean('pending').notNull().default(false),
    /** `wrapped`: the private half is in this row; `remote`: a signer process has it, and nothing here opens it. */
    home: text('home').notNull().default('wrapped'),
  },
  (t) => [
    primaryKey({ name: 'key_keys_pk', columns: [t.keyId, t.repository, t.role, t.dialect] }),
    index('key_keys_by_repository').on(t.repository, t.incarnation),
    // Whoever asks again gets the same one: asking cannot make keys without bound.
    uniqueIndex('key_keys_one_pending')
      .on(t.repository, t.incarnation, t.role, t.dialect)
      .where(sql`${t.pending} and ${t.retiredAt} is null`),
    check('key_keys_key_id_hex', isSha256Hex(t.keyId)),
    check('key_keys_public_hex', sql`${t.publicHex} ~ '^([0-9a-f]{2})+$'`),
    check('key_keys_repository_length', isShortText(t.repository, 255)),
    check('key_keys_incarnation_positive', sql`${t.incarnation} >= 1`),
    check('key_keys_home_known', sql`${t.home} in ('wrapped', 'remote')`),
    check(
      'key_keys_wrapped_until_retired',
      sql`${t.wrapped} is not null or ${t.retiredAt} is not null or ${t.home} = 'remote'`,
    ),
    check('key_keys_remote_not_here', sql`${t.home} <> 'remote' or ${t.wrapped} is null`),
  ],
);

/** The fingerprint of each master key in use: a service started with another one must stop. */
export const keyMasters = pgTable(
  'key_masters',
  {
    purpose: text('purpose').notNull(),
    fingerprint: text('fingerprint').notNull(),
    /** The master key of before, while rows that it wraps are wrapped anew. */
    previous: text('previous'),
  },
  (t) => [
    primaryKey({ name: 'key_masters_pk', columns: [t.purpose] }),
    check('key_masters_purpose_known', sql`${t.purpose} in ('service', 'root')`),
  ],
);
