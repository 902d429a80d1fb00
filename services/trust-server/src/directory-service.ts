/** The use cases behind the routes of the organisation's directory. */
import type { Entry, EntryPublished, PutEntry } from './schemas/index.ts';
import type { Call, Outcome, Page, PageRequest } from './service.ts';

export interface DirectoryService {
  /** Entries in the order of their patterns. @throws TrustError REPOSITORY_UNKNOWN where there is no directory */
  listEntries(page: PageRequest): Promise<Page<Entry>>;
  /** @throws TrustError METADATA_UNKNOWN, NAME_INVALID */
  readEntry(pattern: string): Promise<Entry>;
  /**
   * Published where the service holds the directory's targets keys, else a change for those who do; the same entry
   * again changes nothing.
   * @throws TrustError NAME_INVALID, BODY_INVALID (also for an entry that would contradict another one)
   */
  putEntry(call: Call, pattern: string, body: PutEntry): Promise<Outcome<EntryPublished>>;
  /** @throws TrustError METADATA_UNKNOWN, NAME_INVALID */
  deleteEntry(call: Call, pattern: string): Promise<Outcome<EntryPublished>>;
  /** The file of an entry as its target names it, if its hash is this one (64 hex digits). */
  readEntryFile(pattern: string, sha256: string): Promise<Uint8Array | undefined>;
}
