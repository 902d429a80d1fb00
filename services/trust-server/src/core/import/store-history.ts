/** Rows of an import: versions that were never current here, the heads that are, and an old change feed. */
import { type Queries, queryRows, trustChangefeed, trustHeads, trustMetadata } from '@vidimus/database';
import { and, eq, sql } from 'drizzle-orm';
import type { ChangeRecord } from '../../notary-service.ts';
import type { Incarnation } from '../store/metadata.ts';
import { versionName } from './stored-versions.ts';
import type { HistoryFile } from './verify-current.ts';

const dialect = 'notary';
const rowsPerInsert = 256;
/** A lot is sent when it holds this much, so that memory does not depend on how long a history is. */
const bytesPerInsert = 4 * 1024 * 1024;
const changesPerInsert = 1_000;

/** Hex SHA-256 by `role version`: everything that an incarnation holds. */
export async function readKnownVersions(
  queries: Queries,
  { repository, incarnation }: Incarnation,
): Promise<ReadonlyMap<string, string>> {
  const rows = await queries
    .select({ role: trustMetadata.role, version: trustMetadata.version, sha256: trustMetadata.sha256 })
    .from(trustMetadata)
    .where(
      and(
        eq(trustMetadata.repository, repository),
        eq(trustMetadata.incarnation, incarnation),
        eq(trustMetadata.dialect, dialect),
      ),
    );
  return new Map(rows.map(({ role, version, sha256 }) => [versionName(role, version), sha256]));
}

/** Takes files one after the other and stores them in lots; `end` stores what is left. */
export interface VersionWriter {
  add(file: HistoryFile): Promise<void>;
  end(): Promise<void>;
}

/** @param storedAtMs of files whose source does not say when they were stored */
export function createVersionWriter(tx: Queries, at: Incarnation, storedAtMs: number): VersionWriter {
  let lot: HistoryFile[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (lot.length === 0) return;
    await tx.insert(trustMetadata).values(
      lot.map((file) => ({
        repository: at.repository,
        incarnation: at.incarnation,
        dialect,
        role: file.role,
        version: file.version,
        bytes: file.bytes,
        sha256: file.sha256,
        issuedAt: new Date(file.storedAtMs ?? storedAtMs),
        expiresAt: new Date(file.expiresMs),
      })),
    );
    lot = [];
    bytes = 0;
  };
  return {
    add: async (file) => {
      lot.push(file);
      bytes += file.bytes.length;
      if (lot.length >= rowsPerInsert || bytes >= bytesPerInsert) await flush();
    },
    end: flush,
  };
}

/** Makes these versions current; all of them are stored. None is renewed until somebody schedules it. */
export async function writeHeads(
  tx: Queries,
  { repository, incarnation }: Incarnation,
  heads: readonly Omit<HistoryFile, 'bytes'>[],
): Promise<void> {
  for (let from = 0; from < heads.length; from += rowsPerInsert) {
    await tx
      .insert(trustHeads)
      .values(
        heads.slice(from, from + rowsPerInsert).map(({ role, version, sha256, expiresMs }) => ({
          repository,
          incarnation,
          dialect,
          role,
          version,
          sha256,
          expiresAt: new Date(expiresMs),
          resignAfter: null,
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
  }
}

/**
 * Appends records to the change feed, with their own times and new ids. From here to the commit nobody else can
 * append, so it is the last thing that a transaction does.
 */
export async function appendChanges(
  tx: Queries,
  records: AsyncIterable<Omit<ChangeRecord, 'id'>>,
): Promise<number> {
  let next: number | undefined;
  let count = 0;
  let lot: (typeof trustChangefeed.$inferInsert)[] = [];
  const flush = async (): Promise<void> => {
    if (lot.length > 0) await tx.insert(trustChangefeed).values(lot);
    lot = [];
  };
  for await (const { createdAtMs, ...record } of records) {
    next ??= await nextChangeId(tx);
    lot.push({ ...record, id: next, createdAt: new Date(createdAtMs) });
    next += 1;
    count += 1;
    if (lot.length >= changesPerInsert) await flush();
  }
  await flush();
  return count;
}

async function nextChangeId(tx: Queries): Promise<number> {
  const [row] = await queryRows(tx, sql`select trust_next_change() as next`);
  return Number(row?.['next']);
}
