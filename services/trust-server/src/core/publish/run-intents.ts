/** Carries out intents in one publish, inside the caller's transaction and under the repository's lock. */
import type { Queries } from '@vidimus/database';
import {
  type Draft,
  type EditTerms,
  editTags,
  layoutOf,
  nextRevocations,
  REVOCATIONS_ROLE,
  roleOfTag,
  type TagPlan,
  type Targets,
} from '@vidimus/tuf';
import type { Impact } from '../../schemas/index.ts';
import type { TrustError } from '../../service.ts';
import { chainEvents, type EventDraft } from '../audit/event-chain.ts';
import { assertSourceLives, readSource } from '../dialect-changes/mirror-source.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import type { StateReader } from '../notary/stored-state.ts';
import { insertEvents } from '../store/events.ts';
import {
  type Heads,
  headsIn,
  highestVersions,
  type RoleHeads,
  readHeads,
  scheduleHeads,
} from '../store/metadata.ts';
import { moveRepository, type RepositoryRow } from '../store/repositories.ts';
import { readTags, readTagsOfDigests, type TagRow } from '../store/tags.ts';
import { assertBase } from './assert-base.ts';
import { Board, type BoardChanges, isEmpty } from './board.ts';
import { type CurrentDocuments, type DocumentReader, headOf, readCurrent } from './current-documents.ts';
import { evaluate } from './evaluate.ts';
import type { IntentAnswer, IntentRequest, Verdict } from './intents.ts';
import { notaryPart } from './notary-part.ts';
import { planFor } from './plan-tags.ts';
import { type DialectPart, type Published, publish, type Versions } from './publication.ts';
import { toTagTarget } from './tag-target.ts';
import { refusedWithoutTuf } from './without-tuf.ts';

export interface IntentParts {
  readonly reader: DocumentReader;
  readonly states: StateReader;
  readonly keys: ManagedKeys;
  readonly newId: () => string;
}

/** What came out, for each request in order. */
export interface IntentsRun {
  readonly outcomes: readonly (IntentAnswer | TrustError)[];
  /** Absent when nothing had to be published. */
  readonly published?: Published;
}

/**
 * @throws TrustError VERSION_CONFLICT, SIGNER_UNAVAILABLE, CUSTODY_INVALID, DIALECT_INEXPRESSIBLE, DIALECTS_DISAGREE;
 * TufError EDIT_INVALID. Then nothing was written.
 */
export async function runIntents(
  parts: IntentParts,
  tx: Queries,
  row: RepositoryRow,
  requests: readonly IntentRequest[],
  nowMs: number,
): Promise<IntentsRun> {
  if (!row.dialects.includes('tuf')) {
    return { outcomes: requests.map(({ intent }) => refusedWithoutTuf(row, intent)) };
  }
  const [all, touched] = await Promise.all([readHeads(tx, row), readTouched(tx, row, requests)]);
  const heads = headsIn(all, 'tuf');
  for (const { call } of requests) assertBase(heads, call.ifMatch);
  const current = await readCurrent(parts.reader, tx, row, heads);
  const revocations = await parts.reader.read(tx, row, 'targets', headOf(heads, REVOCATIONS_ROLE), current);
  // A publish signs timestamp anew, and nothing is renewed above what has expired.
  if (row.settings.mirrored === true) assertSourceLives(await readSource(parts.states, tx, row), nowMs);
  const board = new Board(touched, revocations, row.settings.mirrored === true);
  const verdicts = requests.map((request) => evaluate(board, request, nowMs));
  const changes = board.changes();
  const state: State = { row, all, heads, current, revocations, verdicts, changes, nowMs };

  if (requests.some(({ call }) => call.dryRun === true)) return await dryRun(parts, tx, state);
  if (isEmpty(state.changes)) return await logOnly(parts, tx, state);
  return await publishChanges(parts, tx, state);
}

interface State {
  readonly row: RepositoryRow;
  readonly all: Heads;
  /** Of the `tuf` dialect, as `current` and `revocations`. */
  readonly heads: RoleHeads;
  readonly current: CurrentDocuments;
  readonly revocations: Targets;
  readonly verdicts: readonly Verdict[];
  readonly changes: BoardChanges;
  readonly nowMs: number;
}

async function readTouched(
  tx: Queries,
  row: RepositoryRow,
  requests: readonly IntentRequest[],
): Promise<readonly TagRow[]> {
  const names = new Set<string>();
  const digests = new Set<string>();
  for (const { intent } of requests) {
    if (intent.kind === 'revokeDigest') digests.add(intent.digest);
    if (intent.kind !== 'tags') continue;
    for (const { tag } of intent.sign) names.add(tag);
    for (const tag of intent.revoke) names.add(tag);
  }
  const found = await Promise.all([readTags(tx, row, [...names]), readTagsOfDigests(tx, row, [...digests])]);
  return found.flat();
}

interface Planned {
  readonly plan: TagPlan;
  readonly terms: EditTerms;
  readonly drafts: ReadonlyMap<string, Draft<Targets>>;
  readonly tagCount: number;
}

