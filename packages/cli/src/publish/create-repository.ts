/**
 * Puts a repository under trust. Every step may be the last before a crash: keys made here are found again by
 * their label, an open creation is answered again by the same request, and a root that was published without
 * being pinned is known by the record of what the key signed.
 */
import type { FileKeyStore } from '@vidimus/key-store';
import type {
  Change,
  CreateRepositoryRequest,
  PublishClient,
  RepositorySummary,
} from '@vidimus/trust-client';
import type { Key } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { keptAnchor, type Pinning } from './anchors.ts';
import { completeCreation } from './complete-creation.ts';
import { type OwnKey, openKeys, ownRootKeys, toOwnKey } from './own-keys.ts';
import { type ExpectedRoot, pinPublishedRoot } from './pin-root.ts';
import { unlessRefused } from './with-publisher.ts';

export interface CreationWish {
  readonly repository: string;
  readonly managedRoot: boolean;
  /** Public keys of others; empty: root is made here alone, with a spare. */
  readonly otherKeys: readonly Key[];
  /** Undefined: one, or whatever the repository has already. */
  readonly threshold: number | undefined;
}

export type Creation =
  | {
      readonly state: 'created';
      readonly summary: RepositorySummary;
      readonly own: readonly OwnKey[];
      readonly pinning: Pinning;
    }
  /** It was there, made from this machine or pinned here; `pinning` when only the pin was missing. */
  | { readonly state: 'exists'; readonly summary: RepositorySummary; readonly pinning?: Pinning }
  | {
      readonly state: 'pending';
      readonly change: Change;
      readonly own: readonly OwnKey[];
      readonly pinning: Pinning;
    };

/** @throws CliError; TrustClientError, among them REPOSITORY_EXISTS, CHANGE_MISMATCH and SIGNED_ALREADY */
export async function createTrustedRepository(
  context: Context,
  publisher: PublishClient,
  wish: CreationWish,
): Promise<Creation> {
  const present = await unlessRefused(['REPOSITORY_UNKNOWN'], publisher.summary(wish.repository));
  if (present !== undefined) return await recognise(context, wish, present);
  if (wish.managedRoot) return await createManaged(context, publisher, wish);

  const store = openKeys(context);
  const own = await chooseOwnKeys(context, store, wish);
  const request = toRequest(wish, own);
  context.terminal.progress(`asking for ${wish.repository} ...`);
  const outcome = await publisher.createRepository(wish.repository, request);
  // Somebody with the same keys was faster.
  if (outcome.outcome === 'done') return await recognise(context, wish, outcome.body);
  const completion = await completeCreation(context, publisher, store, {
    repository: wish.repository,
    request,
    change: outcome.change,
    // As many of the own keys as the threshold needs, the spare last.
    held: own.slice(0, wish.threshold ?? 1).map(({ held }) => held),
  });
  return completion.state === 'published'
    ? { state: 'created', summary: completion.summary, own, pinning: completion.pinning }
    : { state: 'pending', change: completion.change, own, pinning: completion.pinning };
}

/** The service makes the root key, too: what it says is all there is to pin. */
async function createManaged(
  context: Context,
  publisher: PublishClient,
  { repository, threshold }: CreationWish,
): Promise<Creation> {
  const root = { keys: [{ custody: 'managed' }] as const, threshold: threshold ?? 1 };
  const outcome = await publisher.createRepository(repository, { roles: { root } });
  if (outcome.outcome === 'pending')
    throw unexpected('the server wants signatures for a root it holds itself');
  const summary = outcome.body;
  const version = summary.versions['root'] ?? 1;
  const pinning = await pinPublishedRoot(context, { repository, version, file: summary.rootSha256 });
  return { state: 'created', summary, own: [], pinning };
}

/** Of the keys named, those whose private half is here; else a key made here, with a spare where it is alone. */
async function chooseOwnKeys(
  context: Context,
  store: FileKeyStore,
  { repository, otherKeys, threshold }: CreationWish,
): Promise<readonly OwnKey[]> {
  // Before a key is made, and again when it is known which are named twice.
  assertReachable(threshold, otherKeys.length === 0 ? 2 : otherKeys.length + 1);
  if (otherKeys.length === 0) return await ownRootKeys(context, store, repository, ['root', 'spare']);
  const held = await Promise.all(otherKeys.map(({ keyId }) => store.find(keyId)));
  const own = held.filter((key) => key !== undefined).map((key) => toOwnKey(context, 'root', key));
  return own.length > 0 ? own : await ownRootKeys(context, store, repository, ['root']);
}

/** The same keys give the same request on every machine, whatever order they were named in. */
function toRequest({ otherKeys, threshold }: CreationWish, own: readonly OwnKey[]): CreateRepositoryRequest {
  const keys = new Map([...otherKeys, ...own.map(({ key }) => key)].map((key) => [key.keyId, key]));
  assertReachable(threshold, keys.size);
  const sorted = [...keys.values()].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
  const entries = sorted.map(({ declared }) => ({ custody: 'client' as const, key: declared }));
  return { roles: { root: { threshold: threshold ?? 1, keys: entries } } };
}

function assertReachable(threshold: number | undefined, keys: number): void {
  if (threshold === undefined || threshold <= keys) return;
  throw new CliError(
    'THRESHOLD_INVALID',
    exitCodes.usage,
    `a threshold of ${threshold} cannot be met by ${keys} root keys`,
    'name more keys with --root-key FILE',
  );
}

/** A repository that is there already: ours, and then at most the pin is missing; or somebody else's. */
async function recognise(
  context: Context,
  wish: CreationWish,
  summary: RepositorySummary,
): Promise<Creation> {
  const { repository } = wish;
  const isPinned = (await keptAnchor(openCache(context), repository)) !== undefined;
  const signed = isPinned ? undefined : await rootSignedHere(context, summary);
  if (!fits(wish, summary) || (!isPinned && signed === undefined)) throw alreadyThere(repository, isPinned);
  if (signed === undefined) return { state: 'exists', summary };
  return { state: 'exists', summary, pinning: await pinPublishedRoot(context, signed) };
}

/** The newest published version of root that keys on this machine signed. */
async function rootSignedHere(
  context: Context,
  { repository, versions }: RepositorySummary,
): Promise<ExpectedRoot | undefined> {
  const store = openKeys(context);
  const records = await Promise.all((await store.list()).map(({ keyId }) => store.signed(keyId)));
  const roots = records
    .flat()
    .filter((entry) => entry.repository === repository && entry.role === 'root')
    .filter(({ version }) => version <= (versions['root'] ?? 0));
  const version = Math.max(...roots.map((entry) => entry.version));
  const messages = roots.filter((entry) => entry.version === version).map(({ sha256 }) => sha256);
  return messages.length === 0 ? undefined : { repository, version, messages };
}

function fits({ managedRoot, otherKeys, threshold }: CreationWish, { roles }: RepositorySummary): boolean {
  const root = roles['root'];
  if (root === undefined || managedRoot !== (root.custody === 'managed')) return false;
  if (threshold !== undefined && threshold !== root.threshold) return false;
  return otherKeys.every(({ keyId }) => root.keyIds.includes(keyId));
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

function unexpected(problem: string): CliError {
  return new CliError(
    'CHANGE_MISMATCH',
    exitCodes.denied,
    problem,
    'do not go on: this is not the server it should be',
  );
}
