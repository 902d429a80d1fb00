/** Where versions begin that a restored service cannot know: repositories may have been made, and ended, since. */
import { type Queries, queryRows } from '@vidimus/database';
import { sql } from 'drizzle-orm';

/** How far above everything known the versions of a restored repository begin. */
export const versionJump = 2 ** 20;

/** As the log of the service has it. */
export const restoreAction = 'service.restore';

/** 0 for a service that was never restored. */
export async function readVersionFloor(queries: Queries): Promise<number> {
  const [row] = await queryRows(
    queries,
    sql`select count(*)::int as count from trust_events where repository is null and action = ${restoreAction}`,
  );
  return versionJump * Number(row?.['count'] ?? 0);
}
