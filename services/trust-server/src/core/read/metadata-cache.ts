/**
 * The hot path: metadata files from memory. Versioned files never change; which are current travels by NOTIFY and
 * is read again at least every second. Nothing here writes or signs.
 */
import { isSha256Hex } from '@vidimus/crypto';
import type { Database } from '@vidimus/database';
import { LRUCache } from 'lru-cache';
import type { NotaryFile, NotaryQuestion } from '../../notary-service.ts';
import type { MetadataFile, MetadataName } from '../../service.ts';
import type { Announcement } from '../publish/announce.ts';
import type { Published } from '../publish/publication.ts';
import {
  type Incarnation,
  readFile,
  readFileBySha256,
  readRootFile,
  type StoredFile,
} from '../store/metadata.ts';
import { toTrustError } from '../trust-errors.ts';
import {
  afterPublish,
  type Current,
  isKnown,
  isOlder,
  loadCurrent,
  mustAsk,
  toStored,
} from './current-state.ts';

/** No replica lags longer than this behind another one. */
const maxAgeMs = 1_000;
const defaultMaxBytes = 128 * 1024 * 1024;
/** Repositories whose state is kept; one with many roles counts as several. */
const maxRepositories = 50_000;
const rolesPerUnit = 16;
/** Names without a repository that are kept, apart: whoever asks for names at random displaces nothing else. */
const defaultMaxAbsent = 4_096;

export interface MetadataCacheParts {
  readonly database: Database;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Bytes of files kept in memory. */
  readonly maxBytes?: number;
  /** Names without a repository that are remembered. */
  readonly maxAbsent?: number;
  /** Told when the database could not be asked and older knowledge is served. */
  readonly onStale?: (error: unknown) => void;
}

type Answer<T> = T | Promise<T>;

/** Each read answers at once, without a promise, when the file is in memory and known to be current. */
export interface MetadataCache {
  /** A file of the `tuf` dialect. */
  read(repository: string, name: MetadataName): Answer<MetadataFile | undefined>;
  /** A file of the `notary` dialect, of the live incarnation alone. */
  readNotary(repository: string, question: NotaryQuestion): Answer<NotaryFile | undefined>;
  has(repository: string): Answer<boolean>;
  /** A publish of this process: its files are visible from here on. */
  published(at: Incarnation, published: Published): void;
  /** What another process announced. */
  announced(announcement: Announcement): void;
  /** Announcements may have been missed: everything current is looked at again. */
  forget(): void;
}

export function createMetadataCache(parts: MetadataCacheParts): MetadataCache {
  const { database, now } = parts;
  const files = new LRUCache<string, StoredFile>({
    maxSize: parts.maxBytes ?? defaultMaxBytes,
    sizeCalculation: (file) => file.bytes.length + 512,
  });
  const states = createStates(parts);

  const readTuf = async (
    repository: string,
    role: string,
    version: number,
    at: Current,
  ): Promise<MetadataFile | undefined> => {
    // Every refresh of every client asks for the root after the newest one.
    if (isPastRoot(at, role, version)) return undefined;
    if (role !== 'root' && at.tuf === undefined) return undefined;
    const { db } = database;
    const file =
      role === 'root'
        ? await readRootFile(db, repository, version)
        : await readFile(db, { repository, incarnation: at.incarnation }, 'tuf', role, version);
    if (file !== undefined) files.set(nameOf(repository, role, version), file);
    return file;
  };

  /** Fetches a file and keeps it under its hash, and under `alias` where it was not asked for by hash. */
  const fetchNotary = async (
    name: (sha256: string) => string,
    alias: string | undefined,
    read: () => Promise<StoredFile | undefined>,
  ): Promise<NotaryFile | undefined> => {
    const found = await guard(read);
    if (found === undefined) return undefined;
    const file = files.get(name(found.sha256)) ?? found;
    files.set(name(file.sha256), file);
    if (alias !== undefined) files.set(alias, file);
    return file;
  };

  /** Every name holds repository, incarnation and role: no other repository's bytes can come out. */
  const readNotary = (
    repository: string,
    { role, version, sha256 }: NotaryQuestion,
    { incarnation, notary }: Current,
  ): Answer<NotaryFile | undefined> => {
    if (notary === undefined) return undefined;
    const at = { repository, incarnation };
    const name = (hash: string): string => `${repository} ${incarnation} ${role} ${hash}`;
    if (sha256 !== undefined) {
      if (!isSha256Hex(sha256)) return undefined;
      return (
        files.get(name(sha256)) ??
        fetchNotary(name, undefined, () => readFileBySha256(database.db, at, 'notary', role, sha256))
      );
    }
    const head = notary.roles.get(role);
    const wanted = version ?? head?.version;
    if (head === undefined || wanted === undefined || !Number.isSafeInteger(wanted)) return undefined;
    if (wanted < 1 || wanted > head.version) return undefined;
    const alias = wanted === head.version ? undefined : name(`v${wanted}`);
    return (
      files.get(alias ?? name(head.sha256)) ??
      fetchNotary(name, alias, () => readFile(database.db, at, 'notary', role, wanted))
    );
  };

  return {
    read: (repository, { role, version }) => {
      if (version !== undefined) {
        const file = files.get(nameOf(repository, role, version));
        if (file !== undefined) return file;
      }
      const at = states.current(repository);
      if (version === undefined) return then(at, ({ tuf }) => tuf?.timestamp);
      if (!(at instanceof Promise) && isPastRoot(at, role, version)) return undefined;
      return guard(async () => readTuf(repository, role, version, await at));
    },
    readNotary: (repository, question) =>
      then(states.current(repository), (at) => readNotary(repository, question, at)),
    has: (repository) => then(states.current(repository), ({ incarnation }) => incarnation !== 0),
    published: (at, { files: made }) => {
      const { repository, incarnation } = at;
      const stored = made.map((file) => ({ ...file, kept: toStored(file) }));
      for (const { dialect, role, version, sha256, kept } of stored) {
        if (dialect === 'notary') files.set(`${repository} ${incarnation} ${role} ${sha256}`, kept);
        else if (role !== 'timestamp') files.set(nameOf(repository, role, version), kept);
      }
      states.set(repository, afterPublish(states.peek(repository), at, made, now()));
    },
    announced: (announcement) => {
      const { repository } = announcement;
      if (!states.announced(announcement)) return;
      for (const name of files.keys()) if (name.startsWith(`${repository} `)) files.delete(name);
    },
    forget: () => states.forget(),
  };
}

