/** Intents that somebody else must sign: written down as an edit plan, with every document it would change. */
import type { Queries } from '@vidimus/database';
import { layoutOf, REVOCATIONS_ROLE, roleOfTag, type TargetEdits } from '@vidimus/tuf';
import type { ChangeKind, DiffEntry } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { carryOut } from '../edits/carry-out.ts';
import type { Carried, EditPart, EditParts, EditPlan } from '../edits/edit-plan.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { TAG_ROLE } from '../store/tags.ts';
import { type BoardChanges, isEmpty, placeOf } from './board.ts';
import { evaluate } from './evaluate.ts';
import { currentVersions } from './intent-answer.ts';
import { type IntentState, readIntentState } from './intent-state.ts';
import { type AskedEdit, type IntentRequest, othersSign, type Verdict } from './intents.ts';
import { assertFlat } from './plan-tags.ts';
import type { Versions } from './publication.ts';
import { assertActive, type PublisherParts } from './publisher.ts';
import { editsByRole, noEdits, tagMoves } from './role-edits.ts';
import { refusedWithoutTuf } from './without-tuf.ts';

export interface Proposed {
  /** What it comes to: tags and diff. */
  readonly verdict: Verdict;
  /** Absent when nothing had to change. */
  readonly carried?: Carried;
  /** Versions that are current before it. */
  readonly versions: Versions;
}

/**
 * An intent as a change, or published where the service can sign it by now.
 * @throws TrustError, TufError EDIT_INVALID
 */
export async function proposeIntent(
  parts: EditParts & Pick<PublisherParts, 'database'>,
  repository: string,
  request: IntentRequest,
): Promise<Proposed> {
  return await parts.database.transaction(async (tx) => {
    const row = assertActive(repository, await lockLive(tx, repository));
    if (!row.dialects.includes('tuf')) throw refusedWithoutTuf(row, request.intent);
    const nowMs = parts.now();
    const state = await readIntentState(parts, tx, row, [request], nowMs, 'anybody');
    const verdict = evaluate(state.board, request, nowMs);
    if (verdict === othersSign) throw new TrustError('INTERNAL', 'an edit that nobody signs');
    if (verdict.refused !== undefined) throw verdict.refused;
    const changes = state.board.changes();
    const versions = currentVersions(state.heads);
    if (isEmpty(changes)) return { verdict, versions };
    const { set, remove } = tagMoves(state);
    const plan: EditPlan = {
      ...planOf(askedOf(request, verdict), kindOf(request), verdict.diff),
      parts: partsOf(state, changes),
      event: eventOf(verdict),
      tags: { set, remove },
    };
    // Entries say since when, and the documents when they were issued: both are now.
    const carried = await carryOut({ ...parts, now: () => nowMs }, tx, row, request.call, plan);
    return { verdict, carried, versions };
  });
}

/** What is left of a revoked digest when the service has done its part. */
export interface Remainder {
  readonly call: Call;
  readonly asked: AskedEdit;
  readonly others: NonNullable<Verdict['others']>;
}

/**
 * The change for those who hold the list of revocations, or roles that name the digest. Undefined: nothing is left, or
 * another change is in the way of tags that the list of revocations refuses anyway.
 * @param row - after what was published, under the caller's lock
 * @throws TrustError, TufError EDIT_INVALID
 */
