/** Opens the change for an edit that others must sign, and settles which changes stand in its way. */
import { isDeepStrictEqual } from 'node:util';
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import type { Queries } from '@vidimus/database';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { stateOf } from '../changes/change-answer.ts';
import { changeExpiry, deadFor } from '../changes/proposed-root.ts';
import { codecOf } from '../dialects.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import {
  type ChangeRow,
  insertChange,
  readDeadChanges,
  readOpenChanges,
  type StoredDocument,
} from '../store/changes.ts';
import { readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { baseName, baseOf, hasMoved } from './change-base.ts';
import type { EditParts, EditPlan } from './edit-plan.ts';
import { endChange } from './end-change.ts';
import { documentsOfOthers, type OthersDocument, type PreparedPart } from './prepare.ts';
import { parsePlan, printPlan, toStoredPlan } from './stored-plan.ts';

export type Way =
  /** The same was asked for and waits. */
  | { readonly change: ChangeRow }
  /** Nothing stands in the way any more. */
  | { readonly row: RepositoryRow };

/**
 * There is one open change a role. What is over, or builds on what has moved, makes room.
 * @param roles - those that the edit makes anew
 * @throws TrustError CHANGE_CONFLICT
 */
export async function clearWay(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  plan: EditPlan,
  roles: ReadonlySet<string>,
  nowMs: number,
): Promise<Way> {
  const open = await readOpenChanges(tx, row);
  const delegations = plan.urgent === true ? new Set<string>() : new Set(editedDelegations(plan.parts));
  const inTheWay = open.filter(
    (change) =>
      change.documents.some(({ role }) => roles.has(role)) ||
      delegationsIn(change).some((role) => delegations.has(role)),
  );
  if (inTheWay.length === 0) return { row };
  const heads = await readHeads(tx, row);
  let current = row;
  for (const change of inTheWay) {
    const end = endOf(change, call, plan, hasMoved(row.dialects, heads, change), nowMs);
    if (end === undefined) return { change };
    if (call.dryRun !== true) current = await endChange(parts, tx, current, change, end, call, nowMs);
  }
  return { row: current };
}

/** Delegated roles that an edit gives other keys, paths or thresholds, or takes away. */
function editedDelegations(parts: EditPlan['parts']): readonly string[] {
  return parts
    .flatMap(({ edit }) => [...(edit.delegations?.values() ?? [])])
    .flatMap(({ set = [], remove = [] }) => [...set.map(({ name }) => name), ...remove]);
}

/** A change says all of a delegation: published later, it would undo what was said of it meanwhile. */
function delegationsIn({ kind, plan }: ChangeRow): readonly string[] {
  const isEdit = kind === 'delegation' || kind === 'rotation' || kind === 'key';
  return isEdit ? editedDelegations(parsePlan(plan)?.parts ?? []) : [];
}

/** How a change ends that stands in the way; undefined: it is what was asked for. */
function endOf(
  change: ChangeRow,
  call: Call,
  plan: EditPlan,
  isStale: boolean,
  nowMs: number,
): 'expired' | 'stale' | 'rejected' | undefined {
  if (stateOf(change, nowMs) === 'expired') return 'expired';
  if (isStale || plan.urgent === true) return 'stale';
  if (call.supersede === change.id) {
    assertMayEnd(call, change);
    return 'rejected';
  }
  const { method, path, body } = plan.request;
  if (change.kind === plan.kind && isDeepStrictEqual(change.edit, asStored({ method, path, body }))) {
    return undefined;
  }
  throw new TrustError(
    'CHANGE_CONFLICT',
    `change ${change.id} already proposes other documents: ${change.summary}`,
    { change: change.id },
  );
}

/** @throws TrustError DENIED */
function assertMayEnd({ actor, endsOthers }: Call, { id, createdBy }: ChangeRow): void {
  if (actor === createdBy || endsOthers === true) return;
  throw new TrustError('DENIED', `change ${id} is somebody else's: to supersede it is to reject it`, {
    change: id,
  });
}

/** As the database gives it back. */
function asStored(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The row of the change; nothing is stored yet. */
export async function toChangeRow(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  plan: EditPlan,
  prepared: readonly PreparedPart[],
  managed: ReadonlySet<string>,
  nowMs: number,
  shown = shownIn(plan),
): Promise<ChangeRow> {
  const issuedMs = toWholeSecond(nowMs);
  const others = prepared.flatMap((part) =>
    documentsOfOthers(part, managed, shown).map((document) => ({ part, document })),
  );
  const documents = others.map(({ part, document }) => toDocument(part, document));
  const expires = others.map(
    ({ part, document: { role, draft } }) =>
      [baseName(row.dialects, part.dialect, role), draft.expires] as const,
  );
  const stored = toStoredPlan(
    plan,
    prepared.map(({ dialect, edit, terms: { lifetimesMs } }) => ({ dialect, edit, lifetimesMs })),
    issuedMs,
  );
  const { kind, summary, diff, request, approvals = 0 } = plan;
  const until = Math.min(...expires.map(([, ms]) => ms));
  // What waits for nobody is published late rather than never.
  const waits = shown === shownIn(plan);
  return {
    id: parts.newId(),
    repository: row.repository,
    incarnation: row.incarnation,
    state: 'open',
    kind,
    edit: { ...request },
    times: {
      issued: printTime(issuedMs),
      expires: Object.fromEntries(expires.map(([name, ms]) => [name, printTime(ms)])),
    },
    documents,
    summary,
    diff: [...diff],
    base: baseOf(row.dialects, await readHeads(tx, row), documents),
    insteadOf: deadFor(await readDeadChanges(tx, row.repository, documents), documents),
    createdBy: call.actor,
    createdAtMs: issuedMs,
    expiresAtMs: waits ? changeExpiry(nowMs, until) : until,
    plan: printPlan(stored),
    approvals,
    signatures: [],
  };
}

/** Who approves reads the root, also where nobody but the service signs it; a moved root then makes the change stale. */
export function shownIn({
  approvals = 0,
  documents = [],
}: {
  readonly approvals?: number;
  readonly documents?: ChangeRow['documents'];
}): 'approved' | 'signed' {
  return approvals > 0 || documents.some(({ role }) => role === 'root') ? 'approved' : 'signed';
}

/** A document of an edit as a change keeps it. */
export function toDocument(
  { dialect }: Pick<PreparedPart, 'dialect'>,
  { role, draft, thresholds }: OthersDocument,
): StoredDocument {
  const message = codecOf(dialect).encode(draft);
  return {
    dialect,
    role,
    version: draft.version,
    toSign: toBase64(message),
    sha256: sha256Hex(message),
    thresholds: thresholds.map(({ of, threshold, keyIds }) => ({ of, threshold, keyIds: [...keyIds] })),
  };
}

/** Stores the change and the keys that were made for it. */
export async function openChange(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  plan: EditPlan,
  change: ChangeRow,
  managed: ReadonlySet<string>,
): Promise<void> {
  await parts.keys.store(tx, row, plan.made ?? []);
  await insertChange(tx, change);
  const event = {
    action: 'change.open',
    actor: call.actor,
    requestId: call.requestId,
    result: 'done' as const,
    change: change.id,
    after: { kind: change.kind, summary: change.summary },
  };
  const settings = { ...row.settings, managed: [...managed] };
  await appendEvents(parts, tx, row, [event], change.createdAtMs, { settings });
}
