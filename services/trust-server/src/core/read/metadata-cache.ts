/**
 * The hot path: metadata files from memory. Versioned files never change; which are current travels by NOTIFY and
 * is read again at least every second. Nothing here writes or signs.
 */
import { type Database, trustHeads, trustRepositories } from '@vidimus/database';
import { and, eq, inArray, isNotNull, isNull } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { MetadataFile, MetadataName } from '../../service.ts';
import type { Announcement } from '../publish/announce.ts';
import type { Published } from '../publish/publication.ts';
import { type Incarnation, readFile, readRootFile } from '../store/metadata.ts';
import { toTrustError } from '../trust-errors.ts';

/** No replica lags longer than this behind another one. */
const maxAgeMs = 1_000;
const defaultMaxBytes = 128 * 1024 * 1024;
const maxRepositories = 50_000;

export interface MetadataCacheParts {
  readonly database: Database;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Bytes of files kept in memory. */
  readonly maxBytes?: number;
  /** Told when the database could not be asked and older knowledge is served. */
  readonly onStale?: (error: unknown) => void;
}

export interface MetadataCache {
  /** At once, without a promise, when it is in memory and known to be current. */
  read(repository: string, name: MetadataName): MetadataFile | undefined | Promise<MetadataFile | undefined>;
  /** A publish of this process: its files are visible from here on. */
  published(at: Incarnation, published: Published): void;
  /** What another process announced. */
  announced(announcement: Announcement): void;
  /** Announcements may have been missed: everything current is looked at again. */
  forget(): void;
}

/** What is current in a repository; `incarnation` 0 where there is none. */
interface Current {
  readonly incarnation: number;
  readonly timestamp: MetadataFile | undefined;
  readonly timestampVersion: number;
  readonly rootVersion: number;
  /** When the database last said so; `mustAsk` when something newer is known to exist. */
  readonly checkedMs: number;
}

/** Too long ago for any clock: the next read asks. What is kept serves only while there is nobody to ask. */
const mustAsk = Number.NEGATIVE_INFINITY;

