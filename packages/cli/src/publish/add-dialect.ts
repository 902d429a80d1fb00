/**
 * Gives a repository the dialect that it lacks. What is signed was recomputed here: from the root that this machine
 * verified with its own anchor, and from keys that are here.
 */
import type { FileKeyStore } from '@vidimus/key-store';
import {
  type AddDialectsRequest,
  type Change,
  mirrorKeys,
  type PublishClient,
  type RepositorySummary,
  type VerifiedDocument,
  verifyAddedDialect,
} from '@vidimus/trust-client';
import { DEFAULT_LIMITS, type DialectName, type Key, type Root, tufDialect, verifyRoot } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Pinning } from './anchors.ts';
import type { CreationWish } from './create-repository.ts';
import { type OwnKey, openKeys } from './own-keys.ts';
import { pinPublishedRoot, pinVerifiedRoot } from './pin-root.ts';
import { chooseOwnKeys, signingKeys, toKeyEntries } from './root-request.ts';
import { openHeld, signAndSubmit } from './sign-and-submit.ts';
import { type HeldFiles, isHeld, openTrustKeys, trustKeyFiles } from './trust-dir-keys.ts';
import { verifiedNotaryRoot, verifiedRoot } from './verified-root.ts';

export interface AddedDialect {
  readonly state: 'added';
  readonly dialect: DialectName;
  /** It was there: its root follows that of the other dialect now. */
  readonly followed?: boolean;
  readonly summary: RepositorySummary;
  readonly own: readonly OwnKey[];
  readonly pinning?: Pinning;
}

interface PendingDialect {
  readonly state: 'pending';
  readonly change: Change;
  readonly own: readonly OwnKey[];
}

const both: readonly DialectName[] = ['tuf', 'notary'];

/** For old clients: its root keys are made here, unless the service holds root. */
export async function addNotary(
  context: Context,
  publisher: PublishClient,
  wish: CreationWish,
  present: RepositorySummary,
): Promise<AddedDialect | PendingDialect> {
  const { repository } = wish;
  const root = present.roles['root'];
  const isManaged = root?.custody === 'managed';
  assertSameHolders(wish, isManaged, root?.threshold);
  // Before any key is made: whoever cannot verify the repository should not extend it.
  const tuf = await verifiedRoot(context, repository, 'tuf');
  const { threshold } = tuf.roles.root;
  const store = openKeys(context);
  const asked = { ...wish, threshold };
  if (!isManaged) await assertPartnersNamed(store, wish, tuf);
  const own = isManaged ? [] : await chooseOwnKeys(context, store, asked, 'notary');
  const request: AddDialectsRequest = isManaged
    ? { dialects: both }
    : { dialects: both, roles: { root: { keys: toKeyEntries(asked, own, 'notary') } } };
  const outcome = await ask(context, publisher, repository, request);
  if (outcome.outcome === 'done') return { state: 'added', dialect: 'notary', summary: outcome.body, own };
  const { change } = outcome;
  const documents = verifyAddedDialect({
    repository,
    request,
    change,
    roots: { tuf },
    now: context.world.now(),
  });
  const held = signingKeys(own, threshold).map((key) => key.held);
  const signing = { change, documents, keys: await openHeld(context, store, held) };
  const signed = await signAndSubmit(context, publisher, store, signing);
  if (signed.state !== 'published') return { state: 'pending', change: signed, own };
  return { state: 'added', dialect: 'notary', summary: await publisher.summary(repository), own };
}

/**
 * For TUF clients, what a Notary client publishes: its root lists the keys of the Notary root, whose owner signs it
 * with them; or, after these keys changed, the next such root.
 */
export async function mirrorInTuf(
  context: Context,
  publisher: PublishClient,
  wish: CreationWish,
  present: RepositorySummary,
): Promise<AddedDialect | PendingDialect> {
  const { repository } = wish;
  assertMirrorable(wish);
  const files = trustKeyFiles(context, wish.trustDir);
  const holds = (canonicalId: string): boolean => files(canonicalId) !== undefined;
  const notary = await verifiedNotaryRoot(context, repository, holds);
  const tuf = present.dialects.includes('tuf') ? await verifiedRoot(context, repository, 'tuf') : undefined;
  const request: AddDialectsRequest = { dialects: both };
  const outcome = await ask(context, publisher, repository, request);
  if (outcome.outcome === 'done') throw unexpected();
  const { change } = outcome;
  const now = context.world.now();
  const roots = { notary, ...(tuf && { tuf }) };
  const [document] = verifyAddedDialect({ repository, request, change, roots, now });
  if (document === undefined) throw unexpected();
  const signed = await signMirror(context, publisher, { change, document, files, previous: tuf });
  if (signed.state !== 'published') return { state: 'pending', change: signed, own: [] };
  const { version, sha256 } = document;
  // What is pinned for the mirror leads to its next root by itself.
  const pinning =
    tuf === undefined
      ? await pinPublishedRoot(context, { repository, version, messages: [sha256] })
      : undefined;
  const summary = await publisher.summary(repository);
  const followed = tuf === undefined ? {} : { followed: true };
  return { state: 'added', dialect: 'tuf', ...followed, summary, own: [], ...(pinning && { pinning }) };
}

