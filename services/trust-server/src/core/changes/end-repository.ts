/** `DELETE …/_trust`: ends an incarnation. Its roots stay served; a later one goes on above its versions. */
import type { Database } from '@vidimus/database';
import type { Call } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import { announce } from '../publish/announce.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import { assertActive } from '../publish/publisher.ts';
import { assertVersionsKnown } from '../recovery/uncertain.ts';
import { appendChange } from '../store/changefeed.ts';
import { closeChange, readOpenChanges } from '../store/changes.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';

export interface EndParts {
  readonly database: Database;
  readonly keys: ManagedKeys;
  readonly now: () => number;
  readonly newId: () => string;
}

/** @throws TrustError REPOSITORY_UNKNOWN, VERSION_CONFLICT */
export async function endRepository(
  parts: EndParts,
  call: Call,
  repository: string,
): Promise<{ readonly row: RepositoryRow; readonly endedAtMs: number }> {
  return await parts.database.transaction(async (tx) => {
    const row = assertActive(repository, await lockLive(tx, repository));
    // What it had published is not known: a later incarnation could not go on above it.
    assertVersionsKnown(repository, row.settings);
    const endedAtMs = parts.now();
    await assertBaseOf(tx, row, call.ifMatch);
    if (call.dryRun === true) return { row, endedAtMs };
    for (const change of await readOpenChanges(tx, row)) await closeChange(tx, change.id, { state: 'stale' });
    await parts.keys.retire(tx, row, endedAtMs);
    const event = {
      action: 'repository.end',
      actor: call.actor,
      requestId: call.requestId,
      result: 'done' as const,
      before: { incarnation: row.incarnation, tags: row.tagCount },
    };
    await appendEvents(parts, tx, row, [event], endedAtMs, { endedAtMs });
    await announce(tx, { ...row, versions: {} });
    if (row.dialects.includes('notary')) {
      const deletion = { createdAtMs: endedAtMs, version: 0, sha256: '', category: 'deletion' } as const;
      await appendChange(tx, { ...deletion, repository });
    }
    return { row, endedAtMs };
  });
}
