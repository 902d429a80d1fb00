/**
 * The signer's own account of what it was asked: one JSON object a line, each with the hash of the line before it, so
 * that a line that was changed or taken out shows. On disk before the answer leaves.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { isSha256Hex, sha256Hex } from '@vidimus/crypto';
import { appendPrivateFile, createPrivateFile, type Random } from '@vidimus/key-store';
import { z } from 'zod';
import { SignerError } from './errors.ts';

const FIRST = '0'.repeat(64);
const TAIL_BYTES = 2 ** 16;

const headSchema = z.looseObject({ n: z.int().positive(), previous: z.string().refine(isSha256Hex) });

export interface AuditEntry {
  readonly event: 'started' | 'signed' | 'repeated' | 'made' | 'destroyed' | 'refused';
  readonly code?: string;
  readonly keyId?: string;
  readonly repository?: string;
  readonly dialect?: string;
  readonly role?: string;
  readonly version?: number;
  readonly sha256?: string;
  readonly approvedBy?: readonly string[];
}

export interface AuditLog {
  /** On disk when this returns. */
  append(entry: AuditEntry): Promise<void>;
}

export interface AuditLogParts {
  readonly path: string;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Opens the log, which goes on where it ended. @throws SignerError RECORD_UNUSABLE */
export async function openAuditLog({ path, random, now }: AuditLogParts): Promise<AuditLog> {
  let { n, hash, endsTorn } = await readEnd(path, random);
  let last: Promise<unknown> = Promise.resolve();

  async function write(entry: AuditEntry): Promise<void> {
    const line = JSON.stringify({ n: n + 1, previous: hash, at: new Date(now()).toISOString(), ...entry });
    if (!(await appendPrivateFile(path, Buffer.from(`${endsTorn ? '\n' : ''}${line}\n`)))) {
      throw new SignerError('RECORD_UNUSABLE', 'the audit log is gone');
    }
    n += 1;
    hash = hashOf(line);
    endsTorn = false;
  }

  return {
    append: async (entry) => {
      const turn = last.then(() => write(entry));
      last = turn.catch(() => {
        // Part of the line may have been written.
        endsTorn = true;
      });
      await turn;
    },
  };
}

/**
 * Reads the whole log. A line that a crash tore is passed over: it says nothing.
 * @returns how many lines, and the hash of the last one: who keeps it sees later whether the end was cut off
 * @throws SignerError RECORD_UNUSABLE at the first line that does not follow the one before it
 */
export async function verifyAuditLog(
  path: string,
): Promise<{ readonly lines: number; readonly head: string }> {
  let lines = 0;
  let head = FIRST;
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    const entry = parse(line);
    if (entry === undefined) continue;
    if (entry.n !== lines + 1 || entry.previous !== head) {
      throw new SignerError(
        'RECORD_UNUSABLE',
        `line ${lines + 1} of the audit log does not follow the one before it`,
      );
    }
    lines = entry.n;
    head = hashOf(line);
  }
  return { lines, head };
}

interface End {
  readonly n: number;
  readonly hash: string;
  readonly endsTorn: boolean;
}

async function readEnd(path: string, random: Random): Promise<End> {
  if (!(await exists(path))) {
    await createPrivateFile(path, new Uint8Array(), random);
    return { n: 0, hash: FIRST, endsTorn: false };
  }
  const text = await readTail(path);
  const endsTorn = text !== '' && !text.endsWith('\n');
  for (const line of text.split('\n').reverse()) {
    const entry = parse(line);
    if (entry !== undefined) return { n: entry.n, hash: hashOf(line), endsTorn };
  }
  if (text.length < TAIL_BYTES) return { n: 0, hash: FIRST, endsTorn };
  throw new SignerError('RECORD_UNUSABLE', 'the end of the audit log cannot be read');
}

async function readTail(path: string): Promise<string> {
  const file: FileHandle = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    await file.close();
  }
}

/** Only a whole line ends in a brace: one that does and is none of ours was put there. @throws SignerError RECORD_UNUSABLE */
function parse(line: string): z.infer<typeof headSchema> | undefined {
  if (!line.endsWith('}')) return undefined;
  try {
    return headSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new SignerError('RECORD_UNUSABLE', 'a line of the audit log was altered', {}, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

function hashOf(line: string): string {
  return sha256Hex(Buffer.from(line));
}
