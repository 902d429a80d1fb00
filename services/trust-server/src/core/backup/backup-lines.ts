/**
 * The text of a backup: a head, one line a row, an end that counts them and hashes all before it. The file around it
 * is encrypted and authenticated (age); the end also tells a backup that was cut short while it was written.
 */
import { createHash, type Hash } from 'node:crypto';
import { z } from 'zod';
import { BackupError } from './backup-error.ts';

export const backupFormat = 'vidimus-backup';
export const backupVersion = 1;
/** A row of metadata: 5 MB of bytes in hex, with room. */
export const maxLineBytes = 32 * 1024 * 1024;

const masterSchema = z.strictObject({
  /** Base64 of 32 bytes. */
  key: z.string().max(64),
  fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
});

const headSchema = z.strictObject({
  format: z.literal(backupFormat),
  version: z.literal(backupVersion),
  /** RFC 3339: the state is the one of this moment. */
  at: z.string().max(32),
  /** How many migrations the database had. */
  migrations: z.int().min(1),
  /** What opens the wrapped keys; `root` is missing where the service that was backed up did not have it. */
  masterKeys: z.strictObject({ service: masterSchema, root: masterSchema.optional() }),
});

export type BackupHead = Readonly<z.infer<typeof headSchema>>;

const endSchema = z.strictObject({
  rows: z.record(z.string(), z.int().min(0)),
  /** Hex SHA-256 of every line before, each with its line feed. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** A row as `row_to_json` prints it. */
export interface BackupRow {
  readonly table: string;
  readonly json: string;
}

/** Writes lines in their order. */
export interface BackupWriter {
  head(head: BackupHead): Uint8Array;
  row(row: BackupRow): Uint8Array;
  end(): Uint8Array;
}

export function createBackupWriter(): BackupWriter {
  const hash = createHash('sha256');
  const rows = new Map<string, number>();
  const line = (word: string, json: string): Uint8Array => {
    const bytes = Buffer.from(`${word}\t${json}\n`);
    hash.update(bytes);
    return bytes;
  };
  return {
    head: (head) => line('head', JSON.stringify(head)),
    row: ({ table, json }) => {
      rows.set(table, (rows.get(table) ?? 0) + 1);
      return line(table, json);
    },
    end: () =>
      line('end', JSON.stringify({ rows: Object.fromEntries(rows), sha256: hash.copy().digest('hex') })),
  };
}

/**
 * Reads what `createBackupWriter` wrote: the head first, then each row, in bounded memory. Nothing that was yielded
 * counts before the end was reached.
 * @throws BackupError BACKUP_INVALID, BACKUP_TRUNCATED, BACKUP_NEWER
 */
export async function* readBackup(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly head: BackupHead } | { readonly row: BackupRow }> {
  const hash = createHash('sha256');
  const counted = new Map<string, number>();
  let isOver = false;
  let isFirst = true;
  for await (const line of linesOf(chunks)) {
    if (isOver) throw new BackupError('BACKUP_INVALID', 'the backup goes on after its end');
    const { word, json } = splitLine(line);
    if (isFirst !== (word === 'head'))
      throw new BackupError('BACKUP_INVALID', 'this is no backup of vidimus');
    isFirst = false;
    if (word === 'end') {
      assertEnd(json, counted, hash);
      isOver = true;
      continue;
    }
    hash.update(line);
    hash.update('\n');
    if (word === 'head') yield { head: readHead(json) };
    else {
      counted.set(word, (counted.get(word) ?? 0) + 1);
      yield { row: { table: word, json } };
    }
  }
  if (!isOver) throw new BackupError('BACKUP_TRUNCATED', 'the backup has no end: it was cut short');
}

function readHead(json: string): BackupHead {
  const value = parse(json);
  const newer = z.looseObject({ format: z.literal(backupFormat), version: z.int().min(2) }).safeParse(value);
  if (newer.success) throw new BackupError('BACKUP_NEWER', 'the backup was written by a newer vidimus');
  const head = headSchema.safeParse(value);
  if (head.success) return head.data;
  throw new BackupError('BACKUP_INVALID', 'this is no backup of vidimus');
}

function assertEnd(json: string, counted: ReadonlyMap<string, number>, hash: Hash): void {
  const end = endSchema.safeParse(parse(json));
  if (!end.success || end.data.sha256 !== hash.digest('hex')) {
    throw new BackupError('BACKUP_INVALID', 'the backup is not what was written: its hash differs');
  }
  const told = Object.entries(end.data.rows);
  const isSame = told.length === counted.size && told.every(([table, rows]) => counted.get(table) === rows);
  if (!isSame) throw new BackupError('BACKUP_INVALID', 'the backup does not hold the rows that it counts');
}

function splitLine(line: Buffer): { readonly word: string; readonly json: string } {
  const tab = line.indexOf('\t');
  if (tab < 1 || tab > 64) throw new BackupError('BACKUP_INVALID', 'this is no backup of vidimus');
  return { word: line.toString('latin1', 0, tab), json: line.toString('utf8', tab + 1) };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new BackupError('BACKUP_INVALID', 'a line of the backup is not JSON', { cause });
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
      yield Buffer.concat([...held, rest.subarray(0, at)]);
      held = [];
      size = 0;
      rest = rest.subarray(at + 1);
    }
    if (rest.length === 0) continue;
    held.push(Buffer.from(rest));
    size += rest.length;
    if (size > maxLineBytes) throw new BackupError('BACKUP_INVALID', 'a line of the backup is too long');
  }
  if (size > 0) throw new BackupError('BACKUP_TRUNCATED', 'the backup ends in the middle of a line');
}
