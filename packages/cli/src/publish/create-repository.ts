/**
 * Puts a repository under trust. Every step may be the last before a crash: keys made here are found again by
 * their label, an open creation is answered again by the same request, and a root that was published without
 * being pinned is known by the record of what the key signed.
 */
import type { FileKeyStore } from '@vidimus/key-store';
import {
  type Change,
  type CreateRepositoryRequest,
  listAnchors,
  type PublishClient,
  type RepositorySummary,
  type SigningKey,
} from '@vidimus/trust-client';
import type { DialectName } from '@vidimus/tuf';
import { withKeyRing } from '../change/usable-keys.ts';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { type AddedDialect, addNotary, mirrorInTuf, pinMirror } from './add-dialect.ts';
import type { Pinning } from './anchors.ts';
import { completeCreation } from './complete-creation.ts';
import { type OwnKey, openKeys } from './own-keys.ts';
import { pinPublishedRoot } from './pin-root.ts';
import { recogniseRepository } from './recognise-repository.ts';
import { chooseOwnKeys, type RootWish, signingKeys, toKeyEntries } from './root-request.ts';
import { unlessRefused } from './with-publisher.ts';

export interface CreationWish extends RootWish {
  readonly managedRoot: boolean;
  /** Undefined: `tuf`, and nothing is added to what is there. */
  readonly dialects: readonly DialectName[] | undefined;
  /** Where the root keys of Docker or notary are; undefined: the usual places. */
  readonly trustDir: string | undefined;
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
      readonly pinning?: Pinning;
    }
  /** It was there, and is published in another dialect, too. */
  | AddedDialect;

/** @throws CliError; TrustClientError, among them REPOSITORY_EXISTS, CHANGE_MISMATCH and SIGNED_ALREADY */
export async function createTrustedRepository(
  context: Context,
  publisher: PublishClient,
  wish: CreationWish,
): Promise<Creation> {
  const { repository, dialects = ['tuf'] } = wish;
  const present = await unlessRefused(['REPOSITORY_UNKNOWN'], publisher.summary(repository));
  if (present !== undefined) return await extend(context, publisher, wish, present);
  assertCreatable(wish, dialects);
  if (wish.managedRoot) return await createManaged(context, publisher, wish, dialects);

  const store = openKeys(context);
  const own: OwnKey[] = [];
  for (const dialect of dialects) own.push(...(await chooseOwnKeys(context, store, wish, dialect)));
  const request = toRequest(wish, own, dialects);
  context.terminal.progress(`asking for ${repository} ...`);
  const outcome = await publisher.createRepository(repository, request);
  // Somebody with the same keys was faster.
  if (outcome.outcome === 'done') return await recogniseRepository(context, wish, outcome.body);
  const { change } = outcome;
  const held = signingKeys(own, wish.threshold ?? 1).map((key) => key.held);
  const completion = await withTokenKeys(context, store, wish, (opened) =>
    completeCreation(context, publisher, store, { repository, request, change, held, opened }),
  );
  return completion.state === 'published'
    ? { state: 'created', summary: completion.summary, own, pinning: completion.pinning }
    : { state: 'pending', change: completion.change, own, pinning: completion.pinning };
}

/** Keys on tokens are open only while they sign. */
async function withTokenKeys<Result>(
  context: Context,
  store: FileKeyStore,
  { otherKeys }: CreationWish,
  work: (opened: readonly SigningKey[]) => Promise<Result>,
): Promise<Result> {
  const onTokens = otherKeys.filter(({ uri }) => uri !== undefined);
  if (onTokens.length === 0) return await work([]);
  const uris = onTokens.flatMap(({ uri }) => uri ?? []);
  return await withKeyRing(context, store, uris, async (ring) => {
    const opened: SigningKey[] = [];
    for (const { open } of ring(onTokens.map(({ key }) => key))) opened.push(await open());
    return await work(opened);
  });
}

