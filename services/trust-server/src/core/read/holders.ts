/** Who must sign a role that expires: the names of its signers, or the ids of keys that nobody gave a name. */
import { type Queries, queryRows } from '@vidimus/database';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Problem, RepositoryRow } from '../../schemas/index.ts';
import { mainDialect } from '../dialects.ts';

const aboutTime: ReadonlySet<string> = new Set(['ROLE_EXPIRED', 'ROLE_EXPIRING']);
const rowSchema = z.object({
  repository: z.string(),
  dialect: z.string(),
  role: z.string(),
  holders: z.array(z.string()),
});

/** The problems, those about a role’s time with the people who can mend it; the service’s own roles have none. */
export async function withHolders<Row extends RepositoryRow>(
  queries: Queries,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const late = rows.filter(({ problems }) => problems.some(({ code }) => aboutTime.has(code)));
  if (late.length === 0) return rows;
  const names = late.map(({ repository }) => repository);
  const found = await queryRows(
    queries,
    sql`select l.repository, l.dialect, l.role, array_agg(distinct coalesce(l.signer, l.key_id)) as holders
      from trust_role_keys l
      join trust_repositories r on r.repository = l.repository and r.incarnation = l.incarnation
      where l.until is null and r.ended_at is null and not jsonb_exists(r.settings -> 'managed', l.key_id)
        and l.repository in (select json_array_elements_text(${JSON.stringify(names)}::text::json))
      group by l.repository, l.dialect, l.role`,
  );
  const holders = new Map(
    found.map((row) => {
      const { repository, dialect, role, holders: who } = rowSchema.parse(row);
      return [`${repository} ${dialect} ${role}`, [...who].sort()];
    }),
  );
  return rows.map((row) => ({
    ...row,
    problems: row.problems.map((problem): Problem => {
      const dialect = problem.dialect ?? mainDialect(row.dialects);
      const who = holders.get(`${row.repository} ${dialect} ${problem.role ?? ''}`);
      return who !== undefined && aboutTime.has(problem.code) ? { ...problem, heldBy: who } : problem;
    }),
  }));
}
