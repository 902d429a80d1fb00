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
  type Target,
  type Targets,
} from '@vidimus/tuf';
import type { TrustError } from '../../service.ts';
import { chainEvents, type EventDraft } from '../audit/event-chain.ts';
import type { EditParts } from '../edits/edit-plan.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import { insertEvents } from '../store/events.ts';
import { headsIn, highestVersions, scheduleHeads } from '../store/metadata.ts';
import { moveRepository, type RepositoryRow, readLive } from '../store/repositories.ts';
import { TAG_ROLE, type TagRow } from '../store/tags.ts';
import { type BoardChanges, isEmpty } from './board.ts';
import { headOf } from './current-documents.ts';
import { evaluate } from './evaluate.ts';
import { currentVersions, toOutcome } from './intent-answer.ts';
import { type IntentState, readIntentState } from './intent-state.ts';
import {
  type IntentAnswer,
  type IntentRequest,
  type OpenedChange,
  othersSign,
  type Verdict,
} from './intents.ts';
import { nextListings, notaryPart, termsOf } from './notary-part.ts';
import { planFor } from './plan-tags.ts';
import { proposeRemainder } from './propose-intent.ts';
import { type DialectPart, type Published, publish, type TagMoves, type Versions } from './publication.ts';
import { editsByRole, noEdits, type RoleEdits, tagMoves } from './role-edits.ts';
import { refusedWithoutTuf } from './without-tuf.ts';

export type IntentParts = EditParts;

/** What came out, for each request in order. */
export interface IntentsRun {
  readonly outcomes: readonly (IntentAnswer | TrustError | typeof othersSign)[];
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
  const now = await readIntentState(parts, tx, row, requests, nowMs);
  const judged = requests.map((request) => evaluate(now.board, request, nowMs));
  const verdicts = judged.filter((verdict) => verdict !== othersSign);
  const state: State = { ...now, verdicts, changes: now.board.changes() };

  const run = requests.some(({ call }) => call.dryRun === true)
    ? await dryRun(parts, tx, state)
    : isEmpty(state.changes)
      ? await logOnly(parts, tx, state)
      : await publishChanges(parts, tx, state);
  const outcomes: (IntentAnswer | TrustError | typeof othersSign)[] = [];
  let at = run.row;
  for (const [index, request] of requests.entries()) {
    const verdict = judged[index];
    if (verdict === undefined || verdict === othersSign) {
      outcomes.push(othersSign);
      continue;
    }
    const opened = await openRemainder(parts, tx, at, request, verdict, nowMs);
    at = opened?.row ?? at;
    outcomes.push(toOutcome(verdict, run.versions, opened?.change));
  }
  return { outcomes, ...(run.published === undefined ? {} : { published: run.published }) };
}

/** What a revoked digest needs from others, in the same transaction. */
async function openRemainder(
  parts: IntentParts,
  tx: Queries,
  row: RepositoryRow,
  { call, asked }: IntentRequest,
  { others, refused }: Verdict,
  nowMs: number,
): Promise<{ readonly row: RepositoryRow; readonly change: OpenedChange } | undefined> {
  if (others === undefined || refused !== undefined) return undefined;
  const carried = await proposeRemainder(parts, tx, row, { call, asked, others }, nowMs);
  if (carried === undefined || carried.outcome === 'published' || carried.change === undefined)
    return undefined;
  const { change, managed } = carried;
  // The events of the change have moved the head of the log.
  const moved = call.dryRun === true ? row : ((await readLive(tx, row.repository)) ?? row);
  return { row: moved, change: { change, managed } };
}

interface VerdictsRun {
  /** As it is afterwards. */
  readonly row: RepositoryRow;
  readonly versions: Versions;
  readonly published?: Published;
}

interface State extends IntentState {
  readonly verdicts: readonly Verdict[];
  readonly changes: BoardChanges;
}

interface Planned {
  readonly plan: TagPlan;
  readonly terms: EditTerms;
  readonly drafts: ReadonlyMap<string, Draft<Targets>>;
  /** What clients find afterwards. */
  readonly tags: TagMoves;
  readonly tagCount: number;
}

