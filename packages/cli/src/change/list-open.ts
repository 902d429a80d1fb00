/**
 * Open changes of the repositories that were named; else every server in use here is asked once for those of all its
 * repositories, and one that cannot tell (an older one, or this token may not) for each that is pinned here.
 */
import { isRepositoryName, parseRepository } from '@vidimus/reference';
import { type Change, createPublishClient } from '@vidimus/trust-client';
import type { CliError } from '../cli-error.ts';
import { sameOrigin } from '../client/origins.ts';
import { isServerNamed, repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { toCliError } from '../failures.ts';
import { withPublisher } from '../publish/with-publisher.ts';
import { repositoriesAsked } from './find-change.ts';
import { idPattern, named, openChanges } from './open-changes.ts';
import { type ServerInUse, serversInUse } from './servers-in-use.ts';

/** Whom the server should leave out; `everybody` is all open changes. */
export type For = 'everybody' | 'caller';

/**
 * With `caller`, what waits for this token, as far as the servers can tell: an older one answers with all.
 * @throws CliError, TrustClientError
 */
export async function listOpenChanges(
  context: Context,
  repositories: readonly string[],
  whose: For,
): Promise<readonly Change[]> {
  const [only, ...others] = repositories;
  if (only === undefined) return await ofAllServers(context, whose);
  // Asked for one, a refusal is the answer; among several it is passed over.
  if (others.length === 0) return await ofRepository(context, parseRepository(only).name, whose);
  return await oneByOne(context, await repositoriesAsked(context, repositories));
}

async function ofRepository(context: Context, name: string, whose: For): Promise<readonly Change[]> {
  return await withPublisher(context, name, async (publisher) => {
    const choice = { mine: whose === 'caller' };
    const told = await unlessOlder(publisher.changes(name, choice), ['BODY_INVALID']);
    return named(name, Array.isArray(told) ? told : await publisher.changes(name));
  });
}

async function ofAllServers(context: Context, whose: For): Promise<readonly Change[]> {
  const found = new Map<string, Change>();
  const servers = await serversInUse(context);
  // Says what to do where nothing is pinned and no server is named.
  if (servers.length === 0) await repositoriesAsked(context, []);
  for (const server of servers) {
    for (const change of await ofServer(context, server, whose)) found.set(change.id, change);
  }
  return [...found.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
}

/** What a server may refuse for its age, its kind, or the token. */
const cannotTell = ['ROUTE_UNKNOWN', 'BODY_INVALID', 'NAME_INVALID', 'DENIED', 'UNAUTHORIZED', 'UNUSABLE'];

async function ofServer(
  context: Context,
  { settings, pinned }: ServerInUse,
  whose: For,
): Promise<readonly Change[]> {
  context.terminal.progress(`asking ${settings.server} for changes ...`);
  const publisher = createPublishClient(settings);
  try {
    const told = await unlessOlder(publisher.fleetChanges({ mine: whose === 'caller' }), cannotTell);
    if (Array.isArray(told)) return told.filter((change) => isAt(context, change, settings.server));
    if (pinned.length === 0) throw told;
    return await oneByOne(context, pinned);
  } finally {
    publisher.close();
  }
}

async function oneByOne(context: Context, repositories: readonly string[]): Promise<readonly Change[]> {
  const found: Change[] = [];
  for (const name of repositories) found.push(...((await openChanges(context, name)) ?? []));
  return found;
}

/** A server speaks for the repositories that are looked for there, for no others. */
function isAt(context: Context, { id, repository }: Change, server: string): boolean {
  if (!idPattern.test(id) || !isRepositoryName(repository) || !isServerNamed(context, repository))
    return false;
  return sameOrigin(repositorySettings(context, repository).server, server);
}

async function unlessOlder<Result>(
  work: Promise<Result>,
  codes: readonly string[],
): Promise<Result | CliError> {
  try {
    return await work;
  } catch (error) {
    const failure = toCliError(error);
    if (codes.includes(failure.code)) return failure;
    throw error;
  }
}
