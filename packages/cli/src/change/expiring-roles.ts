/** What ends soon and cannot be renewed by the service alone. */
import type { Change } from '@vidimus/trust-client';
import type { Context } from '../context.ts';
import { unlessRefused, withPublisher } from '../publish/with-publisher.ts';
import { repositoriesAsked } from './find-change.ts';

export interface ExpiringRole {
  readonly repository: string;
  readonly role: string;
  /** RFC 3339. */
  readonly expires: string;
  readonly custody: string;
  /** The open change that signs it anew. */
  readonly change?: string;
  /** What comes next: a command, where there is one. */
  readonly fix: string;
}

export async function expiringRoles(
  context: Context,
  repositories: readonly string[],
  changes: readonly Change[],
  withinMs: number,
): Promise<readonly ExpiringRole[]> {
  const found: ExpiringRole[] = [];
  for (const repository of await repositoriesAsked(context, repositories)) {
    context.terminal.progress(`asking for roles of ${repository} ...`);
    const roles = await unlessRefused(
      ['REPOSITORY_UNKNOWN', 'DENIED', 'UNAUTHORIZED'],
      withPublisher(context, repository, (publisher) => publisher.roles(repository)),
    );
    for (const { role, expires, custody } of roles ?? []) {
      const isSoon = expires !== undefined && Date.parse(expires) <= context.world.now() + withinMs;
      if (custody === 'managed' || !isSoon) continue;
      const change = changes.find((each) => each.repository === repository && proposes(each, role))?.id;
      const fix =
        change === undefined
          ? 'a change for it is opened when a quarter of its life is left'
          : `vidimus change sign ${change} ${repository}`;
      found.push({ repository, role, expires, custody, ...(change === undefined ? {} : { change }), fix });
    }
  }
  return found.sort((one, other) => (one.expires < other.expires ? -1 : 1));
}

function proposes({ documents }: Change, role: string): boolean {
  return documents.some((document) => document.role === role);
}
