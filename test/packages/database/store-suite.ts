/** What every kind of database must do alike: constraints, triggers, types, notifications, locks. */

import { queryRows } from '@vidimus/database';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import type { DatabaseForSuite } from '../../support/each-database.ts';

/** The suite; `describeEachDatabase` runs it. */
export function storeSuite({ database }: DatabaseForSuite): void {
  describe('types', () => {
    it('reads int8 as number and bytea as a plain Uint8Array', async () => {
      const [row] = await queryRows(database().db, sql`select 5::int8 as n, '\\x0102'::bytea as b`);
      expect(row).toEqual({ n: 5, b: new Uint8Array([1, 2]) });
      expect(row?.['b']?.constructor).toBe(Uint8Array);
    });
  });
}
