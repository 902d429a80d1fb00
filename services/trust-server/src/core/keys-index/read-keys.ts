/** `GET …/keys`, `…/keys/<id>`, and the same over all repositories. */
import { type Queries, queryRows, trustChangeSignatures, trustChanges } from '@vidimus/database';
import { and, eq, inArray, max, sql } from 'drizzle-orm';
import type { FleetKey, KeyDetail } from '../../schemas/index.ts';
import { type Page, type PageRequest, TrustError } from '../../service.ts';
import { codecOf, mainDialect, parseDialect } from '../dialects.ts';
import { printTime } from '../instants.ts';
import { readActive } from '../read/repository-view.ts';
import { type Incarnation, readCurrentFiles } from '../store/metadata.ts';
import {
  findMaterial,
  type RevokedKey,
  type RoleKeyRow,
  readKeyEverywhere,
  readRevokedKeys,
  readRoleKeys,
} from './key-rows.ts';

/** Newest files of a fleet in which a key's signature is looked for. */
const filesLookedAt = 16;

/** @throws TrustError REPOSITORY_UNKNOWN */
export async function listKeys(
  queries: Queries,
  repository: string,
  { limit, after }: PageRequest,
): Promise<Page<KeyDetail>> {
  const at = await readActive(queries, repository);
  const keys = [...byMaterial(await readRoleKeys(queries, at))]
    .filter(([material]) => after === undefined || material > after)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = keys.slice(0, limit);
  const details = await describe(queries, at, new Set(at.settings.managed), new Map(shown));
  const last = shown.at(-1)?.[0];
  return { items: details, ...(keys.length > limit && last !== undefined ? { next: last } : {}) };
}

/** @throws TrustError REPOSITORY_UNKNOWN, KEY_UNKNOWN */
export async function readKey(queries: Queries, repository: string, id: string): Promise<KeyDetail> {
  const at = await readActive(queries, repository);
  const material = await findMaterial(queries, id, at);
  const rows = (await readRoleKeys(queries, at)).filter((row) => row.material === material);
  const managed = new Set(at.settings.managed);
  const [detail] =
    material === undefined ? [] : await describe(queries, at, managed, new Map([[material, rows]]));
  if (detail !== undefined) return detail;
  throw new TrustError('KEY_UNKNOWN', `no role of ${repository} lists key ${id}`, { repository, keyId: id });
}

/** @throws TrustError KEY_UNKNOWN */
export async function readFleetKey(
  queries: Queries,
  id: string,
  mayRead: (repository: string) => boolean,
  { limit, after }: PageRequest,
): Promise<FleetKey & { readonly next?: string }> {
  const material = await findMaterial(queries, id);
  const found = material === undefined ? [] : await readKeyEverywhere(queries, material);
  const rows = found.filter(({ repository }) => mayRead(repository));
  if (material === undefined || rows.length === 0) {
    throw new TrustError('KEY_UNKNOWN', `no role of any repository lists key ${id}`, { keyId: id });
  }
  const managed = await heldBefore(
    queries,
    rows.map(({ keyId }) => keyId),
  );
  const used = Math.max(await lastInFleet(queries, rows), await lastCollected(queries, rows));
  const revoked = (await readRevokedKeys(queries, [material])).get(material);
  const listed = rows.filter(({ untilMs }) => untilMs === undefined);
  const repositories = [...new Set(listed.map(({ repository }) => repository))].sort();
  const rest = repositories.filter((repository) => after === undefined || repository > after);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    ...toDetail(rows, managed, used, revoked),
    repositories: { total: repositories.length },
    items: shown.map((repository) => ({
      repository,
      roles: rolesOf(listed.filter((row) => row.repository === repository)),
    })),
    ...(rest.length > limit && last !== undefined ? { next: last } : {}),
  };
}

function byMaterial(rows: readonly RoleKeyRow[]): ReadonlyMap<string, readonly RoleKeyRow[]> {
  const keys = new Map<string, RoleKeyRow[]>();
  for (const row of rows) keys.set(row.material, [...(keys.get(row.material) ?? []), row]);
  return keys;
}

async function describe(
  queries: Queries,
  at: Incarnation,
  managed: ReadonlySet<string>,
  keys: ReadonlyMap<string, readonly RoleKeyRow[]>,
): Promise<KeyDetail[]> {
  const rows = [...keys.values()].flat();
  const ids = rows.map(({ keyId }) => keyId);
  const revoked = await readRevokedKeys(queries, [...keys.keys()], at.repository);
  const held = new Set([...managed, ...(await heldBefore(queries, ids))]);
  const signed = await lastSigned(queries, at, rows);
  const collected = await collectedBy(queries, at.repository, ids);
  const lastOf = (keyId: string): number => Math.max(signed.get(keyId) ?? 0, collected.get(keyId) ?? 0);
  return [...keys].flatMap(([material, own]) => {
    const used = Math.max(0, ...own.map(({ keyId }) => lastOf(keyId)));
    return own.length === 0 ? [] : [toDetail(own, held, used, revoked.get(material))];
  });
}

