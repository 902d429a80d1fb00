/** Repositories that were published before there was an index of keys: indexed at start, a few at a time. */
import { type Database, type Queries, queryRows, tryLockUntilCommit } from '@vidimus/database';
import { sql } from 'drizzle-orm';
import { parseDialect } from '../dialects.ts';
import { tryLockLive } from '../store/repositories.ts';
import { indexRoleKeys } from './role-keys.ts';

/** Dialects of repositories that one transaction looks at. */
const perRound = 50;

export interface IndexParts {
  readonly database: Database;
  /** Told what could not be indexed; it is passed over until the next start. */
  readonly onDamaged?: (repository: string, error: unknown) => void;
}

/**
 * Indexes what is not. Each repository is a transaction of its own, so that a process that dies loses nothing; one
 * replica at a time.
 * @returns how many repositories were indexed
 */
export async function indexMissing({ database, onDamaged }: IndexParts): Promise<number> {
  const damaged: string[] = [];
  for (let indexed = 0; ; ) {
    const found = await database.transaction(async (tx) => {
      if (!(await tryLockUntilCommit(tx, 'trust_role_keys.index'))) return [];
      return await findMissing(tx, damaged);
    });
    if (found.length === 0) return indexed;
    for (const repository of found) {
      try {
        await database.transaction((tx) => indexOne(tx, repository));
        indexed += 1;
      } catch (error) {
        onDamaged?.(repository, error);
      }
      // Also one that somebody else is publishing to: that publish, or the next start, indexes it.
      damaged.push(repository);
    }
  }
}

async function findMissing(tx: Queries, without: readonly string[]): Promise<readonly string[]> {
  const rows = await queryRows(
    tx,
    sql`select r.repository from trust_repositories r
      where r.ended_at is null and r.activated_at is not null
        and not r.repository in (select json_array_elements_text(${JSON.stringify(without)}::text::json))
        and exists (select 1 from unnest(r.dialects) d where not exists (select 1 from trust_role_keys k
          where k.repository = r.repository and k.incarnation = r.incarnation and k.dialect = d))
      order by r.repository limit ${perRound}`,
  );
  return rows.map(({ repository }) => String(repository));
}

async function indexOne(tx: Queries, repository: string): Promise<void> {
  const row = await tryLockLive(tx, repository);
  if (row === undefined) return;
  const present = await queryRows(
    tx,
    sql`select distinct dialect from trust_role_keys
      where repository = ${row.repository} and incarnation = ${row.incarnation}::int`,
  );
  const has = new Set(present.map(({ dialect }) => parseDialect(String(dialect))));
  for (const dialect of row.dialects) if (!has.has(dialect)) await indexRoleKeys(tx, row, dialect);
}
