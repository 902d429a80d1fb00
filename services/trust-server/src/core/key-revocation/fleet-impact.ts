/** What the revocation of a key would do in every repository that lists it. */
import type { Queries } from '@vidimus/database';
import type { FleetImpact, FleetImpactItem, ImpactCounts, RevokeKey, Verdict } from '../../schemas/index.ts';
import { type PageRequest, TrustError } from '../../service.ts';
import { findMaterial, readKeyEverywhere } from '../keys-index/key-rows.ts';
import { readLive } from '../store/repositories.ts';
import { examine, shownKey } from './examine.ts';
import { verdictOf } from './print-impact.ts';
import { assertReplacement, toReplacement } from './replacement.ts';
import { wishOf } from './revoke-key.ts';

export interface FleetKeyPlaces {
  readonly material: string;
  readonly keyId: string;
  readonly signer?: string;
  /** Live repositories that list it, in the order of their names. */
  readonly repositories: readonly string[];
}

/** @throws TrustError KEY_UNKNOWN when no live repository lists it */
export async function findPlaces(queries: Queries, id: string): Promise<FleetKeyPlaces> {
  const material = await findMaterial(queries, id);
  const rows = material === undefined ? [] : await readKeyEverywhere(queries, material);
  const listed = rows.filter(({ untilMs }) => untilMs === undefined);
  if (material === undefined || listed.length === 0) {
    throw new TrustError('KEY_UNKNOWN', `no role of any repository lists key ${id}`, { keyId: id });
  }
  const signer = listed.find((row) => row.signer !== undefined)?.signer;
  return {
    material,
    keyId: shownKey(listed, material) ?? id,
    ...(signer === undefined ? {} : { signer }),
    repositories: [...new Set(listed.map(({ repository }) => repository))],
  };
}

/**
 * @param mayAccess - repositories that are looked into; all others are counted as denied
 * @throws TrustError KEY_UNKNOWN, KEY_INVALID
 */
export async function fleetImpact(
  queries: Queries,
  id: string,
  body: Pick<RevokeKey, 'replacement' | 'threshold' | 'force'>,
  mayAccess: (repository: string) => boolean,
  nowMs: number,
): Promise<FleetImpact> {
  const places = await findPlaces(queries, id);
  const may = places.repositories.filter(mayAccess);
  if (may.length === 0) {
    throw new TrustError('KEY_UNKNOWN', `no role of any repository lists key ${id}`, { keyId: id });
  }
  const items: FleetImpactItem[] = [];
  for (const repository of may) {
    const item = await impactIn(queries, repository, places, body, nowMs);
    if (item !== undefined) items.push(item);
  }
  const denied = places.repositories.length - may.length;
  const ends = items.map(({ clientsRefuseBy }) => clientsRefuseBy).sort();
  return {
    key: places.keyId,
    ...(places.signer === undefined ? {} : { signer: places.signer }),
    repositories: countsOf(items, denied),
    tags: { onlyThisKey: items.reduce((sum, item) => sum + item.tagsOnlyByThisKey.length, 0) },
    openChanges: items.flatMap(({ openChanges }) => openChanges),
    clientsRefuseBy: ends.at(-1) ?? null,
    items: [...items].sort((a, b) => rank(b) - rank(a)),
  };
}

/** What breaks comes first. */
function rank({ verdict }: FleetImpactItem): number {
  return verdict === 'break' ? 2 : verdict === 'needSignatures' ? 1 : 0;
}

function countsOf(items: readonly FleetImpactItem[], denied: number): ImpactCounts {
  const count = (verdict: Verdict): number => items.filter((item) => item.verdict === verdict).length;
  return {
    total: items.length + denied,
    safe: count('safe'),
    needSignatures: count('needSignatures'),
    break: count('break'),
    denied,
  };
}

/** Undefined for a repository that ended, or let go of the key, meanwhile. */
async function impactIn(
  queries: Queries,
  repository: string,
  { material, keyId }: FleetKeyPlaces,
  body: Pick<RevokeKey, 'replacement' | 'threshold' | 'force'>,
  nowMs: number,
): Promise<FleetImpactItem | undefined> {
  const row = await readLive(queries, repository);
  if (row?.activatedAtMs === undefined) return undefined;
  const replacement = toReplacement(body.replacement);
  try {
    const examined = await examine(queries, row, material, wishOf(body, replacement), nowMs);
    await assertReplacement(queries, examined, replacement);
    return { ...examined.impact, repository, verdict: verdictOf(examined.impact) };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    if (error.code === 'KEY_UNKNOWN') return undefined;
    // It would be refused there: for its owner to do, or because the replacement does not fit.
    return refusedItem(repository, keyId, nowMs);
  }
}

function refusedItem(repository: string, key: string, nowMs: number): FleetImpactItem {
  return {
    key,
    roles: [],
    tagsOnlyByThisKey: [],
    openChanges: [],
    usable: false,
    needs: 'replacement',
    waitsFor: [],
    clientsRefuseBy: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    repository,
    verdict: 'break',
  };
}

/** One page of it; counts stay those of all. */
export function pageOf(
  impact: FleetImpact,
  { limit, after }: PageRequest,
): FleetImpact & { readonly next?: string } {
  const from = after === undefined ? 0 : impact.items.findIndex(({ repository }) => repository === after) + 1;
  const items = impact.items.slice(from, from + limit);
  const last = items.at(-1);
  const isMore = from + limit < impact.items.length;
  return { ...impact, items, ...(isMore && last !== undefined ? { next: last.repository } : {}) };
}