/** The next documents of the `tuf` dialect, unsigned. @throws TufError EDIT_INVALID; TrustError DIALECT_INEXPRESSIBLE */
async function planChanges(parts: IntentParts, tx: Queries, state: State): Promise<Planned> {
  const { row, heads, current, changes, nowMs } = state;
  const names = [...changes.tagsSet.map(({ tag }) => tag), ...changes.tagsRemoved];
  const tagCount = row.tagCount + changes.tagsAdded - changes.tagsRemoved.length;
  const plan = planFor(row, layoutOf(current.targets, current.bins), tagCount, names);
  const terms: EditTerms = {
    repository: row.repository,
    nowMs,
    lifetimesMs: new Map(Object.entries(row.settings.lifetimesMs)),
    // Only a move makes roles that may have existed in an earlier incarnation.
    highest:
      plan.to === plan.from
        ? new Map(Array.from(heads, ([role, head]) => [role, head.version]))
        : await highestVersions(tx, row.repository, 'tuf'),
  };
  const drafts = new Map<string, Draft<Targets>>();
  if (names.length > 0) {
    const loaded = new Map<string, Targets>();
    for (const role of plan.load) {
      loaded.set(role, await parts.reader.read(tx, row, 'targets', headOf(heads, role), current));
    }
    const edits = { set: changes.tagsSet.map(toTagTarget), remove: changes.tagsRemoved };
    for (const [role, draft] of editTags(plan, current.root, loaded, edits, terms)) drafts.set(role, draft);
  }
  if (changes.revoked.length + changes.lifted.length > 0) {
    const edits = { set: changes.revoked, remove: changes.lifted };
    drafts.set(REVOCATIONS_ROLE, nextRevocations(state.revocations, edits, terms));
  }
  return { plan, terms, drafts, tagCount };
}

async function publishChanges(parts: IntentParts, tx: Queries, state: State): Promise<IntentsRun> {
  const { row, heads, current, changes } = state;
  const { plan, terms, drafts, tagCount } = await planChanges(parts, tx, state);
  if (plan.from !== plan.to && plan.from.kind === 'bins') {
    const { namePrefix } = plan.from;
    const left = [...heads.keys()].filter((role) => role.startsWith(`${namePrefix}-`));
    // Nobody delegates the old bins any more: their entries stay, their files need no renewal.
    await scheduleHeads(tx, row, 'tuf', left, undefined);
  }
  const published = await publish(tx, {
    at: row,
    managed: new Set(row.settings.managed),
    signerOf: await parts.keys.signers(tx, row),
    parts: [
      { dialect: 'tuf', base: current, terms, targets: drafts },
      ...(await otherParts(parts, tx, state)),
    ],
    events: (versions) => eventsOf(state.verdicts, versions),
    move: { tagCount },
    tags: (versions) => ({
      set: changes.tagsSet.map((tag) =>
        tag.sinceVersion === 0 ? { ...tag, sinceVersion: versions[roleOfTag(plan.to, tag.tag)] ?? 1 } : tag,
      ),
      remove: changes.tagsRemoved,
    }),
    newId: parts.newId,
  });
  const { versions } = published;
  return { outcomes: state.verdicts.map((verdict) => toOutcome(verdict, versions)), published };
}

/** The same edit in the other dialect, where the service signs that one, too. */
async function otherParts(
  { reader }: IntentParts,
  tx: Queries,
  { row, all, changes, nowMs }: State,
): Promise<readonly DialectPart[]> {
  if (!row.dialects.includes('notary') || row.settings.mirrored === true) return [];
  const edits = { set: changes.tagsSet.map(toTagTarget), remove: changes.tagsRemoved };
  return [await notaryPart(reader, tx, row, headsIn(all, 'notary'), edits, nowMs)];
}

/** Nothing for clients, but perhaps something for auditors. */
async function logOnly(parts: IntentParts, tx: Queries, state: State): Promise<IntentsRun> {
  const { row, heads, verdicts, nowMs } = state;
  const events = eventsOf(verdicts, undefined);
  if (events.length > 0) {
    const atMs = toWholeSecond(nowMs);
    const place = { repository: row.repository, at: printTime(atMs), newId: parts.newId };
    const chain = chainEvents(row.log, events, place);
    await insertEvents(tx, row, chain.events, atMs);
    await moveRepository(tx, row, { log: chain.head });
  }
  const versions = currentVersions(heads);
  return { outcomes: verdicts.map((verdict) => toOutcome(verdict, versions)) };
}

async function dryRun(parts: IntentParts, tx: Queries, state: State): Promise<IntentsRun> {
  if (isEmpty(state.changes)) {
    const versions = currentVersions(state.heads);
    return { outcomes: state.verdicts.map((verdict) => toOutcome(verdict, versions)) };
  }
  const { drafts, terms } = await planChanges(parts, tx, state);
  const next = (role: string): [string, number] => [role, (terms.highest.get(role) ?? 0) + 1];
  const versions = Object.fromEntries([...drafts.keys(), 'snapshot', 'timestamp'].map(next));
  return { outcomes: state.verdicts.map((verdict) => toOutcome(verdict, versions)) };
}

function eventsOf(verdicts: readonly Verdict[], versions: Versions | undefined): readonly EventDraft[] {
  return verdicts.flatMap(({ events }) =>
    events.map((event) =>
      versions === undefined || event.result === 'refused' ? event : { ...event, versions },
    ),
  );
}

function toOutcome(verdict: Verdict, versions: Versions): IntentAnswer | TrustError {
  if (verdict.refused !== undefined) return verdict.refused;
  const impact: Impact = { diff: [...verdict.diff], versions };
  return { tags: verdict.tags, stillServed: verdict.stillServed ?? [], versions, impact };
}

/** What an edit that changes nothing answers. */
function currentVersions(heads: RoleHeads): Versions {
  const names = ['targets', REVOCATIONS_ROLE, 'snapshot', 'timestamp'];
  return Object.fromEntries(names.map((role) => [role, headOf(heads, role).version]));
}
