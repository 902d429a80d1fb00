/** `PUT …/delegations/<name>`: who signs which tags from now on. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { Queries } from '@vidimus/database';
import { toPathPrefix } from '@vidimus/notary';
import { type Delegation, type DelegationSpec, type DialectName, nextDelegations } from '@vidimus/tuf';
import { durationToMs } from '../../duration.ts';
import type { PutDelegation } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { carryOut } from '../edits/carry-out.ts';
import type { Carried, EditPart, EditParts, EditPlan } from '../edits/edit-plan.ts';
import { placeOf } from '../publish/board.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { assertDelegator, type DelegatingState, readDelegatingState } from './delegating-state.ts';
import { type DelegationKeys, keysOf, resolveDelegationKeys } from './delegation-keys.ts';
import { assertDelegation, assertDelegationName, MAX_DELEGATED_ROLES } from './delegation-rules.ts';
import { allDelegations, delegationTo, documentOf, isSignersRole, parentOf } from './delegation-tree.ts';
import { type MovedTag, movedTags } from './moved-tags.ts';
import { type NamedSigners, nameOf, readSigners } from './signer-names.ts';

/** Tags that an error or an event tells. */
const maxTold = 100;

export interface AskedDelegation {
  readonly name: string;
  readonly body: PutDelegation;
  readonly request: EditPlan['request'];
}

export interface DelegationDone {
  /** Absent when it was so already. */
  readonly carried?: Carried;
  readonly keysAdded: readonly string[];
  readonly keysRemoved: readonly string[];
  readonly tagsGone: readonly string[];
  /** Tags in the file of the role. */
  readonly tagCount: number;
}

/** The caller holds the lock of `row`. @throws TrustError, TufError EDIT_INVALID */
export async function putDelegation(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  asked: AskedDelegation,
): Promise<DelegationDone> {
  const { name, body, request } = asked;
  assertDelegationName(name);
  const state = await readDelegatingState(parts, tx, row, call);
  const { current, documents } = state;
  assertDelegator(state, name);
  const delegator = parentOf(name);
  const wanted = { name, paths: body.paths, terminating: body.terminating ?? false };
  assertDelegation(wanted, {
    repository: row.repository,
    dialects: row.dialects,
    parent: delegationTo(current, delegator),
  });
  const before = delegationTo(current, name);
  if (before === undefined) assertRoom(state);

  const keys = await resolveDelegationKeys(parts.keys, row, name, body, documents);
  const names = await readSigners(tx, row);
  const specs = new Map(
    row.dialects.map((dialect) => [dialect, toSpec(dialect, wanted, body.threshold, keys)] as const),
  );
  const difference = keyDifference(state, name, keys);
  const tagCount = current.delegated?.get(name)?.targets.size ?? 0;
  const expiresMs = body.expiresAfter === undefined ? undefined : durationToMs(body.expiresAfter);
  const isSame =
    before !== undefined &&
    [...specs].every(([dialect, spec]) => saysTheSame(documents.get(dialect), spec)) &&
    (expiresMs === undefined || expiresMs === row.settings.lifetimesMs[name]) &&
    Object.entries(keys.signers).every(([keyId, signer]) => names.get(keyId) === signer);
  if (isSame) return { ...difference, tagsGone: [], tagCount };

  const next = nextDelegations(documentOf(current, delegator)?.delegations, { set: [specOf(specs, 'tuf')] });
  const moved = await movedTags(parts, tx, state, {
    delegator,
    delegations: next,
    ...(before === undefined ? { empty: name } : {}),
  });
  assertNoneOfOthers(name, moved);
  const told = {
    before:
      before &&
      toldOf(
        before,
        keysOf(current, name).map(({ keyId }) => keyId),
        names,
      ),
    after: toldOf(
      { ...wanted, threshold: body.threshold },
      specOf(specs, 'tuf').keys.map(({ keyId }) => keyId),
      new Map(Object.entries(keys.signers)),
    ),
  };
  const carried = await carryOut(parts, tx, row, call, {
    kind: 'delegation',
    summary: `${before === undefined ? 'delegate to' : 'change the delegation'} ${name}`,
    diff: [
      {
        role: delegator,
        what: `delegate ${wanted.paths.join(', ')} to ${name}`,
        ...(told.before && { before: printTold(told.before) }),
        after: printTold(told.after),
      },
    ],
    request,
    parts: [...specs].map(
      ([dialect, spec]): EditPart => ({
        dialect,
        edit: { delegations: new Map([[delegator, { set: [spec] }]]) },
      }),
    ),
    made: keys.made,
    retire: keys.retire,
    ...(expiresMs === undefined ? {} : { settings: { lifetimesMs: { [name]: expiresMs } } }),
    signers: keys.signers,
    event: {
      action: 'delegation.put',
      ...(told.before && { before: { role: name, ...told.before } }),
      after: { role: name, ...told.after, ...difference },
      tags: moved.map(({ tag }) => tag),
      roles: [name],
    },
    tags: toRows(moved),
  });
  return { carried, ...difference, tagsGone: goneOf(moved), tagCount };
}

