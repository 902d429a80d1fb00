/** Rows of `trust_metadata` and `trust_heads`: every signed file of every dialect, and which are current. */
import { type Queries, trustHeads, trustMetadata, trustRepositories } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import { and, desc, eq, inArray, isNull, max, type SQL } from 'drizzle-orm';
import { parseDialect } from '../dialects.ts';

export interface Incarnation {
  readonly repository: string;
  readonly incarnation: number;
}

/** A file ready to be stored. */
export interface MetadataRow {
  readonly dialect: DialectName;
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** When the service signs the role anew; absent when it cannot. */
  readonly resignAfterMs?: number;
}

/** The current file of a role. */
export interface Head {
  readonly dialect: DialectName;
  readonly role: string;
  readonly version: number;
  readonly sha256: string;
  readonly expiresMs: number;
  readonly resignAfterMs?: number;
}

/** The current files of one dialect, by role. */
export type RoleHeads = ReadonlyMap<string, Head>;

/** The current files of a repository. */
export type Heads = ReadonlyMap<DialectName, RoleHeads>;

const noHeads: RoleHeads = new Map();

/** The current files of one dialect; empty where the repository does not have it. */
export function headsIn(heads: Heads, dialect: DialectName): RoleHeads {
  return heads.get(dialect) ?? noHeads;
}

const headColumns = {
  dialect: trustHeads.dialect,
  role: trustHeads.role,
  version: trustHeads.version,
  sha256: trustHeads.sha256,
  expiresAt: trustHeads.expiresAt,
  resignAfter: trustHeads.resignAfter,
};

/** The current files of an incarnation, in one question for all its dialects. */
export async function readHeads(queries: Queries, { repository, incarnation }: Incarnation): Promise<Heads> {
  const rows = await queries
    .select(headColumns)
    .from(trustHeads)
    .where(and(eq(trustHeads.repository, repository), eq(trustHeads.incarnation, incarnation)));
  return toHeads(rows);
}

/** As `readHeads`, of whichever incarnation is live: asked together with its lock, it costs no round trip. */
export async function readLiveHeads(queries: Queries, repository: string): Promise<Heads> {
  const rows = await queries
    .select(headColumns)
    .from(trustHeads)
    .innerJoin(
      trustRepositories,
      and(
        eq(trustRepositories.repository, trustHeads.repository),
        eq(trustRepositories.incarnation, trustHeads.incarnation),
        isNull(trustRepositories.endedAt),
      ),
    )
    .where(eq(trustHeads.repository, repository));
  return toHeads(rows);
}

interface RawHead {
  readonly dialect: string;
  readonly role: string;
  readonly version: number;
  readonly sha256: string;
  readonly expiresAt: Date;
  readonly resignAfter: Date | null;
}

function toHeads(rows: readonly RawHead[]): Heads {
  const heads = new Map<DialectName, Map<string, Head>>();
  for (const row of rows) {
    const dialect = parseDialect(row.dialect);
    const roles = heads.get(dialect) ?? new Map<string, Head>();
    heads.set(dialect, roles);
    roles.set(row.role, {
      dialect,
      role: row.role,
      version: row.version,
      sha256: row.sha256,
      expiresMs: row.expiresAt.getTime(),
      ...(row.resignAfter === null ? {} : { resignAfterMs: row.resignAfter.getTime() }),
    });
  }
  return heads;
}

/** Sets when roles are looked at again; undefined: never. */
export async function scheduleHeads(
  tx: Queries,
  { repository, incarnation }: Incarnation,
  dialect: DialectName,
  roles: readonly string[],
  resignAfterMs: number | undefined,
): Promise<void> {
  if (roles.length === 0) return;
  await tx
    .update(trustHeads)
    .set({ resignAfter: resignAfterMs === undefined ? null : new Date(resignAfterMs) })
    .where(
      and(
        eq(trustHeads.repository, repository),
        eq(trustHeads.incarnation, incarnation),
        eq(trustHeads.dialect, dialect),
        inArray(trustHeads.role, [...roles]),
      ),
    );
}

/** A file as it was stored. */
export interface StoredFile {
  readonly bytes: Uint8Array;
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string;
  /** When it was published, milliseconds since 1970. */
  readonly publishedMs: number;
}

const fileColumns = {
  bytes: trustMetadata.bytes,
  sha256: trustMetadata.sha256,
  issuedAt: trustMetadata.issuedAt,
};