function toDetail(
  rows: readonly RoleKeyRow[],
  managed: ReadonlySet<string>,
  usedMs: number,
  revoked: RevokedKey | undefined,
): KeyDetail {
  const listed = rows.filter(({ untilMs }) => untilMs === undefined);
  const current = listed.length === 0 ? rows : listed;
  const dialects = [...new Set(current.map(({ dialect }) => dialect))].sort().reverse();
  const main = mainDialect(dialects);
  const shown = current.find(({ dialect }) => dialect === main) ?? rows[0];
  if (shown === undefined) throw new TrustError('INTERNAL', 'a key without a row');
  const ids = new Set(rows.flatMap(({ keyId, aliases, material }) => [keyId, ...aliases, material]));
  ids.delete(shown.keyId);
  const signer = rows.find((row) => row.signer !== undefined)?.signer;
  const roles = rolesOf(listed);
  return {
    keyId: shown.keyId,
    aliases: [...ids].sort(),
    type: shown.scheme,
    custody: rows.some(({ keyId }) => managed.has(keyId)) ? 'managed' : 'client',
    ...(signer === undefined ? {} : { signer }),
    roles,
    dialects,
    formerRoles: rolesOf(rows).filter((role) => !roles.includes(role)),
    createdAt: printTime(Math.min(...rows.map(({ sinceMs }) => sinceMs))),
    lastUsed: usedMs === 0 ? null : printTime(usedMs),
    ...(revoked === undefined ? {} : { revokedAt: printTime(revoked.revokedAtMs), reason: revoked.reason }),
  };
}

const rolesOf = (rows: readonly RoleKeyRow[]): string[] => [...new Set(rows.map(({ role }) => role))].sort();

/** Key ids that the service holds or held the private half of. */
async function heldBefore(queries: Queries, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await queryRows(
    queries,
    sql`select distinct key_id from key_keys where key_id in
      (select json_array_elements_text(${JSON.stringify(ids)}::text::json))`,
  );
  return new Set(rows.map((row) => String(row['key_id'])));
}

/** When each key signed a file that is current, by key id. */
async function lastSigned(
  queries: Queries,
  at: Incarnation,
  rows: readonly RoleKeyRow[],
): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>();
  const wanted = new Set(rows.map(({ keyId }) => keyId));
  for (const dialect of new Set(rows.map((row) => row.dialect))) {
    const roles = new Set(rows.filter((row) => row.dialect === dialect).map(({ role }) => role));
    const codec = codecOf(dialect);
    for (const { bytes, publishedMs } of (
      await readCurrentFiles(queries, at, dialect, [...roles])
    ).values()) {
      for (const { keyId } of codec.open(bytes, bytes.length).signatures) {
        if (wanted.has(keyId)) last.set(keyId, Math.max(last.get(keyId) ?? 0, publishedMs));
      }
    }
  }
  return last;
}

/** When each key last signed a change, by key id. */
async function collectedBy(
  queries: Queries,
  repository: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) return new Map();
  const rows = await queries
    .select({ keyId: trustChangeSignatures.keyId, at: max(trustChangeSignatures.signedAt) })
    .from(trustChangeSignatures)
    .innerJoin(trustChanges, eq(trustChanges.id, trustChangeSignatures.change))
    .where(and(eq(trustChanges.repository, repository), inArray(trustChangeSignatures.keyId, [...ids])))
    .groupBy(trustChangeSignatures.keyId);
  return new Map(rows.map(({ keyId, at }) => [keyId, at?.getTime() ?? 0]));
}

async function lastCollected(queries: Queries, rows: readonly RoleKeyRow[]): Promise<number> {
  const ids = [...new Set(rows.map(({ keyId }) => keyId))];
  const [found] = await queries
    .select({ at: max(trustChangeSignatures.signedAt) })
    .from(trustChangeSignatures)
    .where(inArray(trustChangeSignatures.keyId, ids));
  return found?.at?.getTime() ?? 0;
}

/** The newest of the files that list it among their signers, as far as a few files show. */
async function lastInFleet(queries: Queries, rows: readonly RoleKeyRow[]): Promise<number> {
  const ids = new Set(rows.map(({ keyId }) => keyId));
  const names = rows.map(({ repository, dialect, role }) => ({ repository, dialect, role }));
  const files = await queryRows(
    queries,
    sql`select m.dialect, m.bytes, extract(epoch from m.issued_at) * 1000 as published
      from json_to_recordset(${JSON.stringify(names)}::text::json) as n(repository text, dialect text, role text)
      join trust_heads h on h.repository = n.repository and h.dialect = n.dialect and h.role = n.role
      join trust_repositories r on r.repository = h.repository and r.incarnation = h.incarnation and r.ended_at is null
      join trust_metadata m on m.repository = h.repository and m.incarnation = h.incarnation
        and m.dialect = h.dialect and m.role = h.role and m.version = h.version
      order by m.issued_at desc limit ${filesLookedAt}`,
  );
  for (const { dialect, bytes, published } of files) {
    if (!(bytes instanceof Uint8Array)) continue;
    const { signatures } = codecOf(parseDialect(String(dialect))).open(bytes, bytes.length);
    if (signatures.some(({ keyId }) => ids.has(keyId))) return Math.trunc(Number(published));
  }
  return 0;
}