export async function proposeRemainder(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  { call, asked, others }: Remainder,
  nowMs: number,
): Promise<Carried | undefined> {
  const { digest, reason, revocation, left } = others;
  if (revocation === undefined && left.length === 0) return undefined;
  // What was published moved the base that the call named, if any.
  const { ifMatch: _, ...unbound } = call;
  const intent = { kind: 'tags' as const, sign: [], revoke: left.map(({ tag }) => tag) };
  const state = await readIntentState(parts, tx, row, [{ call: unbound, asked, intent }], nowMs, 'anybody');
  if (revocation !== undefined) state.board.setRevocation(revocation.path, revocation);
  for (const { role, tag } of left.map(placeOf)) state.board.setTag(role, tag, undefined);
  const { set, remove } = tagMoves(state);
  const diff = [
    ...(revocation === undefined ? [] : [{ role: REVOCATIONS_ROLE, what: `revoke ${revocation.path}` }]),
    ...left.map((entry) => ({
      role: placeOf(entry).role,
      what: `revoke tag ${entry.tag}`,
      before: entry.digest,
    })),
  ];
  const plan: EditPlan = {
    ...planOf(asked, 'revocation', diff),
    parts: partsOf(state, state.board.changes()),
    event: {
      action: 'digest.revoke',
      after: {
        digest,
        reason,
        tags: left.slice(0, maxTold).map(({ tag }) => tag),
        roles: [...new Set(left.map((entry) => placeOf(entry).role))].sort(),
      },
      tags: left.map(({ tag }) => tag),
    },
    tags: { set, remove },
  };
  try {
    return await carryOut({ ...parts, now: () => nowMs }, tx, row, unbound, plan);
  } catch (error) {
    const isInTheWay = error instanceof TrustError && error.code === 'CHANGE_CONFLICT';
    if (isInTheWay && revocation === undefined) return undefined;
    throw error;
  }
}

/** Tags that an event tells. */
const maxTold = 100;

function planOf(
  request: AskedEdit,
  kind: ChangeKind,
  diff: readonly DiffEntry[],
): Pick<EditPlan, 'kind' | 'summary' | 'diff' | 'request'> {
  const [first] = diff;
  const more = diff.length > 1 ? ` and ${diff.length - 1} more` : '';
  const roles = [...new Set(diff.map(({ role }) => role))].sort();
  return { kind, summary: `${roles.join(', ')}: ${first?.what ?? 'nothing new'}${more}`, diff, request };
}

/** Who is asked to sign must not have to guess which role was meant. */
function askedOf({ asked, intent }: IntentRequest, { diff }: Verdict): AskedEdit {
  const [first] = diff;
  const isNamed = intent.kind !== 'tags' || intent.role !== undefined;
  return isNamed || first === undefined || first.role === TAG_ROLE
    ? asked
    : { ...asked, body: { role: first.role } };
}

function kindOf({ intent }: IntentRequest): ChangeKind {
  return intent.kind === 'tags' ? 'tags' : 'revocation';
}

/** One event for the whole edit: what is told of tags is bounded, which tags it is about is not. */
function eventOf({ events }: Verdict): EditPlan['event'] {
  const [first] = events;
  if (first === undefined) return { action: 'tag.sign' };
  const { action, before, after } = first;
  return {
    action,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    tags: events.flatMap(({ tags = [] }) => tags),
  };
}

/** Tags of targets stay in the files where they are: nobody is asked to sign hundreds of bins for a move. */
function partsOf(state: IntentState, changes: BoardChanges): readonly EditPart[] {
  const { row, current, beside } = state;
  const layout = layoutOf(current.targets, current.bins);
  if (row.dialects.length > 1) assertFlat(layout, row.tagCount);
  const edits = editsByRole(changes);
  const { set, remove } = edits.get(TAG_ROLE) ?? noEdits;
  const flat = new Map<string, TargetEdits>(edits);
  const tuf = new Map<string, { set: NonNullable<TargetEdits['set']>; remove: readonly string[] }>(edits);
  tuf.delete(TAG_ROLE);
  const of = (tag: string) => tuf.get(roleOfTag(layout, tag)) ?? noEdits;
  for (const target of set) {
    const own = of(target.path);
    tuf.set(roleOfTag(layout, target.path), { ...own, set: [...own.set, target] });
  }
  for (const tag of remove) {
    const own = of(tag);
    tuf.set(roleOfTag(layout, tag), { ...own, remove: [...own.remove, tag] });
  }
  const { revoked, lifted } = changes;
  if (revoked.length + lifted.length > 0) tuf.set(REVOCATIONS_ROLE, { set: revoked, remove: lifted });
  return [
    { dialect: 'tuf', edit: { targets: tuf } },
    ...(beside === undefined || flat.size === 0
      ? []
      : [{ dialect: 'notary' as const, edit: { targets: flat } }]),
  ];
}
