/** Plans new keys, another threshold or another lifetime for one role, in every dialect that has it. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { Queries } from '@vidimus/database';
import type { DelegationSpec, DialectEdit, DialectName, Key, RoleKeySet } from '@vidimus/tuf';
import { durationToMs } from '../../duration.ts';
import type { DiffEntry, KeyEntry } from '../../schemas/index.ts';
import type { EditParts, EditPlan } from '../edits/edit-plan.ts';
import { resolveKeys } from '../edits/resolve-keys.ts';
import { printDuration } from '../instants.ts';
import type { ManagedKey } from '../keys/managed-keys.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn } from '../store/repository-settings.ts';
import { findPlaces, isTopLevel, type RolePlace } from './role-places.ts';

export interface RotationRequest {
  readonly role: string;
  /** Absent: the keys stay. */
  readonly to?: readonly KeyEntry[];
  readonly threshold?: number;
  readonly expiresAfter?: string;
  readonly reason?: string;
  readonly request: EditPlan['request'];
}

/** A role in one dialect, before and after. */
interface Turn {
  readonly place: RolePlace;
  readonly next: RoleKeySet;
  readonly made: readonly ManagedKey[];
  readonly isNew: boolean;
}

/**
 * Undefined when the role is already as it was asked for.
 * @throws TrustError ROLE_UNKNOWN, CUSTODY_INVALID, KEY_INVALID, SIGNER_UNAVAILABLE
 */
export async function planRotation(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  request: RotationRequest,
): Promise<EditPlan | undefined> {
  const { role } = request;
  const turns: Turn[] = [];
  for (const place of await findPlaces(parts, tx, row, role)) {
    turns.push(await toTurn(parts, row, place, request));
  }
  const lifetime = lifetimeChange(row, request);
  const edited = turns.flatMap((turn) => toPart(turn, role, lifetime));
  if (edited.length === 0) return undefined;
  const before = turns.map(({ place }) => [place.dialect, place.roleKeys] as const);
  const after = turns.map(({ place, next }) => [place.dialect, toRoleKeys(next)] as const);
  const tells = { role, ...(request.reason === undefined ? {} : { reason: request.reason }) };
  return {
    kind: 'rotation',
    summary: summaryOf(row, request),
    diff: [...turns.flatMap((turn) => diffOf(row, role, turn)), ...lifetimeDiff(role, lifetime)],
    request: request.request,
    parts: edited,
    made: turns.flatMap(({ made }) => made),
    retire: turns.flatMap((turn) => retiredBy(row, turn)),
    ...(lifetime === undefined && role !== 'revocations'
      ? {}
      : { settings: settingsOf(role, turns, lifetime) }),
    event: {
      action: role === 'root' ? 'root.rotate' : 'role.rotate',
      before: { role, ...keysByDialect(before) },
      after: { ...tells, ...keysByDialect(after), ...(lifetime && { expiresAfter: lifetime.after }) },
      roles: [role],
    },
  };
}

interface LifetimeChange {
  readonly ms: number;
  /** As durations. */
  readonly before: string;
  readonly after: string;
}

function lifetimeChange(
  row: RepositoryRow,
  { role, expiresAfter }: RotationRequest,
): LifetimeChange | undefined {
  if (expiresAfter === undefined) return undefined;
  const ms = durationToMs(expiresAfter);
  const lifetimes = lifetimesIn(row.settings, 'tuf');
  const known = lifetimes.get(role) ?? lifetimes.get('targets') ?? 0;
  return known === ms ? undefined : { ms, before: printDuration(known), after: printDuration(ms) };
}

async function toTurn(
  parts: EditParts,
  row: RepositoryRow,
  place: RolePlace,
  { role, to, threshold = place.roleKeys.threshold }: RotationRequest,
): Promise<Turn> {
  if (to === undefined) {
    const isNew = threshold !== place.roleKeys.threshold;
    return { place, next: { keys: place.keys, threshold }, made: [], isNew };
  }
  const { keys, made } = await resolveKeys(parts.keys, row, place.dialect, role, to);
  return { place, next: { keys, threshold }, made, isNew: true };
}

