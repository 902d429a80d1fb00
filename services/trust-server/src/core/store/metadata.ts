/** Rows of `trust_metadata` and `trust_heads`: every signed file, and which are current. */
import { type Queries, trustHeads, trustMetadata } from '@vidimus/database';
import { and, desc, eq, inArray, max, sql } from 'drizzle-orm';

/** The one dialect there is so far. */
export const DIALECT = 'tuf';

export interface Incarnation {
  readonly repository: string;
  readonly incarnation: number;
}

/** A file ready to be stored. */
export interface MetadataRow {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** When the service signs the role anew; absent when it cannot. */
  readonly resignAfterMs?: number;
}

/** The current file of a role. */
export interface Head {
  readonly role: string;
  readonly version: number;
  readonly sha256: string;
  readonly expiresMs: number;
  readonly resignAfterMs?: number;
}

/** PostgreSQL takes 65,535 parameters a statement; files with bytes are inserted in smaller lots. */
const rowsPerInsert = 256;

/** Stores files and makes them current, in this order: a head refers to its file. */
export async function insertMetadata(
  tx: Queries,
  { repository, incarnation }: Incarnation,
  rows: readonly MetadataRow[],
): Promise<void> {
  for (const lot of lots(rows)) {
    const stored = tx.insert(trustMetadata).values(
      lot.map((row) => ({
        repository,
        incarnation,
        dialect: DIALECT,
        role: row.role,
        version: row.version,
        bytes: row.bytes,
        sha256: row.sha256,
        issuedAt: new Date(row.issuedMs),
        expiresAt: new Date(row.expiresMs),
      })),
    );
    const current = tx
      .insert(trustHeads)
      .values(
        lot.map((row) => ({
          repository,
          incarnation,
          dialect: DIALECT,
          role: row.role,
          version: row.version,
          sha256: row.sha256,
          expiresAt: new Date(row.expiresMs),
          resignAfter: row.resignAfterMs === undefined ? null : new Date(row.resignAfterMs),
        })),
      )
      .onConflictDoUpdate({
        target: [trustHeads.repository, trustHeads.incarnation, trustHeads.dialect, trustHeads.role],
        set: {
          version: sql`excluded.version`,
          sha256: sql`excluded.sha256`,
          expiresAt: sql`excluded.expires_at`,
          resignAfter: sql`excluded.resign_after`,
        },
      });
    // Sent in this order over one connection, in one round trip.
    await Promise.all([stored, current]);
  }
}

/** The current files of an incarnation, by role. */
export async function readHeads(
  queries: Queries,
  { repository, incarnation }: Incarnation,
): Promise<ReadonlyMap<string, Head>> {
  const rows = await queries
    .select({
      role: trustHeads.role,
      version: trustHeads.version,
      sha256: trustHeads.sha256,
      expiresAt: trustHeads.expiresAt,
      resignAfter: trustHeads.resignAfter,
    })
    .from(trustHeads)
    .where(
      and(
        eq(trustHeads.repository, repository),
        eq(trustHeads.incarnation, incarnation),
        eq(trustHeads.dialect, DIALECT),
      ),
    );
  return new Map(
    rows.map((row) => [
      row.role,
      {
        role: row.role,
        version: row.version,
        sha256: row.sha256,
        expiresMs: row.expiresAt.getTime(),
        ...(row.resignAfter === null ? {} : { resignAfterMs: row.resignAfter.getTime() }),
      },
    ]),
  );
}

/** Sets when roles are looked at again; undefined: never. */
export async function scheduleHeads(
  tx: Queries,
  { repository, incarnation }: Incarnation,
  roles: readonly string[],
  resignAfterMs: number | undefined,
): Promise<void> {
  if (roles.length === 0) return;
  await tx
    .update(trustHeads)
    .set({ resignAfter: resignAfterMs === undefined ? null : new Date(resignAfterMs) })
    .where(
      and(
        eq(trustHeads.repository, repository),
        eq(trustHeads.incarnation, incarnation),
        eq(trustHeads.dialect, DIALECT),
        inArray(trustHeads.role, [...roles]),
      ),
    );
}

/** The bytes of one file. */
export async function readFile(
  queries: Queries,
  { repository, incarnation }: Incarnation,
  role: string,
  version: number,
): Promise<{ readonly bytes: Uint8Array; readonly sha256: string } | undefined> {
  const [row] = await queries
    .select({ bytes: trustMetadata.bytes, sha256: trustMetadata.sha256 })
    .from(trustMetadata)
    .where(
      and(
        eq(trustMetadata.repository, repository),
        eq(trustMetadata.incarnation, incarnation),
        eq(trustMetadata.dialect, DIALECT),
        eq(trustMetadata.role, role),
        eq(trustMetadata.version, version),
      ),
    );
  return row;
}

/** A root of any incarnation: roots stay served for ever, and no version has two. */
export async function readRootFile(
  queries: Queries,
  repository: string,
  version: number,
): Promise<{ readonly bytes: Uint8Array; readonly sha256: string } | undefined> {
  const [row] = await queries
    .select({ bytes: trustMetadata.bytes, sha256: trustMetadata.sha256 })
    .from(trustMetadata)
    .where(
      and(
        eq(trustMetadata.repository, repository),
        eq(trustMetadata.dialect, DIALECT),
        eq(trustMetadata.role, 'root'),
        eq(trustMetadata.version, version),
      ),
    )
    .orderBy(desc(trustMetadata.incarnation))
    .limit(1);
  return row;
}

/** The highest version ever stored by role, all incarnations together. */
export async function highestVersions(
  queries: Queries,
  repository: string,
): Promise<ReadonlyMap<string, number>> {
  const rows = await queries
    .select({ role: trustMetadata.role, version: max(trustMetadata.version) })
    .from(trustMetadata)
    .where(and(eq(trustMetadata.repository, repository), eq(trustMetadata.dialect, DIALECT)))
    .groupBy(trustMetadata.role);
  return new Map(rows.map((row) => [row.role, Number(row.version ?? 0)]));
}

function* lots<T>(rows: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < rows.length; at += rowsPerInsert) yield rows.slice(at, at + rowsPerInsert);
}