/**
 * Pins the root of a mirror that was published without being pinned: one that lists the very keys of the root that
 * this machine verified in the other dialect, and is signed by them.
 */
export async function pinMirror(
  context: Context,
  { repository, trustDir }: CreationWish,
  { versions }: RepositorySummary,
): Promise<Pinning> {
  const files = trustKeyFiles(context, trustDir);
  const holds = (canonicalId: string): boolean => files(canonicalId) !== undefined;
  const notary = await verifiedNotaryRoot(context, repository, holds);
  const version = versions['root'] ?? 1;
  return await pinVerifiedRoot(context, repository, version, (bytes) => {
    const verify = { dialect: tufDialect, repository, foreign: false, limits: DEFAULT_LIMITS };
    const root = verifyRoot(verify, bytes).document;
    if (mirrorKeys(root, notary).threshold !== root.roles.root.threshold) throw unexpected();
  });
}

interface MirrorSigning {
  readonly change: Change;
  readonly document: VerifiedDocument;
  readonly files: HeldFiles;
  /** The root that it follows: its keys sign, too. */
  readonly previous: Root | undefined;
}

async function signMirror(
  context: Context,
  publisher: PublishClient,
  { change, document, files, previous }: MirrorSigning,
): Promise<Change> {
  const store = openKeys(context);
  const root = tufDialect.decode(
    'root',
    tufDialect.open(tufDialect.seal(document.message, []), DEFAULT_LIMITS.rootBytes),
  );
  const known = new Map<string, Key>([...(previous?.keys ?? []), ...root.keys]);
  // No more keys than are needed: each may ask for a passphrase.
  const wanted = change.documents.flatMap(({ thresholds }) =>
    thresholds.flatMap(({ keyIds, threshold }) =>
      keyIds
        .flatMap((keyId) => known.get(keyId) ?? [])
        .filter((key) => isHeld(files, key))
        .slice(0, threshold),
    ),
  );
  const opened = await openTrustKeys(context, store, files, [...new Set(wanted)]);
  if (opened.length === 0) {
    throw new CliError(
      'ROOT_KEY_MISSING',
      exitCodes.denied,
      `no root key of ${change.repository} is in a trust directory here; change ${change.id} waits for its owner`,
      'where Docker or notary keep the keys: --trust-dir DIR',
    );
  }
  return await signAndSubmit(context, publisher, store, { change, documents: [document], keys: opened });
}

function ask(context: Context, publisher: PublishClient, repository: string, request: AddDialectsRequest) {
  context.terminal.progress(`asking for another dialect of ${repository} ...`);
  return publisher.addDialects(repository, request);
}

/** Whoever holds root in the one dialect holds it in the other. */
function assertSameHolders(
  { managedRoot, otherKeys, threshold, repository }: CreationWish,
  isManaged: boolean,
  present: number | undefined,
): void {
  const isSame = isManaged ? otherKeys.length === 0 : !managedRoot;
  if (isSame && (threshold === undefined || threshold === present)) return;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    isManaged
      ? `the service holds root of ${repository}, and holds it in the other dialect as well`
      : `clients hold root of ${repository}, with a threshold of ${present ?? 1}, and hold it in the other dialect as well`,
    isManaged ? 'leave out --root-key and --threshold' : 'leave out --managed-root and --threshold',
  );
}

/** A key and its spare would meet alone what several people had to meet together. */
async function assertPartnersNamed(
  store: FileKeyStore,
  { repository, otherKeys }: CreationWish,
  { roles: { root } }: Root,
): Promise<void> {
  if (root.threshold === 1 || otherKeys.some(({ dialect }) => dialect === 'notary')) return;
  const held = new Set((await store.list()).map(({ keyId }) => keyId));
  if (root.keyIds.every((keyId) => held.has(keyId))) return;
  throw new CliError(
    'THRESHOLD_INVALID',
    exitCodes.usage,
    `root of ${repository} needs ${root.threshold} signatures, and others hold keys of it: they need certificates, too`,
    'name them with --root-key FILE',
  );
}

function assertMirrorable({ managedRoot, otherKeys, threshold, repository }: CreationWish): void {
  if (!managedRoot && otherKeys.length === 0 && threshold === undefined) return;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `${repository} was made by a Notary client, whose root keys and threshold it keeps`,
    'leave out --managed-root, --root-key and --threshold',
  );
}

function unexpected(): CliError {
  return new CliError(
    'CHANGE_MISMATCH',
    exitCodes.denied,
    'the server published a root that nobody signed here',
    'do not go on: this is not the server it should be',
  );
}