/** A repository that is there: a dialect that was asked for and is missing is added, else it is recognised. */
async function extend(
  context: Context,
  publisher: PublishClient,
  wish: CreationWish,
  present: RepositorySummary,
): Promise<Creation> {
  const { repository, dialects } = wish;
  const has = (dialect: DialectName): boolean => present.dialects.includes(dialect);
  if (dialects === undefined && !has('tuf')) throw madeByNotary(repository);
  const isOutdated = present.problems.some(({ code }) => code === 'MIRROR_ROOT_OUTDATED');
  if (dialects?.includes('tuf') && (!has('tuf') || isOutdated)) {
    return await mirrorInTuf(context, publisher, wish, present);
  }
  if (dialects?.includes('notary') && !has('notary')) {
    return await addNotary(context, publisher, wish, present);
  }
  const isUnpinned = present.mirrored === true && !(await isPinnedIn(context, repository, 'tuf'));
  if (dialects?.includes('tuf') && isUnpinned) {
    return { state: 'exists', summary: present, pinning: await pinMirror(context, wish, present) };
  }
  return await recogniseRepository(context, wish, present);
}

async function isPinnedIn(context: Context, repository: string, dialect: DialectName): Promise<boolean> {
  const anchors = await listAnchors(openCache(context));
  return anchors.some((anchor) => anchor.repository === repository && anchor.dialect === dialect);
}

/** The service makes the root keys, too: what it says is all there is to pin. */
async function createManaged(
  context: Context,
  publisher: PublishClient,
  { repository, threshold }: CreationWish,
  dialects: readonly DialectName[],
): Promise<Creation> {
  const root = { keys: [{ custody: 'managed' }] as const, threshold: threshold ?? 1 };
  const outcome = await publisher.createRepository(repository, { ...named(dialects), roles: { root } });
  if (outcome.outcome === 'pending')
    throw unexpected('the server wants signatures for a root it holds itself');
  const summary = outcome.body;
  const version = summary.versions['root'] ?? 1;
  const pinning = await pinPublishedRoot(context, { repository, version, file: summary.rootSha256 });
  return { state: 'created', summary, own: [], pinning };
}

/** The same keys give the same request on every machine, whatever order they were named in. */
function toRequest(
  wish: CreationWish,
  own: readonly OwnKey[],
  dialects: readonly DialectName[],
): CreateRepositoryRequest {
  const keys = dialects.flatMap((dialect) => toKeyEntries(wish, own, dialect));
  return { ...named(dialects), roles: { root: { threshold: wish.threshold ?? 1, keys } } };
}

/** A request for `tuf` alone names no dialect, as it always was. */
function named(dialects: readonly DialectName[]): Pick<CreateRepositoryRequest, 'dialects'> {
  return dialects.length === 1 ? {} : { dialects };
}

/** Nobody may be left out of one dialect whose threshold the others would then meet alone. */
function assertCreatable({ repository, otherKeys }: CreationWish, dialects: readonly DialectName[]): void {
  if (!dialects.includes('tuf')) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `${repository} is not there, and one of the dialect notary alone is made by its clients`,
      'point docker or notary at the server, or make both: --dialect tuf,notary',
    );
  }
  const counts = dialects.map((dialect) => otherKeys.filter((each) => each.dialect === dialect).length);
  if (new Set(counts).size === 1 && counts[0] === otherKeys.length / dialects.length) return;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    dialects.length === 1
      ? 'a certificate is a root key of the dialect notary, which was not asked for'
      : 'whoever holds root holds it in both dialects: name as many certificates as keys',
    dialects.length === 1 ? '--dialect tuf,notary' : '--root-key KEY.pub KEY.crt',
  );
}

function madeByNotary(repository: string): CliError {
  return new CliError(
    'REPOSITORY_EXISTS',
    exitCodes.denied,
    `${repository} is under trust already, made by a Notary client; nothing was changed`,
    `with its root key at hand, for TUF clients too: vidimus init ${repository} --dialect tuf,notary`,
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