/** Roots stay served when a repository has ended; only a live one says where they end. */
function isPastRoot({ tuf }: Current, role: string, version: number): boolean {
  return role === 'root' && tuf !== undefined && version > tuf.rootVersion;
}

function nameOf(repository: string, role: string, version: number): string {
  return `${repository} ${version}.${role}`;
}

function then<T, U>(value: Answer<T>, map: (value: T) => Answer<U>): Answer<U> {
  return value instanceof Promise ? value.then(map) : map(value);
}

async function guard<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw toTrustError(error);
  }
}

/** What is current in each repository; the one owner of that knowledge in the process. */
interface States {
  current(repository: string): Answer<Current>;
  /** What was known last, however old. */
  peek(repository: string): Current | undefined;
  /** Undefined: it is read again when it is asked for. */
  set(repository: string, next: Current | undefined): void;
  /** True when the repository has ended. */
  announced(announcement: Announcement): boolean;
  forget(): void;
}

function createStates({ database, now, onStale, maxAbsent }: MetadataCacheParts): States {
  const known = new LRUCache<string, Current>({
    maxSize: maxRepositories,
    sizeCalculation: ({ notary }) => 1 + Math.floor((notary?.roles.size ?? 0) / rolesPerUnit),
  });
  const absent = new LRUCache<string, Current>({ max: maxAbsent ?? defaultMaxAbsent });
  const asking = new Map<string, Promise<Current>>();
  const peek = (repository: string): Current | undefined => known.get(repository) ?? absent.get(repository);

  const keep = (repository: string, at: Current): void => {
    if (at.incarnation === 0) {
      known.delete(repository);
      absent.set(repository, at);
    } else {
      absent.delete(repository);
      known.set(repository, at);
    }
  };

  /** Never goes back: an answer that was under way when something newer was published is dropped. */
  const learn = (repository: string, next: Current): Current => {
    const before = known.get(repository);
    if (before !== undefined && isOlder(next, before)) return before;
    keep(repository, next);
    return next;
  };

  const ask = (repository: string): Promise<Current> => {
    const running = asking.get(repository);
    if (running !== undefined) return running;
    const asked: Promise<Current> = loadCurrent(database, repository, known.get(repository), now())
      // Something newer was heard of while this answer was under way: those who wait get it, nobody after them.
      .then((next) => (asking.get(repository) === asked ? learn(repository, next) : next))
      .catch((error: unknown) => {
        const before = peek(repository);
        if (before === undefined) throw toTrustError(error);
        // Clients judge the age of what they get; an older timestamp is better than none.
        onStale?.(error);
        const later = { ...before, checkedMs: now() };
        keep(repository, later);
        return later;
      })
      .finally(() => {
        if (asking.get(repository) === asked) asking.delete(repository);
      });
    asking.set(repository, asked);
    return asked;
  };

  return {
    current: (repository) => {
      const at = peek(repository);
      // A clock that was set back must not make old knowledge fresh for ever.
      if (at !== undefined && Math.abs(now() - at.checkedMs) < maxAgeMs) return at;
      return ask(repository);
    },
    peek,
    set: (repository, next) => {
      asking.delete(repository);
      if (next !== undefined) learn(repository, next);
      else {
        known.delete(repository);
        absent.delete(repository);
      }
    },
    announced: (announcement) => {
      const { repository, versions } = announcement;
      const at = known.get(repository);
      const hasEnded = Object.keys(versions).length === 0;
      if (!hasEnded && at !== undefined && isKnown(at, announcement)) return false;
      asking.delete(repository);
      absent.delete(repository);
      // Not forgotten: should the database be away now, an older timestamp is better than none.
      if (!hasEnded && at !== undefined) known.set(repository, { ...at, checkedMs: mustAsk });
      else known.delete(repository);
      return hasEnded;
    },
    forget: () => {
      // Copies: what is set moves to the front of the list that is walked, which would never end.
      for (const lot of [known, absent]) {
        for (const [repository, at] of [...lot.entries()]) lot.set(repository, { ...at, checkedMs: mustAsk });
      }
      asking.clear();
    },
  };
}