function toFile(
  row: { readonly bytes: Uint8Array; readonly sha256: string; readonly issuedAt: Date } | undefined,
): StoredFile | undefined {
  return row && { bytes: row.bytes, sha256: row.sha256, publishedMs: row.issuedAt.getTime() };
}

/** Every version of a role's file in one incarnation: never another repository's bytes. */
function filesOf({ repository, incarnation }: Incarnation, dialect: DialectName, role: string) {
  return and(
    eq(trustMetadata.repository, repository),
    eq(trustMetadata.incarnation, incarnation),
    eq(trustMetadata.dialect, dialect),
    eq(trustMetadata.role, role),
  );
}

/** The bytes of one file. */
export async function readFile(
  queries: Queries,
  at: Incarnation,
  dialect: DialectName,
  role: string,
  version: number,
): Promise<StoredFile | undefined> {
  const [row] = await queries
    .select(fileColumns)
    .from(trustMetadata)
    .where(and(filesOf(at, dialect, role), eq(trustMetadata.version, version)));
  return toFile(row);
}

/** The newest file of a role with this SHA-256, whatever its version. */
export async function readFileBySha256(
  queries: Queries,
  at: Incarnation,
  dialect: DialectName,
  role: string,
  sha256: string,
): Promise<StoredFile | undefined> {
  const [row] = await queries
    .select(fileColumns)
    .from(trustMetadata)
    .where(and(filesOf(at, dialect, role), eq(trustMetadata.sha256, sha256)))
    .orderBy(desc(trustMetadata.version))
    .limit(1);
  return toFile(row);
}

/** Joins a head to the file that it names. */
export function isFileOfHead(): SQL | undefined {
  return and(
    eq(trustMetadata.repository, trustHeads.repository),
    eq(trustMetadata.incarnation, trustHeads.incarnation),
    eq(trustMetadata.dialect, trustHeads.dialect),
    eq(trustMetadata.role, trustHeads.role),
    eq(trustMetadata.version, trustHeads.version),
  );
}

/** The current files of one dialect, by role: of all, or of those of these roles that exist. */
export async function readCurrentFiles(
  queries: Queries,
  { repository, incarnation }: Incarnation,
  dialect: DialectName,
  roles?: readonly string[],
): Promise<ReadonlyMap<string, StoredFile & { readonly version: number }>> {
  const rows = await queries
    .select({ role: trustMetadata.role, version: trustMetadata.version, ...fileColumns })
    .from(trustHeads)
    .innerJoin(trustMetadata, isFileOfHead())
    .where(
      and(
        eq(trustHeads.repository, repository),
        eq(trustHeads.incarnation, incarnation),
        eq(trustHeads.dialect, dialect),
        roles === undefined ? undefined : inArray(trustHeads.role, [...roles]),
      ),
    );
  return new Map(
    rows.map(({ role, version, issuedAt, ...file }) => [
      role,
      { ...file, version, publishedMs: issuedAt.getTime() },
    ]),
  );
}

/** A root of any incarnation, in the dialect whose roots stay served for ever: no version has two. */
export async function readRootFile(
  queries: Queries,
  repository: string,
  version: number,
): Promise<StoredFile | undefined> {
  const [row] = await queries
    .select(fileColumns)
    .from(trustMetadata)
    .where(
      and(
        eq(trustMetadata.repository, repository),
        eq(trustMetadata.dialect, 'tuf'),
        eq(trustMetadata.role, 'root'),
        eq(trustMetadata.version, version),
      ),
    )
    .orderBy(desc(trustMetadata.incarnation))
    .limit(1);
  return toFile(row);
}

/**
 * The highest version ever stored by role, all incarnations together.
 * @param floor - after a restore: there may have been any version up to it
 */
export async function highestVersions(
  queries: Queries,
  repository: string,
  dialect: DialectName,
  floor = 0,
): Promise<ReadonlyMap<string, number>> {
  const rows = await queries
    .select({ role: trustMetadata.role, version: max(trustMetadata.version) })
    .from(trustMetadata)
    .where(and(eq(trustMetadata.repository, repository), eq(trustMetadata.dialect, dialect)))
    .groupBy(trustMetadata.role);
  return new Map(rows.map((row) => [row.role, Math.max(floor, Number(row.version ?? 0))]));
}