/** Rows of tags that are found otherwise; which ones exactly is settled at publication. */
export function toRows(moved: readonly MovedTag[]): NonNullable<EditPlan['tags']> {
  return {
    set: moved.flatMap(({ after }) => after ?? []),
    remove: moved.flatMap(({ tag, after }) => (after === undefined ? [tag] : [])),
  };
}

/** Tags that are not found, or name something else. */
export function goneOf(moved: readonly MovedTag[]): readonly string[] {
  return moved.flatMap(({ tag, before, after }) =>
    before !== undefined && before.digest !== after?.digest ? [tag] : [],
  );
}

function assertRoom({ current }: DelegatingState): void {
  const signers = allDelegations(current).filter(({ delegation }) => isSignersRole(delegation.name));
  if (signers.length < MAX_DELEGATED_ROLES) return;
  throw new TrustError(
    'BODY_INVALID',
    `a repository has at most ${MAX_DELEGATED_ROLES} delegations: clients visit no more in one look-up`,
    { most: MAX_DELEGATED_ROLES },
  );
}

function toSpec(
  dialect: DialectName,
  wanted: Pick<DelegationSpec, 'name' | 'paths' | 'terminating'>,
  threshold: number,
  { keys }: DelegationKeys,
): DelegationSpec {
  const spec = { ...wanted, threshold, keys: keys.get(dialect) ?? [] };
  if (dialect === 'tuf') return spec;
  return { ...spec, pathPrefixes: wanted.paths.flatMap((path) => toPathPrefix(path) ?? []) };
}

function specOf(specs: ReadonlyMap<DialectName, DelegationSpec>, dialect: DialectName): DelegationSpec {
  const spec = specs.get(dialect);
  if (spec === undefined) throw new TrustError('INTERNAL', `nothing of the dialect ${dialect}`);
  return spec;
}

/** Key ids of all dialects together. */
function keyDifference(
  { documents }: DelegatingState,
  name: string,
  { keys }: DelegationKeys,
): Pick<DelegationDone, 'keysAdded' | 'keysRemoved'> {
  const old = new Set(
    [...documents.values()].flatMap((each) => keysOf(each, name).map(({ keyId }) => keyId)),
  );
  const next = new Set([...keys.values()].flatMap((each) => each.map(({ keyId }) => keyId)));
  return {
    keysAdded: [...next].filter((keyId) => !old.has(keyId)).sort(),
    keysRemoved: [...old].filter((keyId) => !next.has(keyId)).sort(),
  };
}

function saysTheSame(documents: DelegatingState['current'] | undefined, spec: DelegationSpec): boolean {
  const delegation = documents && delegationTo(documents, spec.name);
  if (documents === undefined || delegation === undefined) return false;
  const { paths = delegation.pathPrefixes, threshold, terminating, keyIds } = delegation;
  const ids = spec.keys.map(({ keyId }) => keyId).sort();
  return (
    String(paths) === String(spec.pathPrefixes ?? spec.paths) &&
    threshold === spec.threshold &&
    terminating === spec.terminating &&
    String([...keyIds].sort()) === String(ids) &&
    documents.delegated?.has(spec.name) === true
  );
}

/** A terminating role, or wider paths before others, would hide tags that somebody else vouches for. */
function assertNoneOfOthers(name: string, moved: readonly MovedTag[]): void {
  const isOf = (role: string): boolean => role === name || role.startsWith(`${name}/`);
  const lost = moved.filter(
    ({ before, after }) =>
      before !== undefined && before.digest !== after?.digest && !isOf(placeOf(before).role),
  );
  const [first] = lost;
  if (first?.before === undefined) return;
  throw new TrustError(
    'WOULD_BREAK',
    `tag ${first.tag} of role ${placeOf(first.before).role} would be found no more: ${name} would come before it`,
    { tags: lost.slice(0, maxTold).map(({ tag }) => tag), count: lost.length, reason: 'TAGS_HIDDEN' },
  );
}

interface Told extends JsonObject {
  readonly threshold: number;
  readonly paths: string[];
  readonly terminating: boolean;
  readonly signers: { readonly [name: string]: string[] };
}

function toldOf(
  { threshold, terminating, paths = [] }: Pick<Delegation, 'threshold' | 'terminating' | 'paths'>,
  keyIds: readonly string[],
  names: NamedSigners,
): Told {
  const signers = new Map<string, string[]>();
  for (const keyId of keyIds) {
    const name = nameOf(names, keyId);
    signers.set(name, [...(signers.get(name) ?? []), keyId]);
  }
  return { threshold, paths: [...paths], terminating, signers: Object.fromEntries(signers) };
}

function printTold({ threshold, paths, terminating, signers }: Told): string {
  const keys = Object.values(signers).reduce((sum, each) => sum + each.length, 0);
  const who = Object.keys(signers).join(', ');
  return `${threshold} of ${keys} keys (${who}) for ${paths.join(', ')}${terminating ? ', terminating' : ''}`;
}
