/** Column types that read alike from both drivers, and the patterns that constraints share. */
import { type SQL, sql } from 'drizzle-orm';
import { type AnyPgColumn, bigint, customType, timestamp } from 'drizzle-orm/pg-core';

/** Raw bytes; always a plain Uint8Array, whichever driver read them. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (value) => value,
  fromDriver: (value) => new Uint8Array(value),
});

/** A point in time, to the millisecond. Always given by the program: a journal replay must not ask a clock. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** A version, size or sequence number: int8 in the database, a safe integer here. */
export const safeInteger = (name: string) => bigint(name, { mode: 'number' });

/** The largest integer that JSON readers agree on (2^53 - 1). */
const largestSafeInteger = sql.raw('9007199254740991');

/** Holds when the column lies between `least` and 2^53 - 1. */
export const isSafeInteger = (column: AnyPgColumn, least: 0 | 1): SQL =>
  sql`${column} between ${sql.raw(String(least))} and ${largestSafeInteger}`;

/** Holds when the column is 64 lower-case hex digits. */
export const isSha256Hex = (column: AnyPgColumn): SQL => sql`${column} ~ '^[0-9a-f]{64}$'`;

/** Holds when the column is an image digest, sha256 or sha512. */
export const isDigest = (column: AnyPgColumn): SQL =>
  sql`${column} ~ '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$'`;

/** Holds when the column has between 1 and `maxBytes` bytes. */
export const isShortText = (column: AnyPgColumn, maxBytes: number): SQL =>
  sql`octet_length(${column}) between 1 and ${sql.raw(String(maxBytes))}`;
