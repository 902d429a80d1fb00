/** Answers kept under an `Idempotency-Key`, in the table `trust_idempotency`: shared by all replicas. */
import { z } from '@hono/zod-openapi';
import { type Database, trustIdempotency } from '@vidimus/database';
import { and, eq, lt, type SQL } from 'drizzle-orm';
import type { IdempotencyBeginning, IdempotencyScope, IdempotencyStore } from './idempotency.ts';
import { idempotencyLeaseMs, idempotencyMs } from './limits.ts';

const headersSchema = z.record(z.string(), z.string());

/** @param now - milliseconds since 1970 */
export function createIdempotencyStore(database: Database, now: () => number): IdempotencyStore {
  return {
    begin: (scope, requestHash) =>
      database.transaction(async (tx) => {
        const at = now();
        // What is due goes, whosever it is: the table stays as small as a day's keys.
        await tx.delete(trustIdempotency).where(lt(trustIdempotency.expiresAt, new Date(at)));
        const taken = await tx
          .insert(trustIdempotency)
          // Until it is answered a row lives no longer than its lease: a dead process frees its keys.
          .values({
            ...scope,
            bodyHash: requestHash,
            createdAt: new Date(at),
            expiresAt: new Date(at + idempotencyLeaseMs),
          })
          .onConflictDoNothing()
          .returning({ key: trustIdempotency.key });
        if (taken.length > 0) return { state: 'begun' };
        const rows = await tx
          .select({
            bodyHash: trustIdempotency.bodyHash,
            status: trustIdempotency.status,
            body: trustIdempotency.body,
            headers: trustIdempotency.headers,
          })
          .from(trustIdempotency)
          .where(atScope(scope));
        const row = rows[0];
        return row === undefined ? { state: 'inProgress' } : toBeginning(row, requestHash);
      }),
    async finish(scope, answer) {
      await database.transaction(async (tx) => {
        await tx
          .update(trustIdempotency)
          .set({
            status: answer.status,
            body: new TextEncoder().encode(answer.text),
            headers: answer.headers,
            expiresAt: new Date(now() + idempotencyMs),
          })
          .where(atScope(scope));
      });
    },
    async abandon(scope) {
      await database.transaction(async (tx) => {
        await tx.delete(trustIdempotency).where(atScope(scope));
      });
    },
  };
}

function atScope(scope: IdempotencyScope): SQL | undefined {
  return and(
    eq(trustIdempotency.caller, scope.caller),
    eq(trustIdempotency.method, scope.method),
    eq(trustIdempotency.path, scope.path),
    eq(trustIdempotency.key, scope.key),
  );
}

function toBeginning(
  row: {
    readonly bodyHash: string;
    readonly status: number | null;
    readonly body: Uint8Array | null;
    readonly headers: unknown;
  },
  requestHash: string,
): IdempotencyBeginning {
  if (row.bodyHash !== requestHash) return { state: 'otherRequest' };
  if (row.status === null || row.body === null) return { state: 'inProgress' };
  const text = new TextDecoder().decode(row.body);
  return {
    state: 'answered',
    answer: { status: row.status, text, headers: headersSchema.parse(row.headers) },
  };
}
