/**
 * The write-ahead journal of the embedded database, which does not fsync by itself: what a transaction wrote is on
 * stable storage here before its COMMIT is issued.
 *
 * `journal/<16 digits>.log`: segments named after their first sequence number. Sequence numbers have no gap. One
 * writer: the holder of the data directory's lock, one transaction at a time.
 */
import type { DatabaseWarning } from '../database.ts';
import { isDiskFull } from '../driver-error.ts';
import { DatabaseError } from '../errors.ts';
import type { Disk, DiskFile } from './disk.ts';
import {
  encodeRecord,
  hasRecordAfter,
  type JournalRecord,
  maxPayloadBytes,
  readRecord,
  type StoredRecord,
  type WriteRecord,
} from './journal-record.ts';

/** What a journal held when it was opened. */
export interface JournalContent {
  readonly journal: Journal;
  /** Writes in order, cancelled ones left out. */
  readonly writes: readonly StoredRecord[];
}

const segmentName = /^\d{16}\.log$/;
const keptSegments = 2;

/** An open journal. */
export class Journal {
  readonly #disk: Disk;
  /** First sequence numbers of the segments, ascending; the last one is written to. */
  #segments: readonly number[];
  #file: DiskFile;
  #size: number;
  #nextSeq: number;
  /** Why nothing may be written any more; set once. */
  #failure: DatabaseError | undefined;

  private constructor(
    disk: Disk,
    segments: readonly number[],
    file: DiskFile,
    size: number,
    nextSeq: number,
  ) {
    this.#disk = disk;
    this.#segments = segments;
    this.#file = file;
    this.#size = size;
    this.#nextSeq = nextSeq;
  }

  /**
   * Reads and checks every segment, cuts a torn last record off, and opens the last segment for appending.
   * @throws DatabaseError JOURNAL_CORRUPT
   */
  static async open(disk: Disk, warn: (warning: DatabaseWarning) => void): Promise<JournalContent> {
    const segments = (await disk.list())
      .filter((name) => segmentName.test(name))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
    const last = segments.at(-1);
    if (last === undefined) return { journal: await Journal.#create(disk), writes: [] };
    const { records, nextSeq, tail } = await readSegments(disk, segments);
    const file = await disk.open(nameOf(last), 'append');
    if (tail.torn) {
      await file.truncate(tail.size);
      await file.sync();
      warn({
        code: 'JOURNAL_TORN',
        message: `the journal ended in an unfinished record after ${nextSeq - 1}: cut off`,
      });
    }
    const cancelled = new Set(records.filter(({ kind }) => kind === 'cancel').map(({ seq }) => seq));
    const writes = records.filter(({ kind, seq }) => kind === 'write' && !cancelled.has(seq));
    return { journal: new Journal(disk, segments, file, tail.size, nextSeq), writes };
  }

  static async #create(disk: Disk): Promise<Journal> {
    const file = await createSegment(disk, 1);
    return new Journal(disk, [1], file, 0, 1);
  }

  /** The oldest sequence number that is kept. */
  get firstSeq(): number {
    return this.#segments[0] ?? this.#nextSeq;
  }

  /** The sequence number that the next write gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Bytes in the segment that is being written. */
  get segmentBytes(): number {
    return this.#size;
  }

  /** @throws DatabaseError READ_ONLY once an fsync has failed or a commit ended without an answer */
  assertWritable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Appends a write and returns when it is on stable storage; its seq must be `nextSeq`.
   * @throws DatabaseError DISK_FULL (nothing was written), READ_ONLY (until the next start)
   */
  async append(record: WriteRecord): Promise<void> {
    await this.#write(record);
    this.#nextSeq += 1;
  }

  /** Notes that the transaction of this write was rolled back. @throws DatabaseError as append */
  async cancel(seq: number): Promise<void> {
    try {
      await this.#write({ kind: 'cancel', seq });
    } catch (error) {
      // Later records must not follow one that counts as committed and is not.
      throw this.refuseWrites(`record ${seq} could not be cancelled`, error);
    }
  }

