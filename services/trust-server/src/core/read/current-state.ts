/** What is current in a repository, as one replica knows it: from the database, or from a publish of its own. */
import { type Database, type Queries, trustHeads, trustRepositories } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import { and, eq, inArray, isNotNull, isNull } from 'drizzle-orm';
import type { Announcement } from '../publish/announce.ts';
import type { Sealed } from '../publish/seal.ts';
import { headsIn, type Incarnation, readFile, readHeads, type StoredFile } from '../store/metadata.ts';

/** `incarnation` is 0 where there is no repository; each dialect that it has is a member. */
export interface Current {
  readonly incarnation: number;
  readonly tuf?: CurrentTuf;
  readonly notary?: CurrentNotary;
  /** When the database last said so; `mustAsk` when something newer is known to exist. */
  readonly checkedMs: number;
}

/** Clients ask for versions; only timestamp and the end of the roots are a matter of time. */
export interface CurrentTuf {
  readonly timestamp: StoredFile | undefined;
  readonly timestampVersion: number;
  readonly rootVersion: number;
}

/** Any role may be asked for by its name. Every publish moves timestamp, so its version stands for all of them. */
export interface CurrentNotary {
  readonly timestampVersion: number;
  readonly roles: ReadonlyMap<string, CurrentRole>;
}

export interface CurrentRole {
  readonly version: number;
  readonly sha256: string;
}

/** Too long ago for any clock: the next read asks. What is kept serves only while there is nobody to ask. */
export const mustAsk = Number.NEGATIVE_INFINITY;

/** Asks the database. What `before` knows and is still current is not read again. */
export async function loadCurrent(
  { db }: Database,
  repository: string,
  before: Current | undefined,
  checkedMs: number,
): Promise<Current> {
  const heads = await readTopHeads(db, repository);
  const incarnation = heads[0]?.incarnation;
  if (incarnation === undefined) return { incarnation: 0, checkedMs };
  const at = { repository, incarnation };
  const same = before?.incarnation === incarnation ? before : undefined;
  const versionOf = (dialect: DialectName, role: string): number | undefined =>
    heads.find((head) => head.dialect === dialect && head.role === role)?.version;
  const tuf = await loadTuf(db, at, versionOf('tuf', 'timestamp'), versionOf('tuf', 'root'), same?.tuf);
  const notary = await loadNotary(db, at, versionOf('notary', 'timestamp'), same?.notary);
  return { incarnation, ...(tuf && { tuf }), ...(notary && { notary }), checkedMs };
}

async function readTopHeads(queries: Queries, repository: string) {
  return await queries
    .select({
      incarnation: trustHeads.incarnation,
      dialect: trustHeads.dialect,
      role: trustHeads.role,
      version: trustHeads.version,
    })
    .from(trustRepositories)
    .innerJoin(
      trustHeads,
      and(
        eq(trustHeads.repository, trustRepositories.repository),
        eq(trustHeads.incarnation, trustRepositories.incarnation),
        inArray(trustHeads.role, ['root', 'timestamp']),
      ),
    )
    .where(
      and(
        eq(trustRepositories.repository, repository),
        isNull(trustRepositories.endedAt),
        isNotNull(trustRepositories.activatedAt),
      ),
    );
}

async function loadTuf(
  queries: Queries,
  at: Incarnation,
  timestampVersion: number | undefined,
  rootVersion: number | undefined,
  before: CurrentTuf | undefined,
): Promise<CurrentTuf | undefined> {
  if (timestampVersion === undefined || rootVersion === undefined) return undefined;
  const timestamp =
    before?.timestampVersion === timestampVersion
      ? before.timestamp
      : await readFile(queries, at, 'tuf', 'timestamp', timestampVersion);
  return { timestamp, timestampVersion, rootVersion };
}

async function loadNotary(
  queries: Queries,
  at: Incarnation,
  timestampVersion: number | undefined,
  before: CurrentNotary | undefined,
): Promise<CurrentNotary | undefined> {
  if (timestampVersion === undefined) return undefined;
  if (before?.timestampVersion === timestampVersion) return before;
  const heads = headsIn(await readHeads(queries, at), 'notary');
  const roles = new Map(
    Array.from(heads, ([role, { version, sha256 }]): [string, CurrentRole] => [role, { version, sha256 }]),
  );
  return { timestampVersion: heads.get('timestamp')?.version ?? timestampVersion, roles };
}

/**
 * What is current after a publish of this process; undefined when that cannot be told from what was known before,
 * since others may have published in between.
 */
export function afterPublish(
  before: Current | undefined,
  { incarnation }: Incarnation,
  files: readonly Sealed[],
  nowMs: number,
): Current | undefined {
  const same = before?.incarnation === incarnation ? before : undefined;
  const of = (dialect: DialectName): readonly Sealed[] => files.filter((file) => file.dialect === dialect);
  const tuf = of('tuf').length === 0 ? same?.tuf : tufAfter(same?.tuf, of('tuf'));
  const notary = of('notary').length === 0 ? same?.notary : notaryAfter(same?.notary, of('notary'));
  const isWhole =
    (of('tuf').length === 0 || tuf !== undefined) && (of('notary').length === 0 || notary !== undefined);
  const isAll = same !== undefined || files.some(({ role }) => role === 'root');
  if (!isWhole || !isAll) return undefined;
  // A publish says nothing about what another replica may have renewed.
  const checkedMs = same === undefined ? nowMs : same.checkedMs;
  return { incarnation, ...(tuf && { tuf }), ...(notary && { notary }), checkedMs };
}

function tufAfter(before: CurrentTuf | undefined, files: readonly Sealed[]): CurrentTuf | undefined {
  const timestamp = files.find(({ role }) => role === 'timestamp');
  const rootVersion = files.find(({ role }) => role === 'root')?.version ?? before?.rootVersion;
  if (timestamp === undefined || rootVersion === undefined) return undefined;
  return { timestamp: toStored(timestamp), timestampVersion: timestamp.version, rootVersion };
}

function notaryAfter(before: CurrentNotary | undefined, files: readonly Sealed[]): CurrentNotary | undefined {
  const version = files.find(({ role }) => role === 'timestamp')?.version;
  if (version === undefined || version !== (before?.timestampVersion ?? 0) + 1) return undefined;
  const roles = new Map(before?.roles);
  for (const file of files) roles.set(file.role, { version: file.version, sha256: file.sha256 });
  return { timestampVersion: version, roles };
}

/** A file as reads answer it. */
export function toStored({ bytes, sha256, issuedMs }: Sealed): StoredFile {
  return { bytes, sha256, publishedMs: issuedMs };
}

/** Whether `next` was overtaken by what is known already. */
export function isOlder(next: Current, before: Current): boolean {
  if (next.incarnation !== before.incarnation) {
    return next.incarnation !== 0 && next.incarnation < before.incarnation;
  }
  const version = (at: Current, dialect: DialectName): number => at[dialect]?.timestampVersion ?? 0;
  return (['tuf', 'notary'] as const).some((name) => version(next, name) < version(before, name));
}

/** Whether an announcement tells nothing new. */
export function isKnown(at: Current, { incarnation, versions }: Announcement): boolean {
  if (at.incarnation !== incarnation) return false;
  return (['tuf', 'notary'] as const).every(
    (name) => (at[name]?.timestampVersion ?? 0) >= (versions[name] ?? 0),
  );
}
