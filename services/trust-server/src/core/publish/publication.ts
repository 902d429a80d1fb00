/**
 * One publish: delegated roles, targets, snapshot, timestamp and the events that say why, all in the caller's
 * transaction. Files are made in the order in which clients trust them, timestamp last.
 */
import type { Queries } from '@vidimus/database';
import {
  type Authority,
  BINS_ROLE,
  type Draft,
  type EditTerms,
  nextSnapshot,
  nextTimestamp,
  type RoleKeys,
  type Root,
  type SealedFile,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { chainEvents, type EventDraft } from '../audit/event-chain.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { SignerOf } from '../keys/managed-keys.ts';
import { insertEvents } from '../store/events.ts';
import { type Incarnation, insertMetadata } from '../store/metadata.ts';
import type { LogHead } from '../store/repositories.ts';
import { announce } from './announce.ts';
import { authorityOf, type Delegators } from './current-documents.ts';
import { resignAfter } from './resign-after.ts';
import { type Sealed, sealRole } from './seal.ts';

/** Role name to version. */
export type Versions = Readonly<Record<string, number>>;

/** What a publish starts from; documents are absent in a repository's first one. */
export interface PublishBase extends Incarnation {
  readonly root?: Root;
  readonly targets?: Targets;
  readonly bins?: Targets;
  readonly snapshot?: Snapshot;
  readonly timestamp?: Timestamp;
  readonly log: LogHead;
  /** Key ids that the service can use. */
  readonly managed: ReadonlySet<string>;
}

/** What it changes. Snapshot and timestamp follow by themselves. */
export interface PublishInput {
  readonly base: PublishBase;
  readonly terms: EditTerms;
  readonly signerOf: SignerOf;
  /** A root that was sealed before. */
  readonly root?: Sealed<Root>;
  /** Targets, delegated roles and bins, by role. */
  readonly targets: ReadonlyMap<string, Draft<Targets>>;
  /** Sign snapshot anew although nothing that it lists changed. */
  readonly renewSnapshot?: boolean;
  /** The events of this publish, once its versions are known. */
  readonly events: (versions: Versions) => readonly EventDraft[];
  readonly newId: () => string;
}

/** What is current once the transaction commits. */
export interface Published {
  readonly versions: Versions;
  readonly files: readonly Sealed[];
  readonly log: LogHead;
}

/**
 * Makes, checks and stores the files of one publish. The caller holds the repository's lock and moves its row.
 * @throws TrustError SIGNER_UNAVAILABLE; TufError EDIT_INVALID
 */
export async function publish(tx: Queries, input: PublishInput): Promise<Published> {
  const { base, terms, signerOf } = input;
  const files: Sealed[] = input.root === undefined ? [] : [input.root];
  const changed = await sealTargets(input);
  files.push(...changed);

  const delegators = delegatorsOf(input, changed);
  const listed = new Map(changed.map((file) => [file.role, toFile(file)]));
  const snapshot =
    base.snapshot !== undefined && listed.size === 0 && input.renewSnapshot !== true
      ? undefined
      : await sealRole(
          'snapshot',
          'snapshot',
          nextSnapshot(base.snapshot, listed, terms),
          assertAuthority('snapshot', delegators),
          signerOf,
        );
  if (snapshot !== undefined) files.push(snapshot);

  const versions = Object.fromEntries(
    [...files, { role: 'timestamp', version: (terms.highest.get('timestamp') ?? 0) + 1 }].map((file) => [
      file.role,
      file.version,
    ]),
  );
  const at = toWholeSecond(terms.nowMs);
  const chain = chainEvents(base.log, input.events(versions), {
    repository: base.repository,
    at: printTime(at),
    newId: input.newId,
  });
  const named = snapshot === undefined ? base.timestamp?.snapshot : toFile(snapshot);
  const timestamp = nextTimestamp(base.timestamp, assertNamed(named), chain.head, terms);
  files.push(
    await sealRole('timestamp', 'timestamp', timestamp, assertAuthority('timestamp', delegators), signerOf),
  );

  const rows = files.map((file) => {
    const { roleKeys } = assertAuthority(file.role, delegators);
    return { ...file, ...(isSignable(roleKeys, base.managed) ? resignAfter(base.repository, file) : {}) };
  });
  // One connection carries them in this order; asked together they cost one round trip.
  await Promise.all([
    insertMetadata(tx, base, rows),
    insertEvents(tx, base, chain.events, at),
    announce(tx, { ...base, version: timestamp.version }),
  ]);
  return { versions, files, log: chain.head };
}

/** Delegators first: what they say about their children holds for the children published with them. */
async function sealTargets(input: PublishInput): Promise<readonly Sealed<Targets>[]> {
  const order = [...input.targets.keys()].sort((a, b) => rank(a) - rank(b));
  const sealed: Sealed<Targets>[] = [];
  for (const role of order) {
    const draft = input.targets.get(role);
    if (draft === undefined) continue;
    const authority = assertAuthority(role, delegatorsOf(input, sealed));
    sealed.push(await sealRole('targets', role, draft, authority, input.signerOf));
  }
  return sealed;
}

function rank(role: string): number {
  return role === 'targets' ? 0 : role === BINS_ROLE ? 1 : 2;
}

function delegatorsOf(
  { base, root }: PublishInput,
  changed: readonly Sealed<Targets>[],
): Partial<Delegators> {
  const newer = (role: string): Targets | undefined => changed.find((file) => file.role === role)?.document;
  const top = root?.document ?? base.root;
  const targets = newer('targets') ?? base.targets;
  const bins = newer(BINS_ROLE) ?? base.bins;
  return {
    ...(top === undefined ? {} : { root: top }),
    ...(targets === undefined ? {} : { targets }),
    ...(bins === undefined ? {} : { bins }),
  };
}

function assertAuthority(role: string, { root, targets, bins }: Partial<Delegators>): Authority {
  const authority = root && authorityOf(role, { root, ...(targets && { targets }), ...(bins && { bins }) });
  if (authority === undefined) throw new TrustError('INTERNAL', `nobody delegates role ${role}`);
  return authority;
}

/** A role is signable by the service iff its managed keys reach the threshold. */
export function isSignable(roleKeys: RoleKeys, managed: ReadonlySet<string>): boolean {
  return roleKeys.keyIds.filter((keyId) => managed.has(keyId)).length >= roleKeys.threshold;
}

function toFile({ version, bytes, sha256 }: Sealed): SealedFile {
  return { version, length: bytes.length, sha256 };
}

/** A timestamp that is only renewed names the snapshot it named before. */
function assertNamed(named: SealedFile | Timestamp['snapshot'] | undefined): SealedFile {
  if (named === undefined) throw new TrustError('INTERNAL', 'there is no snapshot to name');
  if ('sha256' in named) return named;
  const sha256 = named.hashes?.get('sha256');
  if (named.version === undefined || named.length === undefined || sha256 === undefined) {
    throw new TrustError('INTERNAL', 'the timestamp does not say which snapshot it means');
  }
  return { version: named.version, length: named.length, sha256 };
}
