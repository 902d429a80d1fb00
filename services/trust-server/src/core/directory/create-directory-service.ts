/** The use cases of `DirectoryService`: entries are targets of `_directory`, edited as any document is. */
import { DIRECTORY_NAME } from '@vidimus/reference';
import {
  assertDirectoryPattern,
  directoryEntryBytes,
  type Target,
  type Targets,
  TufError,
} from '@vidimus/tuf';
import type { DirectoryService } from '../../directory-service.ts';
import { type Entry, type EntryPublished, entrySchema } from '../../schemas/index.ts';
import { type Call, type Outcome, TrustError } from '../../service.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { toOutcome } from '../edits/carried-outcome.ts';
import type { Published } from '../publish/publication.ts';
import { readView } from '../read/repository-view.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { guarded } from '../trust-errors.ts';
import { type EntryEdit, editEntry } from './edit-entry.ts';

export interface DirectoryServiceParts extends DialectParts {
  /** Told after the commit. */
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
}

export function createDirectoryService(parts: DirectoryServiceParts): DirectoryService {
  const { database, reader, states, now } = parts;
  const targets = async (): Promise<Targets['targets']> =>
    (await readView({ reader, states }, database.db, DIRECTORY_NAME)).targets?.targets ?? new Map();

  const edit = async (call: Call, entry: EntryEdit): Promise<Outcome<EntryPublished>> => {
    const { pattern } = entry;
    const edited = await editEntry(parts, call, entry);
    if (edited.outcome === 'same') {
      const body = { pattern, published: {} };
      return { outcome: 'done', body, ...(call.dryRun === true && { impact: { diff: [], versions: {} } }) };
    }
    if (edited.outcome === 'published') parts.onPublished(edited.row, edited.published);
    return await toOutcome(call, edited, now(), async (versions) => ({
      pattern,
      published: { ...versions },
    }));
  };

  return {
    listEntries: ({ limit, after = '' }) =>
      guarded(async () => {
        const entries = await targets();
        const patterns = [...entries.keys()].filter((pattern) => pattern > after).sort();
        const items = patterns.slice(0, limit).flatMap((pattern) => toEntry(entries.get(pattern)) ?? []);
        const last = patterns.length > limit ? patterns[limit - 1] : undefined;
        return { items, ...(last === undefined ? {} : { next: last }) };
      }),
    readEntry: (pattern) =>
      guarded(async () => {
        assertPattern(pattern);
        const entry = toEntry((await targets()).get(pattern));
        if (entry !== undefined) return entry;
        throw new TrustError('METADATA_UNKNOWN', 'the directory has no such entry', { pattern });
      }),
    putEntry: (call, pattern, body) =>
      guarded(async () => {
        assertPattern(pattern);
        return await edit(call, { pattern, body });
      }),
    deleteEntry: (call, pattern) =>
      guarded(async () => {
        assertPattern(pattern);
        return await edit(call, { pattern });
      }),
    readEntryFile: (pattern, sha256) =>
      guarded(async () => {
        const target = (await targets()).get(pattern);
        if (target?.custom === undefined || target.hashes.get('sha256') !== sha256) return undefined;
        return directoryEntryBytes(target.custom);
      }),
  };
}

/** @throws TrustError NAME_INVALID */
function assertPattern(pattern: string): void {
  try {
    assertDirectoryPattern(pattern);
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError('NAME_INVALID', cause.message, { pattern }, { cause });
  }
}

/** Undefined for what is no entry: nobody could have signed it here. */
function toEntry(target: Target | undefined): Entry | undefined {
  if (target === undefined) return undefined;
  const custom = typeof target.custom === 'object' && target.custom !== null ? target.custom : {};
  const entry = entrySchema.safeParse({ ...custom, pattern: target.path });
  return entry.success ? entry.data : undefined;
}
