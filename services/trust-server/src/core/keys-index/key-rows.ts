/** Rows of `trust_role_keys` and `trust_revoked_keys`, read by key. */
import { type Queries, trustRepositories, trustRevokedKeys, trustRoleKeys } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import { and, asc, eq, inArray, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm';
import { parseDialect } from '../dialects.ts';
import type { Incarnation } from '../store/metadata.ts';

/** That a role lists, or listed, a key. */
export interface RoleKeyRow extends Incarnation {
  readonly dialect: DialectName;
  readonly role: string;
  readonly keyId: string;
  readonly material: string;
  readonly aliases: readonly string[];
  readonly scheme: string;
  readonly signer?: string;
  readonly sinceMs: number;
  /** Absent while it is listed. */
  readonly untilMs?: number;
}

const columns = {
  repository: trustRoleKeys.repository,
  incarnation: trustRoleKeys.incarnation,
  dialect: trustRoleKeys.dialect,
  role: trustRoleKeys.role,
  keyId: trustRoleKeys.keyId,
  material: trustRoleKeys.material,
  aliases: trustRoleKeys.aliases,
  scheme: trustRoleKeys.scheme,
  signer: trustRoleKeys.signer,
  since: trustRoleKeys.since,
  until: trustRoleKeys.until,
};

/** By any of its ids: of a dialect, of a client, of its certificate or of the public key itself. */
const isKey = (id: string): SQL | undefined =>
  or(
    eq(trustRoleKeys.keyId, id),
    eq(trustRoleKeys.material, id),
    sql`${trustRoleKeys.aliases} @> array[${id}]::text[]`,
  );

const inIncarnation = ({ repository, incarnation }: Incarnation): SQL | undefined =>
  and(eq(trustRoleKeys.repository, repository), eq(trustRoleKeys.incarnation, incarnation));

/** Every key that an incarnation lists or listed. */
export async function readRoleKeys(queries: Queries, at: Incarnation): Promise<readonly RoleKeyRow[]> {
  return await select(queries, inIncarnation(at));
}

/** The public key that an id means, hex; undefined for one that no role of an incarnation ever listed. */
export async function findMaterial(
  queries: Queries,
  id: string,
  at?: Incarnation,
): Promise<string | undefined> {
  const [row] = await queries
    .select({ material: trustRoleKeys.material })
    .from(trustRoleKeys)
    .where(and(isKey(id), at === undefined ? undefined : inIncarnation(at)))
    .limit(1);
  return row?.material;
}

/** Rows of one public key in live repositories, in the order of their names. */
export async function readKeyEverywhere(queries: Queries, material: string): Promise<readonly RoleKeyRow[]> {
  const rows = await queries
    .select(columns)
    .from(trustRoleKeys)
    .innerJoin(
      trustRepositories,
      and(
        eq(trustRepositories.repository, trustRoleKeys.repository),
        eq(trustRepositories.incarnation, trustRoleKeys.incarnation),
        isNull(trustRepositories.endedAt),
        isNotNull(trustRepositories.activatedAt),
      ),
    )
    .where(eq(trustRoleKeys.material, material))
    .orderBy(asc(trustRoleKeys.repository), asc(trustRoleKeys.since));
  return rows.map(toRow);
}

async function select(queries: Queries, where: SQL | undefined): Promise<readonly RoleKeyRow[]> {
  const rows = await queries
    .select(columns)
    .from(trustRoleKeys)
    .where(where)
    .orderBy(asc(trustRoleKeys.since), asc(trustRoleKeys.keyId));
  return rows.map(toRow);
}

interface RawRow {
  readonly repository: string;
  readonly incarnation: number;
  readonly dialect: string;
  readonly role: string;
  readonly keyId: string;
  readonly material: string;
  readonly aliases: readonly string[];
  readonly scheme: string;
  readonly signer: string | null;
  readonly since: Date;
  readonly until: Date | null;
}

function toRow({ dialect, signer, since, until, ...row }: RawRow): RoleKeyRow {
  return {
    ...row,
    dialect: parseDialect(dialect),
    ...(signer === null ? {} : { signer }),
    sinceMs: since.getTime(),
    ...(until === null ? {} : { untilMs: until.getTime() }),
  };
}

/** A key that was taken back. */
export interface RevokedKey {
  readonly material: string;
  /** Absent: everywhere. */
  readonly repository?: string;
  readonly reason: string;
  readonly compromisedSinceMs?: number;
  readonly revokedAtMs: number;
  readonly actor: string;
}

/** Of these keys those that were revoked in a repository or everywhere; the earliest of each. */
export async function readRevokedKeys(
  queries: Queries,
  materials: readonly string[],
  repository?: string,
): Promise<ReadonlyMap<string, RevokedKey>> {
  if (materials.length === 0) return new Map();
  const rows = await queries
    .select({
      material: trustRevokedKeys.material,
      repository: trustRevokedKeys.repository,
      reason: trustRevokedKeys.reason,
      compromisedSince: trustRevokedKeys.compromisedSince,
      revokedAt: trustRevokedKeys.revokedAt,
      actor: trustRevokedKeys.actor,
    })
    .from(trustRevokedKeys)
    .where(
      and(
        inArray(trustRevokedKeys.material, [...materials]),
        or(
          isNull(trustRevokedKeys.repository),
          repository === undefined ? undefined : eq(trustRevokedKeys.repository, repository),
        ),
      ),
    )
    .orderBy(asc(trustRevokedKeys.revokedAt));
  const revoked = new Map<string, RevokedKey>();
  for (const { repository: where, compromisedSince, revokedAt, ...row } of rows) {
    if (revoked.has(row.material)) continue;
    revoked.set(row.material, {
      ...row,
      ...(where === null ? {} : { repository: where }),
      ...(compromisedSince === null ? {} : { compromisedSinceMs: compromisedSince.getTime() }),
      revokedAtMs: revokedAt.getTime(),
    });
  }
  return revoked;
}

/** Writes down that a key was taken back; the first time stays. */
export async function insertRevokedKey(
  tx: Queries,
  id: string,
  { material, repository, reason, compromisedSinceMs, revokedAtMs, actor }: RevokedKey,
): Promise<void> {
  await tx
    .insert(trustRevokedKeys)
    .values({
      id,
      material,
      repository: repository ?? null,
      reason,
      compromisedSince: compromisedSinceMs === undefined ? null : new Date(compromisedSinceMs),
      revokedAt: new Date(revokedAtMs),
      actor,
    })
    .onConflictDoNothing();
}

/** A key that was taken back and that a role still lists: a revocation was refused there, or waits. */
export interface StillListed {
  readonly role: string;
  readonly keyId: string;
}

/** In live repositories, by name; of one of them if it is named. */
export async function readStillListed(
  queries: Queries,
  repository?: string,
): Promise<ReadonlyMap<string, readonly StillListed[]>> {
  const rows = await queries
    .selectDistinct({
      repository: trustRoleKeys.repository,
      role: trustRoleKeys.role,
      keyId: trustRoleKeys.keyId,
    })
    .from(trustRevokedKeys)
    .innerJoin(
      trustRoleKeys,
      and(
        eq(trustRoleKeys.material, trustRevokedKeys.material),
        isNull(trustRoleKeys.until),
        or(isNull(trustRevokedKeys.repository), eq(trustRevokedKeys.repository, trustRoleKeys.repository)),
      ),
    )
    .innerJoin(
      trustRepositories,
      and(
        eq(trustRepositories.repository, trustRoleKeys.repository),
        eq(trustRepositories.incarnation, trustRoleKeys.incarnation),
        isNull(trustRepositories.endedAt),
      ),
    )
    .where(repository === undefined ? undefined : eq(trustRoleKeys.repository, repository))
    .orderBy(asc(trustRoleKeys.role), asc(trustRoleKeys.keyId));
  const listed = new Map<string, StillListed[]>();
  for (const { repository: name, ...row } of rows) listed.set(name, [...(listed.get(name) ?? []), row]);
  return listed;
}