export function createMetadataCache(parts: MetadataCacheParts): MetadataCache {
  const files = new LRUCache<string, MetadataFile>({
    maxSize: parts.maxBytes ?? defaultMaxBytes,
    sizeCalculation: (file) => file.bytes.length + 512,
  });
  const known = new LRUCache<string, Current>({ max: maxRepositories });
  const asking = new Map<string, Promise<Current>>();

  /** Never goes back: an answer that was under way when something newer was published is dropped. */
  const learn = (repository: string, next: Current): Current => {
    const before = known.get(repository);
    const isOlder =
      before !== undefined &&
      (next.incarnation < before.incarnation ||
        (next.incarnation === before.incarnation && next.timestampVersion < before.timestampVersion));
    if (isOlder && next.incarnation !== 0) return before;
    known.set(repository, next);
    return next;
  };

  const ask = (repository: string): Promise<Current> => {
    const running = asking.get(repository);
    if (running !== undefined) return running;
    const asked: Promise<Current> = load(parts, repository, known.get(repository))
      // Something newer was heard of while this answer was under way: those who wait get it, nobody after them.
      .then((next) => (asking.get(repository) === asked ? learn(repository, next) : next))
      .catch((error: unknown) => {
        const before = known.get(repository);
        if (before === undefined) throw toTrustError(error);
        // Clients judge the age of what they get; an older timestamp is better than none.
        parts.onStale?.(error);
        const later = { ...before, checkedMs: parts.now() };
        known.set(repository, later);
        return later;
      })
      .finally(() => {
        if (asking.get(repository) === asked) asking.delete(repository);
      });
    asking.set(repository, asked);
    return asked;
  };

  const current = (repository: string): Current | Promise<Current> => {
    const at = known.get(repository);
    // A clock that was set back must not make old knowledge fresh for ever.
    if (at !== undefined && Math.abs(parts.now() - at.checkedMs) < maxAgeMs) return at;
    return ask(repository);
  };

  const fetchFile = async (
    repository: string,
    role: string,
    version: number,
    at: Current,
  ): Promise<MetadataFile | undefined> => {
    // Every refresh of every client asks for the root after the newest one.
    if (role === 'root' && at.incarnation !== 0 && version > at.rootVersion) return undefined;
    if (role !== 'root' && at.incarnation === 0) return undefined;
    const { db } = parts.database;
    const file =
      role === 'root'
        ? await readRootFile(db, repository, version)
        : await readFile(db, { repository, incarnation: at.incarnation }, 'tuf', role, version);
    if (file !== undefined) files.set(nameOf(repository, role, version), file);
    return file;
  };

  return {
    read: (repository, { role, version }) => {
      if (version !== undefined) {
        const file = files.get(nameOf(repository, role, version));
        if (file !== undefined) return file;
      }
      const at = current(repository);
      if (version === undefined) return at instanceof Promise ? at.then(timestampOf) : at.timestamp;
      const rest = async (): Promise<MetadataFile | undefined> => {
        try {
          return await fetchFile(repository, role, version, await at);
        } catch (error) {
          throw toTrustError(error);
        }
      };
      const isPastRoot =
        !(at instanceof Promise) && role === 'root' && at.incarnation !== 0 && version > at.rootVersion;
      return isPastRoot ? undefined : rest();
    },
    published: ({ repository, incarnation }, { versions, files: all }) => {
      const before = known.get(repository);
      const made = all.filter(({ dialect }) => dialect === 'tuf');
      for (const { role, version, bytes, sha256 } of made) {
        if (role !== 'timestamp') files.set(nameOf(repository, role, version), { bytes, sha256 });
      }
      const timestamp = made.find(({ role }) => role === 'timestamp');
      if (timestamp === undefined) return;
      asking.delete(repository);
      const rootVersion = versions['root'] ?? (before?.incarnation === incarnation ? before.rootVersion : 0);
      // Without the root's version the whole state is read again when it is asked for.
      if (rootVersion === 0) known.delete(repository);
      else {
        learn(repository, {
          incarnation,
          timestamp: { bytes: timestamp.bytes, sha256: timestamp.sha256 },
          timestampVersion: timestamp.version,
          rootVersion,
          // A publish says nothing about a root that another replica may have renewed.
          checkedMs: versions['root'] === undefined && before !== undefined ? before.checkedMs : parts.now(),
        });
      }
    },
    announced: ({ repository, incarnation, versions }) => {
      const at = known.get(repository);
      const hasEnded = Object.keys(versions).length === 0;
      const isKnown = at?.incarnation === incarnation && at.timestampVersion >= (versions.tuf ?? 0);
      if (isKnown && !hasEnded) return;
      asking.delete(repository);
      if (!hasEnded) {
        // Not forgotten: should the database be away now, an older timestamp is better than none.
        if (at !== undefined) known.set(repository, { ...at, checkedMs: mustAsk });
        return;
      }
      known.delete(repository);
      for (const name of files.keys()) if (name.startsWith(`${repository} `)) files.delete(name);
    },
    forget: () => {
      // A copy: what is set moves to the front of the list that is walked, which would never end.
      for (const [repository, at] of [...known.entries()])
        known.set(repository, { ...at, checkedMs: mustAsk });
      asking.clear();
    },
  };
}

function timestampOf({ timestamp }: Current): MetadataFile | undefined {
  return timestamp;
}

function nameOf(repository: string, role: string, version: number): string {
  return `${repository} ${version}.${role}`;
}

async function load(
  { database, now }: MetadataCacheParts,
  repository: string,
  before: Current | undefined,
): Promise<Current> {
  const checkedMs = now();
  const rows = await database.db
    .select({
      incarnation: trustHeads.incarnation,
      role: trustHeads.role,
      version: trustHeads.version,
    })
    .from(trustRepositories)
    .innerJoin(
      trustHeads,
      and(
        eq(trustHeads.repository, trustRepositories.repository),
        eq(trustHeads.incarnation, trustRepositories.incarnation),
        eq(trustHeads.dialect, 'tuf'),
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
  const timestamp = rows.find(({ role }) => role === 'timestamp');
  const root = rows.find(({ role }) => role === 'root');
  if (timestamp === undefined || root === undefined) {
    return { incarnation: 0, timestamp: undefined, timestampVersion: 0, rootVersion: 0, checkedMs };
  }
  const { incarnation, version } = timestamp;
  const isSame = before?.incarnation === incarnation && before.timestampVersion === version;
  const file = isSame
    ? before.timestamp
    : await readFile(database.db, { repository, incarnation }, 'tuf', 'timestamp', version);
  return {
    incarnation,
    timestamp: file,
    timestampVersion: version,
    rootVersion: root.version,
    checkedMs,
  };
}
