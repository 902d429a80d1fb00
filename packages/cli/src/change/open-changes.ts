/** The open changes of one repository, as its server tells them. */
import type { Change } from '@vidimus/trust-client';
import type { Context } from '../context.ts';
import { unlessRefused, withPublisher } from '../publish/with-publisher.ts';

/** An id of a change, or the beginning of one. */
export const idPattern = /^[0-9A-HJKMNP-TV-Z]{4,26}$/;

/** Undefined: the server of that repository does not know it, or not this token. */
export async function openChanges(
  context: Context,
  repository: string,
): Promise<readonly Change[] | undefined> {
  context.terminal.progress(`asking for changes of ${repository} ...`);
  const changes = await unlessRefused(
    ['REPOSITORY_UNKNOWN', 'DENIED', 'UNAUTHORIZED'],
    withPublisher(context, repository, (publisher) => publisher.changes(repository)),
  );
  return changes && named(repository, changes);
}

/** Ids go into command lines that people copy: one that is none, or a change of another repository, is left out. */
export function named(repository: string, changes: readonly Change[]): readonly Change[] {
  return changes.filter((change) => idPattern.test(change.id) && change.repository === repository);
}
