/**
 * One publish: in each dialect root, delegated roles, targets, snapshot and timestamp, and the events that say why,
 * all in the caller's transaction. Files are made in the order in which clients trust them, timestamps last of all:
 * they carry the head of the events.
 */
import { sha512Hex } from '@vidimus/crypto';
import { type Queries, sendAhead } from '@vidimus/database';
import {
  type Authority,
  BINS_ROLE,
  type DialectName,
  type Draft,
  type EditTerms,
  nextSnapshot,
  nextTimestamp,
  type RoleKeys,
  type Root,
  type SealedFile,
  type Signature,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { chainEvents, type EventDraft } from '../audit/event-chain.ts';
import { codecOf } from '../dialects.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { SignerOf } from '../keys/managed-keys.ts';
import {
  changesRoleKeys,
  type DocumentsBefore,
  indexRoleKeys,
  type SignerNames,
} from '../keys-index/role-keys.ts';
import { assertVersionsKnown } from '../recovery/uncertain.ts';
import { appendChange } from '../store/changefeed.ts';
import type { Incarnation, MetadataRow } from '../store/metadata.ts';
import { writePublish } from '../store/publish-rows.ts';
import type { LogHead, RepositoryMove } from '../store/repositories.ts';
import type { RepositorySettings } from '../store/repository-settings.ts';
import { deleteTags, type TagRow, writeTags } from '../store/tags.ts';
import { assertAgree, type DialectView } from './agree.ts';
import { authorityOf, type Delegators } from './current-documents.ts';
import { resignAfter } from './resign-after.ts';
import { highestSigned, type Sealed, type Sealing, sealRole } from './seal.ts';

/** How often one timestamp's version is passed over: once a key, and once more where two dialects go together. */
const maxPasses = 4;

/** Role name to version. */
export type Versions = Readonly<Record<string, number>>;

/** The documents that a publish starts from in one dialect; all absent in a repository's first one. */
export interface BaseDocuments {
  readonly root?: Root;
  readonly targets?: Targets;
  readonly bins?: Targets;
  /** Every targets role that verifies, by role, where all of them were read. */
  readonly delegated?: ReadonlyMap<string, Targets>;
  readonly snapshot?: Snapshot;
  readonly timestamp?: Timestamp;
}

/** What a publish changes in one dialect. Snapshot and timestamp follow by themselves. */
export interface DialectPart {
  readonly dialect: DialectName;
  readonly base: BaseDocuments;
  readonly terms: EditTerms;
  /** A root that was sealed before. */
  readonly root?: Sealed<Root>;
  /** Targets, delegated roles and bins, by role: signed by the service's keys, and as `signatures` has it. */
  readonly targets?: ReadonlyMap<string, Draft<Targets>>;
  /** What others signed of `targets`, by role. */
  readonly signatures?: ReadonlyMap<string, readonly Signature[]>;
  /** Targets and delegated roles that others signed, verified; delegators come before those they delegate to. */
  readonly sealed?: readonly Sealed<Targets>[];
  /** The next snapshot, made or signed by others; absent: what changed is listed, as far as anything did. */
  readonly snapshot?: Draft<Snapshot> | Sealed<Snapshot>;
  /** What was current before, where `base` holds what is current afterwards. */
  readonly before?: DocumentsBefore;
  /** Sign snapshot anew although nothing that it lists changed. */
  readonly renewSnapshot?: boolean;
}

/** One publish of one repository. */
export interface PublishInput {
  readonly at: Incarnation & {
    readonly log: LogHead;
    readonly settings: RepositorySettings;
  };
  /** Key ids that the service can use. */
  readonly managed: ReadonlySet<string>;
  readonly signerOf: SignerOf;
  /** One or more, each of another dialect; `tuf` first where it is among them. */
  readonly parts: readonly DialectPart[];
  /** The events of this publish, once its versions are known. */
  readonly events: (versions: Versions) => readonly EventDraft[];
  /** What moves on the repository's row besides the head of its log. */
  readonly move?: Omit<RepositoryMove, 'log'>;
  /** Tag rows to write and to take away, once versions are known. */
  readonly tags?: (versions: Versions) => TagMoves;
  /** Key id to the name of the party that holds it, of keys that this publish lists. */
  readonly signers?: SignerNames;
  /** Tags that all parts must answer alike, beside those that move. */
  readonly compare?: Iterable<string>;
  readonly newId: () => string;
}

export interface TagMoves {
  readonly set: readonly TagRow[];
  readonly remove: readonly string[];
}

/** What is current once the transaction commits. */
export interface Published {
  /** Of the `tuf` dialect where it was published, else of the other one. */
  readonly versions: Versions;
  /** Of all dialects. */
  readonly files: readonly Sealed[];
  readonly log: LogHead;
}

/**
 * Makes, checks and stores the files of one publish, moves the repository's row and its tags. The caller holds the
 * repository's lock.
 * @throws TrustError SIGNER_UNAVAILABLE, DIALECTS_DISAGREE; TufError EDIT_INVALID
 */
export async function publish(tx: Queries, input: PublishInput): Promise<Published> {
  const { at } = input;
  assertVersionsKnown(at.repository, at.settings);
  const listings: Listing[] = [];
  for (const part of input.parts) listings.push(await makeListed(input, part));

  const { versions, tags, chain, timestamps: last } = await makeTimestamps(input, listings);
  const nowMs = toWholeSecond(listings[0]?.part.terms.nowMs ?? 0);
  const files: Sealed[] = [];
  const rows: MetadataRow[] = [];
  const timestamps: Partial<Record<DialectName, number>> = {};
  for (const [i, listing] of listings.entries()) {
    const timestamp = last[i];
    const made = timestamp === undefined ? listing.files : [...listing.files, timestamp];
    files.push(...made);
    rows.push(...made.map((file) => toRow(input, listing, file)));
    timestamps[listing.part.dialect] = timestamp?.version ?? 0;
  }
  const fed = files.find(({ dialect, role }) => dialect === 'notary' && role === 'timestamp');
  const write = { files: rows, events: chain.events, atMs: nowMs, move: { ...input.move, log: chain.head } };
  sendAhead(tx, writePublish(tx, at, { ...write, announcement: { ...at, versions: timestamps } }));
  if (tags !== undefined) {
    sendAhead(tx, writeTags(tx, at, tags.set));
    sendAhead(tx, deleteTags(tx, at, tags.remove));
  }
  await indexKeys(tx, input, listings, nowMs);
  // Last of all: until the commit, no other publish gets a number.
  if (fed !== undefined) sendAhead(tx, feed(tx, at, fed));
  return { versions, files, log: chain.head };
}

/** Who signs what, for questions that begin with a key. */
async function indexKeys(
  tx: Queries,
  { at, signers = {} }: PublishInput,
  listings: readonly Listing[],
  atMs: number,
): Promise<void> {
  for (const { part, files } of listings) {
    const { dialect, base } = part;
    const changed = files.flatMap(({ role, document }) =>
      document.kind === 'targets' ? [{ role, document }] : [],
    );
    const root = part.root && { root: part.root.document };
    const before = part.before ?? beforeIn(base);
    // A name may be another one although the keys are the same.
    const isNamed = Object.keys(signers).length > 0;
    if (!isNamed && !changesRoleKeys(dialect, { ...root, changed, before })) continue;
    await indexRoleKeys(tx, at, dialect, { signers, atMs });
  }
}

function beforeIn({ root, targets, bins, delegated }: BaseDocuments): DocumentsBefore {
  const prefix = bins?.delegations?.succinct?.namePrefix;
  return {
    ...(root && { root }),
    targetsOf: (role) => {
      if (role === 'targets') return targets;
      if (role === BINS_ROLE) return bins;
      // Bins delegate to nobody.
      if (prefix !== undefined && role.startsWith(`${prefix}-`)) return undefined;
      return root === undefined ? undefined : (delegated?.get(role) ?? 'unknown');
    },
  };
}

function* namesOf({ compare = [] }: PublishInput, tags: TagMoves | undefined): Iterable<string> {
  for (const { tag } of tags?.set ?? []) yield tag;
  yield* tags?.remove ?? [];
  yield* compare;
}

function toView({ part, delegators: { targets, delegated }, snapshot }: Listing): DialectView {
  const documents = new Map(delegated);
  if (targets !== undefined) documents.set('targets', targets);
  const listed = (snapshot?.document ?? part.base.snapshot)?.meta.keys() ?? [];
  // Where every role was read, one that is not there does not verify: Notary clients pass it over.
  const unread = part.base.delegated === undefined ? listed : [];
  return { dialect: part.dialect, documents, unread: new Set(unread) };
}

async function feed(tx: Queries, { repository }: Incarnation, timestamp: Sealed): Promise<void> {
  const { version, sha256, issuedMs: createdAtMs } = timestamp;
  await appendChange(tx, { createdAtMs, repository, version, sha256, category: 'update' });
}

/** One dialect's files up to snapshot. */
interface Listing {
  readonly part: DialectPart;
  readonly sealing: Sealing;
  readonly delegators: Partial<Delegators>;
  readonly files: readonly Sealed[];
  readonly snapshot: Sealed<Snapshot> | undefined;
}

async function makeListed(input: PublishInput, part: DialectPart): Promise<Listing> {
  const { dialect, terms } = part;
  const sealing: Sealing = {
    dialect,
    repository: input.at.repository,
    nowMs: terms.nowMs,
    signerOf: input.signerOf,
  };
  const changed = await sealTargets(sealing, part);
  const delegators = delegatorsOf(part, changed);
  const draft = part.snapshot ?? draftSnapshot(part, changed);
  const snapshot =
    draft === undefined || 'bytes' in draft
      ? draft
      : await sealRole(sealing, 'snapshot', 'snapshot', draft, assertAuthority('snapshot', delegators));
  const files: readonly (Sealed | undefined)[] = [part.root, ...changed, snapshot];
  return { part, sealing, delegators, files: files.filter((file) => file !== undefined), snapshot };
}

/** Undefined when the snapshot that is there stays. */
function draftSnapshot(
  { dialect, base, terms, root, renewSnapshot }: DialectPart,
  changed: readonly Sealed<Targets>[],
): Draft<Snapshot> | undefined {
  const { filesBy } = codecOf(dialect);
  const listed = new Map(changed.map((file) => [file.role, toFile(file)]));
  // Where files go by hash, clients find a newer root through snapshot, too.
  if (filesBy === 'hash' && root !== undefined) listed.set('root', toFile(root));
  if (base.snapshot !== undefined && listed.size === 0 && renewSnapshot !== true) return undefined;
  return nextSnapshot(base.snapshot, listed, terms, { filesBy });
}

/** What a publish ends with: its events, and the timestamps that sign their head. */
interface Ending {
  readonly versions: Versions;
  readonly tags: TagMoves | undefined;
  readonly chain: ReturnType<typeof chainEvents>;
  /** One for each listing. */
  readonly timestamps: readonly Sealed<Timestamp>[];
}

/** A version that a signer signed for a publish that never was is passed over; then the events say another one. */
async function makeTimestamps(
  input: PublishInput,
  listings: readonly Listing[],
  above: ReadonlyMap<DialectName, number> = new Map(),
  passes = maxPasses * listings.length,
): Promise<Ending> {
  const [main] = listings;
  if (main === undefined) throw new TrustError('INTERNAL', 'a publish without a dialect');
  const versions = versionsOf(main, above);
  const tags = input.tags?.(versions);
  if (listings.length > 1) assertAgree(listings.map(toView), namesOf(input, tags));
  const chain = chainEvents(input.at.log, input.events(versions), {
    repository: input.at.repository,
    at: printTime(toWholeSecond(main.part.terms.nowMs)),
    newId: input.newId,
  });
  const timestamps: Sealed<Timestamp>[] = [];
  for (const listing of listings) {
    try {
      timestamps.push(await makeTimestamp(listing, chain.head, above));
    } catch (error) {
      const { part } = listing;
      const highest = highestSigned(error, highestTimestamp(part, above) + 1);
      if (highest === undefined || passes === 0) throw error;
      return await makeTimestamps(input, listings, new Map(above).set(part.dialect, highest), passes - 1);
    }
  }
  return { versions, tags, chain, timestamps };
}

/** The head of the events goes into it, wherever the dialect has a place for that. */
async function makeTimestamp(
  { part, sealing, delegators, snapshot }: Listing,
  log: LogHead,
  above: ReadonlyMap<DialectName, number>,
): Promise<Sealed<Timestamp>> {
  const { base } = part;
  const named = snapshot === undefined ? namedBefore(base) : toFile(snapshot);
  const highest = new Map(part.terms.highest).set('timestamp', highestTimestamp(part, above));
  const draft = nextTimestamp(base.timestamp, named, log, { ...part.terms, highest });
  const authority = assertAuthority('timestamp', delegators);
  return await sealRole(sealing, 'timestamp', 'timestamp', draft, authority);
}

function highestTimestamp({ dialect, terms }: DialectPart, above: ReadonlyMap<DialectName, number>): number {
  return Math.max(terms.highest.get('timestamp') ?? terms.floor ?? 0, above.get(dialect) ?? 0);
}

function versionsOf({ part, files }: Listing, above: ReadonlyMap<DialectName, number>): Versions {
  const timestamp = { role: 'timestamp', version: highestTimestamp(part, above) + 1 };
  return Object.fromEntries([...files, timestamp].map(({ role, version }) => [role, version]));
}

function toRow({ at, managed }: PublishInput, { part, delegators }: Listing, file: Sealed): MetadataRow {
  // What others signed they sign anew.
  if (part.snapshot === file || part.sealed?.some((other) => other === file) === true) return file;
  const { roleKeys } = assertAuthority(file.role, delegators);
  return { ...file, ...(isSignable(roleKeys, managed) ? resignAfter(at.repository, file) : {}) };
}

/** Delegators first: what they say about their children holds for the children published with them. */
async function sealTargets(sealing: Sealing, part: DialectPart): Promise<readonly Sealed<Targets>[]> {
  const drafts = part.targets ?? new Map<string, Draft<Targets>>();
  const order = [...drafts.keys()].sort((a, b) => rank(a) - rank(b));
  const sealed: Sealed<Targets>[] = [...(part.sealed ?? [])];
  for (const role of order) {
    const draft = drafts.get(role);
    if (draft === undefined) continue;
    const authority = assertAuthority(role, delegatorsOf(part, sealed));
    sealed.push(await sealRole(sealing, 'targets', role, draft, authority, part.signatures?.get(role)));
  }
  return sealed;
}

function rank(role: string): number {
  return role === 'targets' ? 0 : role === BINS_ROLE ? 1 : 1 + role.split('/').length;
}

function delegatorsOf({ base, root }: DialectPart, changed: readonly Sealed<Targets>[]): Partial<Delegators> {
  const newer = (role: string): Targets | undefined => changed.find((file) => file.role === role)?.document;
  const top = root?.document ?? base.root;
  const targets = newer('targets') ?? base.targets;
  const bins = newer(BINS_ROLE) ?? base.bins;
  const delegated = new Map(base.delegated);
  for (const { role, document } of changed) delegated.set(role, document);
  return {
    ...(top === undefined ? {} : { root: top }),
    ...(targets === undefined ? {} : { targets }),
    ...(bins === undefined ? {} : { bins }),
    delegated,
  };
}

function assertAuthority(role: string, { root, ...others }: Partial<Delegators>): Authority {
  const authority = root && authorityOf(role, { root, ...others });
  if (authority === undefined) throw new TrustError('INTERNAL', `nobody delegates role ${role}`);
  return authority;
}

/** A role is signable by the service iff its managed keys reach the threshold. */
export function isSignable(roleKeys: RoleKeys, managed: ReadonlySet<string>): boolean {
  return roleKeys.keyIds.filter((keyId) => managed.has(keyId)).length >= roleKeys.threshold;
}

function toFile({ dialect, version, bytes, sha256 }: Sealed): SealedFile {
  const file = { version, length: bytes.length, sha256 };
  return codecOf(dialect).filesBy === 'hash' ? { ...file, sha512: sha512Hex(bytes) } : file;
}

/** A timestamp that is only renewed names the snapshot it named before. */
function namedBefore({ snapshot, timestamp }: BaseDocuments): SealedFile {
  const { length, hashes } = timestamp?.snapshot ?? {};
  const sha256 = hashes?.get('sha256');
  const sha512 = hashes?.get('sha512');
  if (snapshot === undefined || length === undefined || sha256 === undefined) {
    throw new TrustError('INTERNAL', 'the timestamp does not say which snapshot it means');
  }
  return { version: snapshot.version, length, sha256, ...(sha512 === undefined ? {} : { sha512 }) };
}
