/**
 * Which change is meant: an id or the beginning of one, and the repository if it is named. Where it is not, the
 * change is looked for in the repositories that are pinned here: only those can be judged.
 */
import { parseRepository, printable } from '@vidimus/reference';
import { type Change, listAnchors } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import { isServerNamed } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { withPublisher } from '../publish/with-publisher.ts';
import { idPattern, named, openChanges } from './open-changes.ts';

/** More pinned repositories than this are not asked one by one. */
const maxAskedRepositories = 200;
const wholeId = 26;

/** @param repository as typed @throws CliError CHANGE_UNKNOWN, USAGE; TrustClientError */
export async function findChange(context: Context, id: string, repository?: string): Promise<Change> {
  const wanted = id.toUpperCase();
  if (!idPattern.test(wanted)) throw notAnId(id);
  if (repository !== undefined) return await inRepository(context, parseRepository(repository).name, wanted);
  const found: Change[] = [];
  for (const name of await pinnedRepositories(context)) {
    const open = (await openChanges(context, name)) ?? [];
    found.push(...open.filter((change) => change.id.startsWith(wanted)));
  }
  return onlyOne(found, wanted, 'no open change of a repository that is pinned here');
}

/** Those that were named, else those that are pinned here. @throws CliError USAGE */
export async function repositoriesAsked(
  context: Context,
  repositories: readonly string[],
): Promise<readonly string[]> {
  if (repositories.length === 0) return await pinnedRepositories(context);
  return repositories.map((repository) => parseRepository(repository).name);
}

async function inRepository(context: Context, repository: string, wanted: string): Promise<Change> {
  return await withPublisher(context, repository, async (publisher) => {
    if (wanted.length === wholeId) {
      return onlyOne(
        named(repository, [await publisher.change(repository, wanted)]),
        wanted,
        noSuch(repository),
      );
    }
    const open = named(repository, await publisher.changes(repository));
    return onlyOne(
      open.filter((change) => change.id.startsWith(wanted)),
      wanted,
      noSuch(repository),
    );
  });
}

function noSuch(repository: string): string {
  return `no open change of ${repository}`;
}

async function pinnedRepositories(context: Context): Promise<readonly string[]> {
  const names = await pinnedHere(context);
  if (names.length > 0 && names.length <= maxAskedRepositories) return names;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    names.length === 0
      ? 'no repository is pinned here in which to look for changes'
      : `${names.length} repositories are pinned here, too many to ask each`,
    'name the repository: vidimus change list REPO',
  );
}

/** Whose server is known; however many. */
export async function pinnedHere(context: Context): Promise<readonly string[]> {
  const anchors = await listAnchors(openCache(context));
  return anchors.map(({ repository }) => repository).filter((name) => isServerNamed(context, name));
}

function onlyOne(found: readonly Change[], wanted: string, none: string): Change {
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  if (second !== undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `${found.length} changes begin with ${wanted}: ${found.map(({ id }) => printable(id)).join(', ')}`,
      'give more of the id',
    );
  }
  throw new CliError(
    'CHANGE_UNKNOWN',
    exitCodes.denied,
    `${none} begins with ${wanted}`,
    'vidimus change list REPO shows the open ones; one that is over is shown by its whole id and its repository',
  );
}

function notAnId(text: string): CliError {
  return new CliError(
    'USAGE',
    exitCodes.usage,
    `${printable(text)} is no id of a change`,
    'it comes first, then the repository: vidimus change show 01JDQ8M4 REPO',
  );
}