  /** Stops all writing until the next start, which finds out from the disk what is true. */
  refuseWrites(reason: string, cause: unknown): DatabaseError {
    this.#failure ??= new DatabaseError(
      'READ_ONLY',
      {
        message: `the embedded database takes no writes until it is started again: ${reason}`,
        hint: 'check the disk and its free space, then restart the service',
      },
      { cause },
    );
    return this.#failure;
  }

  /** Begins a new segment, after a checkpoint; keeps what a copy as old as the checkpoint before would need. */
  async startSegment(): Promise<void> {
    this.assertWritable();
    const file = await createSegment(this.#disk, this.#nextSeq).catch((error: unknown) =>
      this.#removeUnfinished(error),
    );
    await this.#file.close();
    this.#file = file;
    this.#size = 0;
    const all = [...this.#segments, this.#nextSeq];
    this.#segments = all.slice(-keptSegments);
    for (const segment of all.slice(0, -keptSegments)) await this.#disk.remove(nameOf(segment));
    await this.#disk.sync();
  }

  async close(): Promise<void> {
    this.#failure ??= new DatabaseError('CLOSED', { message: 'the database is closed' });
    await this.#file.close();
  }

  async #write(record: JournalRecord): Promise<void> {
    this.assertWritable();
    const bytes = encodeRecord(record);
    if (bytes.length > maxPayloadBytes) {
      throw new DatabaseError('STATEMENT', {
        message: `a transaction of ${bytes.length} bytes is too large to journal`,
      });
    }
    try {
      await this.#file.append(bytes);
    } catch (error) {
      throw await this.#takeBack(error);
    }
    try {
      await this.#file.sync();
    } catch (error) {
      // After a failed fsync the kernel may drop the pages and report success next time: never ask it again.
      const failure = this.refuseWrites('the disk did not confirm a write', error);
      await this.#file.truncate(this.#size).catch(() => undefined);
      throw isDiskFull(error) ? diskFull(error) : failure;
    }
    this.#size += bytes.length;
  }

  /** An empty segment must not stay behind: the present one goes on beyond its number. */
  async #removeUnfinished(error: unknown): Promise<never> {
    const name = nameOf(this.#nextSeq);
    try {
      if ((await this.#disk.list()).includes(name)) await this.#disk.remove(name);
    } catch (cause) {
      throw this.refuseWrites('an unfinished journal segment could not be removed', cause);
    }
    throw error;
  }

  async #takeBack(error: unknown): Promise<DatabaseError> {
    try {
      await this.#file.truncate(this.#size);
    } catch (cause) {
      return this.refuseWrites('half a record could not be taken back', cause);
    }
    return isDiskFull(error) ? diskFull(error) : this.refuseWrites('the disk refused a write', error);
  }
}

interface SegmentsRead {
  readonly records: readonly StoredRecord[];
  readonly nextSeq: number;
  /** The last segment: how many bytes are good, and whether an unfinished record follows them. */
  readonly tail: { readonly size: number; readonly torn: boolean };
}

async function readSegments(disk: Disk, segments: readonly number[]): Promise<SegmentsRead> {
  const records: StoredRecord[] = [];
  let nextSeq = segments[0] ?? 1;
  let tail = { size: 0, torn: false };
  for (const [index, segment] of segments.entries()) {
    if (segment !== nextSeq) throw corrupt(segment, `a segment that begins with ${nextSeq} is missing`);
    const bytes = Buffer.from(await disk.read(nameOf(segment)));
    let at = 0;
    for (let record = readRecord(bytes, at); record !== undefined; record = readRecord(bytes, at)) {
      if (record.kind === 'write' ? record.seq !== nextSeq : record.seq >= nextSeq) {
        throw corrupt(segment, `record ${record.seq} stands where ${nextSeq} belongs`);
      }
      if (record.kind === 'write') nextSeq += 1;
      records.push(record);
      at = record.end;
    }
    const torn = at < bytes.length;
    // A crash tears only the very end: damage before other records, or before other segments, is something else.
    if (torn && (index < segments.length - 1 || hasRecordAfter(bytes, at + 1))) {
      throw corrupt(segment, `record ${nextSeq} at byte ${at} is damaged`);
    }
    tail = { size: at, torn };
  }
  return { records, nextSeq, tail };
}

async function createSegment(disk: Disk, firstSeq: number): Promise<DiskFile> {
  const file = await disk.open(nameOf(firstSeq), 'create');
  await file.sync();
  await disk.sync();
  return file;
}

function nameOf(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, '0')}.log`;
}

function corrupt(segment: number, reason: string): DatabaseError {
  return new DatabaseError('JOURNAL_CORRUPT', {
    message: `journal/${nameOf(segment)}: ${reason}`,
    hint: 'restore db/ and journal/ together from one backup; do not delete the journal: it holds acknowledged writes',
  });
}

function diskFull(cause: unknown): DatabaseError {
  return new DatabaseError(
    'DISK_FULL',
    { message: 'no room for the journal: the write was not done', hint: 'make room on the disk' },
    { cause },
  );
}