/** The next documents of the `tuf` dialect, unsigned. @throws TufError EDIT_INVALID; TrustError DIALECT_INEXPRESSIBLE */
async function planChanges(parts: IntentParts, tx: Queries, state: State): Promise<Planned> {
  const { row, heads, current, changes, nowMs } = state;
  const edits = editsByRole(changes);
  const own = edits.get(TAG_ROLE) ?? noEdits;
  const names = [...own.set.map(({ path }) => path), ...own.remove];
  const plan = planFor(
    row,
    layoutOf(current.targets, current.bins),
    topLevelCount(state, own),
    names,
    current,
  );
  const terms: EditTerms = {
    ...termsOf(row, 'tuf', heads, nowMs),
    // Only a move makes roles that may have existed in an earlier incarnation.
    ...(plan.to === plan.from ? {} : { highest: await highestVersions(tx, row.repository, 'tuf') }),
  };
  const drafts = new Map<string, Draft<Targets>>();
  if (names.length > 0) {
    const loaded = new Map<string, Targets>();
    for (const role of plan.load) {
      loaded.set(role, await parts.reader.read(tx, row, 'targets', headOf(heads, role), current));
    }
    for (const [role, draft] of editTags(plan, current.root, loaded, own, terms)) drafts.set(role, draft);
  }
  edits.delete(TAG_ROLE);
  for (const [role, draft] of nextListings(current, edits, terms)) drafts.set(role, draft);
  if (changes.revoked.length + changes.lifted.length > 0) {
    const revocations = { set: changes.revoked, remove: changes.lifted };
    drafts.set(REVOCATIONS_ROLE, nextRevocations(state.revocations, revocations, terms));
  }
  const moved = tagMoves(state);
  return { plan, terms, drafts, tags: moved, tagCount: row.tagCount + moved.difference };
}

/** How many tags decide about the layout: those of top-level targets, as far as that can be told without its bins. */
function topLevelCount({ row, current, answering }: State, { set, remove }: RoleEdits): number {
  const { targets, bins, delegated } = current;
  const hasOthers = delegated !== undefined && bins === undefined;
  const isNew = ({ path }: Target): boolean => !(hasOthers ? targets.targets : answering).has(path);
  const before = hasOthers ? targets.targets.size : row.tagCount;
  return before + set.filter(isNew).length - remove.length;
}

async function publishChanges(parts: IntentParts, tx: Queries, state: State): Promise<VerdictsRun> {
  const { row, heads, current, changes } = state;
  const { plan, terms, drafts, tagCount, tags } = await planChanges(parts, tx, state);
  if (plan.from !== plan.to && plan.from.kind === 'bins') {
    const { namePrefix } = plan.from;
    const left = [...heads.keys()].filter((role) => role.startsWith(`${namePrefix}-`));
    // Nobody delegates the old bins any more: their entries stay, their files need no renewal.
    await scheduleHeads(tx, row, 'tuf', left, undefined);
  }
  const fileOf = ({ tag, listedBy }: TagRow): string => listedBy ?? roleOfTag(plan.to, tag);
  const published = await publish(tx, {
    at: row,
    managed: new Set(row.settings.managed),
    signerOf: await parts.keys.signers(tx, row),
    parts: [{ dialect: 'tuf', base: current, terms, targets: drafts }, ...otherParts(state)],
    events: (versions) => eventsOf(state.verdicts, versions),
    move: { tagCount },
    tags: (versions) => ({
      set: tags.set.map((tag) =>
        tag.sinceVersion === 0 ? { ...tag, sinceVersion: versions[fileOf(tag)] ?? 1 } : tag,
      ),
      remove: tags.remove,
    }),
    // An entry that does not answer moves no row, and the dialects must agree about it all the same.
    compare: [...changes.tagsSet, ...changes.tagsRemoved].map(({ tag }) => tag),
    newId: parts.newId,
  });
  const { versions, log } = published;
  return { row: { ...row, tagCount, log }, versions, published };
}

/** The same edit in the other dialect, where the service signs that one, too. */
function otherParts({ row, all, beside, changes, nowMs }: State): readonly DialectPart[] {
  if (beside === undefined) return [];
  return [notaryPart(row, beside, headsIn(all, 'notary'), editsByRole(changes), nowMs)];
}

/** Nothing for clients, but perhaps something for auditors. */
async function logOnly(parts: IntentParts, tx: Queries, state: State): Promise<VerdictsRun> {
  const { row, heads, verdicts, nowMs } = state;
  const events = eventsOf(verdicts, undefined);
  if (events.length > 0) {
    const atMs = toWholeSecond(nowMs);
    const place = { repository: row.repository, at: printTime(atMs), newId: parts.newId };
    const chain = chainEvents(row.log, events, place);
    await insertEvents(tx, row, chain.events, atMs);
    await moveRepository(tx, row, { log: chain.head });
    return { row: { ...row, log: chain.head }, versions: currentVersions(heads) };
  }
  return { row, versions: currentVersions(heads) };
}

async function dryRun(parts: IntentParts, tx: Queries, state: State): Promise<VerdictsRun> {
  const { row } = state;
  if (isEmpty(state.changes)) return { row, versions: currentVersions(state.heads) };
  const { drafts, terms } = await planChanges(parts, tx, state);
  const next = (role: string): [string, number] => [role, (terms.highest.get(role) ?? 0) + 1];
  const versions = Object.fromEntries([...drafts.keys(), 'snapshot', 'timestamp'].map(next));
  return { row, versions };
}

function eventsOf(verdicts: readonly Verdict[], versions: Versions | undefined): readonly EventDraft[] {
  return verdicts.flatMap(({ events }) =>
    events.map((event) =>
      versions === undefined || event.result === 'refused' ? event : { ...event, versions },
    ),
  );
}
