/** A repository that is there already: ours, and then at most the pin is missing; or somebody else's. */
import type { RepositorySummary } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { keptAnchor, type Pinning } from './anchors.ts';
import { openKeys } from './own-keys.ts';
import { type ExpectedRoot, pinPublishedRoot } from './pin-root.ts';
import type { RootWish } from './root-request.ts';

export interface Recognised {
  readonly state: 'exists';
  readonly summary: RepositorySummary;
  /** When only the pin was missing. */
  readonly pinning?: Pinning;
}

/** @throws CliError REPOSITORY_EXISTS for one that is not as asked for, or not known here */
export async function recogniseRepository(
  context: Context,
  wish: RootWish & { readonly managedRoot: boolean },
  summary: RepositorySummary,
): Promise<Recognised> {
  const { repository } = wish;
  const isPinned = (await keptAnchor(openCache(context), repository)) !== undefined;
  const signed = isPinned ? undefined : await rootSignedHere(context, summary);
  if (!fits(wish, summary) || (!isPinned && signed === undefined)) throw alreadyThere(repository, isPinned);
  if (signed === undefined) return { state: 'exists', summary };
  return { state: 'exists', summary, pinning: await pinPublishedRoot(context, signed) };
}

/** The newest published version of root that keys on this machine signed, in the dialect that is pinned. */
async function rootSignedHere(
  context: Context,
  { repository, versions }: RepositorySummary,
): Promise<ExpectedRoot | undefined> {
  const store = openKeys(context);
  const records = await Promise.all((await store.list()).map(({ keyId }) => store.signed(keyId)));
  const roots = records
    .flat()
    .filter((entry) => entry.repository === repository && entry.role === 'root' && entry.dialect === 'tuf')
    .filter(({ version }) => version <= (versions['root'] ?? 0));
  const version = Math.max(...roots.map((entry) => entry.version));
  const messages = roots.filter((entry) => entry.version === version).map(({ sha256 }) => sha256);
  return messages.length === 0 ? undefined : { repository, version, messages };
}

function fits(
  { managedRoot, otherKeys, threshold }: RootWish & { readonly managedRoot: boolean },
  { roles }: RepositorySummary,
): boolean {
  const root = roles['root'];
  if (root === undefined || managedRoot !== (root.custody === 'managed')) return false;
  if (threshold !== undefined && threshold !== root.threshold) return false;
  // The summary tells the keys of the dialect tuf.
  return otherKeys.every(({ dialect, key }) => dialect !== 'tuf' || root.keyIds.includes(key.keyId));
}

function alreadyThere(repository: string, isPinned: boolean): CliError {
  return new CliError(
    'REPOSITORY_EXISTS',
    exitCodes.denied,
    isPinned
      ? `${repository} is under trust already, in another way than asked for; nothing was changed`
      : `${repository} is under trust already, and was not made from this machine; nothing was changed`,
    isPinned
      ? `vidimus inspect ${repository}`
      : `where it was made: vidimus anchor export ${repository} > FILE; here: vidimus anchor pin ${repository} --root FILE`,
  );
}
