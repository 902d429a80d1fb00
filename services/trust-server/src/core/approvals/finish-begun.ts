/**
 * Changes that wait for nobody: their root was written down before a signer of its own was asked for a signature.
 * They are published at once; one that a crash or the signer's absence left open is published by who comes next.
 */
import { trustChanges } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import type { Call } from '../../service.ts';
import type { ChangeParts, SignedChange } from '../changes/sign-change.ts';
import type { Carried } from '../edits/edit-plan.ts';
import { isBegun } from '../edits/settle-change.ts';
import type { Published } from '../publish/publication.ts';
import { readOpenChanges } from '../store/changes.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { completeChange } from './complete-change.ts';

type Caller = Pick<Call, 'actor' | 'requestId'>;

interface Told {
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
  readonly failed?: (repository: string, error: unknown) => void;
}

/** Publishes what was begun in a repository. @throws TrustError SIGNER_UNAVAILABLE: then it stays begun */
export async function finishBegun(
  parts: ChangeParts,
  call: Caller,
  repository: string,
): Promise<readonly SignedChange[]> {
  if (!parts.keys.mayBeRemote) return [];
  const finished = await parts.database.transaction(async (tx) => {
    const row = await lockLive(tx, repository);
    if (row === undefined) return [];
    const finished: SignedChange[] = [];
    let current = row;
    for (const change of await readOpenChanges(tx, row)) {
      if (!(await isBegun(tx, current, change))) continue;
      const { requestId } = call;
      const done = await completeChange(
        parts,
        tx,
        current,
        change,
        { actor: change.createdBy, requestId },
        parts.now(),
      );
      finished.push(done);
      current = done.published?.row ?? current;
    }
    return finished;
  });
  parts.keys.begun.delete(repository);
  return finished;
}

/** Publishes what was begun anywhere, as after a crash. A repository whose signer does not sign stays as it is. */
export async function finishAllBegun(parts: ChangeParts, told: Told): Promise<void> {
  if (!parts.keys.mayBeRemote) return;
  const open = await parts.database.db
    .selectDistinct({ repository: trustChanges.repository })
    .from(trustChanges)
    .where(eq(trustChanges.state, 'open'));
  await finishIn(
    parts,
    open.map(({ repository }) => repository),
    told,
  );
}

/** Publishes what this process has begun, as when the signer is back. */
export async function finishOwnBegun(parts: ChangeParts, told: Told): Promise<void> {
  await finishIn(parts, [...parts.keys.begun], told);
}

async function finishIn(parts: ChangeParts, repositories: readonly string[], told: Told): Promise<void> {
  const byService = { actor: 'service', requestId: 'begun' };
  for (const repository of repositories) {
    try {
      for (const { published } of await finishBegun(parts, byService, repository)) {
        if (published !== undefined) told.onPublished(published.row, published.published);
      }
    } catch (error) {
      told.failed?.(repository, error);
    }
  }
}

/** An edit that was carried out, and published where it waits for nobody. */
export async function finishCarried(
  parts: ChangeParts,
  call: Call,
  repository: string,
  carried: Carried,
): Promise<Carried> {
  if (carried.outcome !== 'change' || call.dryRun === true) return carried;
  const finished = await finishBegun(parts, call, repository);
  const published = finished.find(({ change }) => change.id === carried.change.id)?.published;
  return published === undefined ? carried : { outcome: 'published', ...published };
}
