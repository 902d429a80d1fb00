/** Carries out an edit: published now where the service can sign every document, else a change for those who can. */
import type { Queries } from '@vidimus/database';
import { type Call, TrustError } from '../../service.ts';
import { approvalsFor } from '../approvals/approval-rules.ts';
import { assertVersionsKnown } from '../recovery/uncertain.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn } from '../store/repository-settings.ts';
import { assertCustody } from './custody.ts';
import type { Carried, EditParts, EditPlan } from './edit-plan.ts';
import { clearWay, openChange, shownIn, toChangeRow } from './open-change.ts';
import { documentsOfOthers, type PreparedPart, prepare } from './prepare.ts';
import { publishEdit, settingsAfter } from './publish-edit.ts';
import { toStoredPlan } from './stored-plan.ts';

/**
 * The caller holds the lock of `row`, and has looked at If-Match.
 * @throws TrustError VERSION_UNCERTAIN, CUSTODY_INVALID, KEY_INVALID, CHANGE_CONFLICT, WOULD_BREAK, SIGNER_UNAVAILABLE, DIALECTS_DISAGREE;
 * TufError EDIT_INVALID. Then nothing was written.
 */
export async function carryOut(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  planned: EditPlan,
): Promise<Carried> {
  const needed = approvalsFor(parts.approvals, row.repository, call.actor, planned);
  const plan: EditPlan = { ...planned, approvals: Math.max(planned.approvals ?? 0, needed) };
  assertOurs(row);
  const nowMs = parts.now();
  const made = (plan.made ?? []).map(({ key }) => key.keyId);
  const managed = new Set([...row.settings.managed, ...made]);
  const prepared = await prepareAll(parts, tx, row, plan, managed, nowMs);
  await assertCustody(parts, tx, row, plan, prepared, managed);
  const way = await clearWay(parts, tx, row, call, plan, rolesOf(prepared), nowMs);
  if ('change' in way) return { outcome: 'change', change: way.change, managed };

  const others = prepared.flatMap((part) => documentsOfOthers(part, managed));
  const waits = others.length > 0 || (plan.approvals ?? 0) > 0;
  const isWritten =
    !waits && call.dryRun !== true && (await isRootRemote(parts, tx, way.row, plan, prepared));
  if (waits || isWritten) {
    const shown = isWritten ? 'approved' : shownIn(plan);
    const change = await toChangeRow(parts, tx, way.row, call, plan, prepared, managed, nowMs, shown);
    if (call.dryRun === true) return { ...dryRun(plan, prepared, managed), change };
    if (isWritten) parts.keys.begun.add(row.repository);
    await openChange(parts, tx, way.row, call, plan, change, new Set([...way.row.settings.managed, ...made]));
    return { outcome: 'change', change, managed };
  }
  if (call.dryRun === true) return dryRun(plan, prepared, managed);
  await parts.keys.store(tx, way.row, plan.made ?? []);
  const stored = toStoredPlan(plan, [], nowMs);
  const edit = { call, plan: stored, prepared, collected: () => [], nowMs };
  return { outcome: 'published', ...(await publishEdit(parts, tx, way.row, edit)) };
}

/** While it is being brought over, the other server signs; after a restore nobody knows how far it had come. @throws TrustError VERSION_UNCERTAIN */
function assertOurs({ repository, settings }: RepositoryRow): void {
  assertVersionsKnown(repository, settings);
  if (settings.migration?.final !== false) return;
  throw new TrustError(
    'VERSION_UNCERTAIN',
    `${repository} is being migrated from another server and is read-only here until that is final`,
    { repository },
  );
}

/**
 * A signer of its own signs one root of a version and never another, and root passes no version over: its bytes are
 * written down before it is asked, as a change that waits for nobody. Whoever comes after a crash finishes that one.
 */
async function isRootRemote(
  { keys }: EditParts,
  tx: Queries,
  row: RepositoryRow,
  { made = [] }: EditPlan,
  prepared: readonly PreparedPart[],
): Promise<boolean> {
  const keyIds = prepared.flatMap(({ base, next }) =>
    next.root === undefined ? [] : [...base.documents.root.roles.root.keyIds, ...next.root.roles.root.keyIds],
  );
  if (keyIds.length === 0) return false;
  const isMade = made.some((key) => 'remote' in key && keyIds.includes(key.key.keyId));
  return isMade || (await keys.areRemote(tx, row, keyIds));
}

function dryRun(plan: EditPlan, prepared: readonly PreparedPart[], managed: ReadonlySet<string>) {
  return { outcome: 'dryRun' as const, versions: versionsOf(prepared), diff: plan.diff, managed };
}

async function prepareAll(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  plan: EditPlan,
  managed: ReadonlySet<string>,
  nowMs: number,
): Promise<readonly PreparedPart[]> {
  const { settings, tags } = toStoredPlan(plan, [], nowMs);
  const after = settingsAfter(row.settings, { made: [], retire: [], ...(settings && { settings }) });
  const every = tags !== undefined && row.dialects.length > 1;
  const prepared: PreparedPart[] = [];
  for (const part of plan.parts) {
    const lifetimesMs = lifetimesIn(after, part.dialect);
    prepared.push(await prepare(parts, tx, row, part, { managed, issuedMs: nowMs, lifetimesMs, every }));
  }
  return prepared;
}

/** The roles whose documents are made anew; those that follow by themselves are left out. */
function rolesOf(prepared: readonly PreparedPart[]): ReadonlySet<string> {
  return new Set(
    prepared.flatMap(({ next }) => [...(next.root === undefined ? [] : ['root']), ...next.targets.keys()]),
  );
}

/** Of the main dialect. */
function versionsOf(prepared: readonly PreparedPart[]): Readonly<Record<string, number>> {
  const [main] = prepared;
  if (main === undefined) return {};
  const { next, base } = main;
  const following = ['snapshot', 'timestamp'].map(
    (role) => [role, (base.highest.get(role) ?? 0) + 1] as const,
  );
  return Object.fromEntries([
    ...(next.root === undefined ? [] : [['root', next.root.version] as const]),
    ...Array.from(next.targets, ([role, { version }]) => [role, version] as const),
    ...following,
  ]);
}
