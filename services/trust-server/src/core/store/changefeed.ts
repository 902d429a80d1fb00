/** Rows of `trust_changefeed`: what the Notary wire tells of all repositories. Append-only. */
import { type Queries, trustChangefeed } from '@vidimus/database';
import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { ChangefeedPage, ChangeRecord } from '../../notary-service.ts';

/** Records of one answer, however many were asked for. */
export const MAX_CHANGES = 1_000;

const categorySchema = z.enum(['update', 'deletion']);

/**
 * Appends a record; the database numbers it. Nobody else's can commit until this transaction has, so it is the last
 * statement of a publish.
 */
export async function appendChange(tx: Queries, record: Omit<ChangeRecord, 'id'>): Promise<void> {
  const { createdAtMs, repository, version, sha256, category } = record;
  await tx.execute(sql`insert into trust_changefeed (id, created_at, repository, version, sha256, category)
    values (trust_next_change(), ${new Date(createdAtMs).toISOString()}::timestamptz, ${repository}, ${version},
      ${sha256}, ${category})`);
}

/** Records in the order of their ids: after one, or with a negative count before it. */
export async function readChanges(
  queries: Queries,
  { repository }: { readonly repository?: string },
  { after, count }: ChangefeedPage,
): Promise<readonly ChangeRecord[]> {
  const isBackwards = count < 0 || after < 0;
  const limit = Math.min(Math.abs(count), MAX_CHANGES);
  if (limit === 0) return [];
  const beyond = isBackwards
    ? after < 0
      ? undefined
      : lt(trustChangefeed.id, after)
    : gt(trustChangefeed.id, after);
  const rows = await queries
    .select({
      id: trustChangefeed.id,
      createdAt: trustChangefeed.createdAt,
      repository: trustChangefeed.repository,
      version: trustChangefeed.version,
      sha256: trustChangefeed.sha256,
      category: trustChangefeed.category,
    })
    .from(trustChangefeed)
    .where(and(beyond, repository === undefined ? undefined : eq(trustChangefeed.repository, repository)))
    .orderBy(isBackwards ? desc(trustChangefeed.id) : asc(trustChangefeed.id))
    .limit(limit);
  const records = rows.map(({ createdAt, category, ...row }) => ({
    ...row,
    createdAtMs: createdAt.getTime(),
    category: categorySchema.parse(category),
  }));
  return isBackwards ? records.reverse() : records;
}