/** In `notary` lifetimes below root are the dialect's own, except that of timestamp. */
function toPart(
  turn: Turn,
  role: string,
  lifetime: LifetimeChange | undefined,
): readonly { readonly dialect: DialectName; readonly edit: DialectEdit }[] {
  const { dialect } = turn.place;
  if (turn.isNew) return [{ dialect, edit: toEdit(role, turn) }];
  const lasts = dialect === 'tuf' || role === 'root' || role === 'timestamp';
  return lifetime === undefined || !lasts ? [] : [{ dialect, edit: toRenewal(role) }];
}

function toEdit(role: string, { place, next }: Turn): DialectEdit {
  if (isTopLevel(role)) return { roles: { [role]: next } };
  const { by = 'targets', delegation } = place.delegated ?? {};
  const { paths = [], pathPrefixes, terminating = false } = delegation ?? {};
  const spec: DelegationSpec = {
    ...next,
    name: role,
    terminating,
    paths,
    ...(pathPrefixes === undefined ? {} : { pathPrefixes }),
  };
  return { delegations: new Map([[by, { set: [spec] }]]) };
}

/** Signed anew for another time; snapshot and timestamp follow every publish. */
function toRenewal(role: string): DialectEdit {
  if (role === 'root') return { renewRoot: true };
  return role === 'snapshot' || role === 'timestamp' ? {} : { resign: new Set([role]) };
}

function settingsOf(
  role: string,
  [turn]: readonly Turn[],
  lifetime: LifetimeChange | undefined,
): NonNullable<EditPlan['settings']> {
  return {
    ...(lifetime === undefined ? {} : { lifetimesMs: { [role]: lifetime.ms } }),
    ...(role === 'revocations' && turn !== undefined ? { revocationsThreshold: turn.next.threshold } : {}),
  };
}

function retiredBy({ settings }: RepositoryRow, { place, next }: Turn): readonly string[] {
  const listed = new Set(next.keys.map(({ keyId }) => keyId));
  const managed = new Set(settings.managed);
  return place.roleKeys.keyIds.filter((keyId) => managed.has(keyId) && !listed.has(keyId));
}

function summaryOf(row: RepositoryRow, { role, to }: RotationRequest): string {
  const what = to === undefined ? `change ${role}` : `give ${role} other keys`;
  return `${what}: ${row.repository}`;
}

function diffOf(row: RepositoryRow, role: string, { place, next, isNew }: Turn): readonly DiffEntry[] {
  if (!isNew) return [];
  const where = row.dialects.length === 1 ? '' : ` in the dialect ${place.dialect}`;
  const told = ({ keyIds, threshold }: { keyIds: readonly string[]; threshold: number }): string =>
    `${threshold} of ${keyIds.join(' ')}`;
  return [
    { role, what: `keys of ${role}${where}`, before: told(place.roleKeys), after: told(toRoleKeys(next)) },
  ];
}

function lifetimeDiff(role: string, lifetime: LifetimeChange | undefined): readonly DiffEntry[] {
  if (lifetime === undefined) return [];
  return [{ role, what: `lifetime of ${role}`, before: lifetime.before, after: lifetime.after }];
}

function toRoleKeys({ keys, threshold }: RoleKeySet) {
  return { keyIds: keys.map(({ keyId }: Key) => keyId).sort(), threshold };
}

/** `tuf` goes without its name, as in other events. */
function keysByDialect(
  roles: readonly (readonly [
    DialectName,
    { readonly keyIds: readonly string[]; readonly threshold: number },
  ])[],
): JsonObject {
  const [main, ...others] = roles.map(([dialect, { keyIds, threshold }]) => ({
    dialect,
    keys: { keyIds: [...keyIds], threshold },
  }));
  const beside = Object.fromEntries(others.map(({ dialect, keys }) => [dialect, keys]));
  return { ...main?.keys, ...beside };
}
