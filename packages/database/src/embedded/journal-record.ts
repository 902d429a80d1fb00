/**
 * The journal's records, as bytes: a fixed head, then JSON. Everything after the mark is under the record's hash.
 *
 *     mark 4 | kind 1 | seq 8 | length 4 | sha256 of (kind seq length payload) 32 | payload
 *
 * The mark begins with a byte that UTF-8 never contains, so no payload can look like a record.
 */
import { createHash } from 'node:crypto';

/** A value given to a statement. Objects and dates must have been encoded before: drivers disagree about them. */
export type Parameter = null | boolean | number | bigint | string | Uint8Array | readonly Parameter[];

/** A statement as it was run, and how many rows it changed then. */
export interface JournaledStatement {
  readonly sql: string;
  readonly params: readonly Parameter[];
  readonly rows: number;
}

/** What a committed (or about to be committed) transaction wrote. */
export interface WriteRecord {
  readonly kind: 'write';
  readonly seq: number;
  /** How many migrations the database had. */
  readonly schema: number;
  readonly statements: readonly JournaledStatement[];
}

/** The transaction of record `seq` was rolled back after all. */
export interface CancelRecord {
  readonly kind: 'cancel';
  readonly seq: number;
}

export type JournalRecord = WriteRecord | CancelRecord;

/** A record found in a segment; the payload of a write is parsed when asked for. */
export interface StoredRecord {
  readonly kind: JournalRecord['kind'];
  readonly seq: number;
  readonly payload: Uint8Array;
  /** Offset of the byte after it. */
  readonly end: number;
}

/** A larger transaction is refused before it is written: a reader must be able to hold it in memory. */
export const maxPayloadBytes = 256 * 1024 * 1024;

const mark = Uint8Array.of(0xff, 0x56, 0x4a, 0x01);
const hashedHeadBytes = 13;
const hashBytes = 32;
const headBytes = mark.length + hashedHeadBytes + hashBytes;
const kindBytes = { write: 1, cancel: 2 } as const;

/** The record's bytes. */
export function encodeRecord(record: JournalRecord): Buffer {
  const payload = record.kind === 'write' ? encodePayload(record) : Buffer.alloc(0);
  const head = Buffer.alloc(hashedHeadBytes);
  head.writeUInt8(kindBytes[record.kind], 0);
  head.writeBigUInt64BE(BigInt(record.seq), 1);
  head.writeUInt32BE(payload.length, 9);
  return Buffer.concat([mark, head, hashOf(head, payload), payload]);
}

/** The whole, undamaged record at the offset, or undefined. */
export function readRecord(bytes: Buffer, offset: number): StoredRecord | undefined {
  if (offset + headBytes > bytes.length || !bytes.subarray(offset, offset + mark.length).equals(mark))
    return undefined;
  const head = bytes.subarray(offset + mark.length, offset + mark.length + hashedHeadBytes);
  const kind = head.readUInt8(0) === kindBytes.write ? 'write' : 'cancel';
  const seq = Number(head.readBigUInt64BE(1));
  const length = head.readUInt32BE(9);
  const end = offset + headBytes + length;
  if (length > maxPayloadBytes || end > bytes.length || !Number.isSafeInteger(seq)) return undefined;
  const payload = bytes.subarray(offset + headBytes, end);
  const hash = bytes.subarray(offset + headBytes - hashBytes, offset + headBytes);
  return hash.equals(hashOf(head, payload)) ? { kind, seq, payload, end } : undefined;
}

/** True when an undamaged record begins anywhere at or after the offset. */
export function hasRecordAfter(bytes: Buffer, offset: number): boolean {
  for (let at = bytes.indexOf(mark, offset); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    if (readRecord(bytes, at) !== undefined) return true;
  }
  return false;
}

/** What a stored write says; undefined when its payload is not as `encodeRecord` writes it. */
export function parseWrite(stored: StoredRecord): WriteRecord | undefined {
  const value: unknown = JSON.parse(Buffer.from(stored.payload).toString('utf8'));
  if (!isObject(value)) return undefined;
  const { schema, statements } = value;
  if (typeof schema !== 'number' || !Array.isArray(statements)) return undefined;
  const parsed = statements.map(parseStatement);
  if (!parsed.every((statement) => statement !== undefined)) return undefined;
  return { kind: 'write', seq: stored.seq, schema, statements: parsed };
}

function encodePayload(record: WriteRecord): Buffer {
  const statements = record.statements.map(({ sql, params, rows }) => ({
    sql,
    params: params.map(tag),
    rows,
  }));
  return Buffer.from(JSON.stringify({ schema: record.schema, statements }));
}

/** JSON has no bytes and no big integers; they are written as one-field objects. */
function tag(value: Parameter): unknown {
  if (value instanceof Uint8Array) {
    return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (typeof value === 'bigint') return { integer: String(value) };
  if (isList(value)) return value.map(tag);
  return value;
}

function untag(value: unknown): Parameter | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (Array.isArray(value)) {
    const items = value.map(untag);
    return items.every((item) => item !== undefined) ? items : undefined;
  }
  if (!isObject(value)) return undefined;
  if (typeof value['bytes'] === 'string') return Uint8Array.from(Buffer.from(value['bytes'], 'base64'));
  return typeof value['integer'] === 'string' ? BigInt(value['integer']) : undefined;
}

function parseStatement(value: unknown): JournaledStatement | undefined {
  if (!isObject(value)) return undefined;
  const { sql, params, rows } = value;
  const untagged = untag(params);
  if (typeof sql !== 'string' || typeof rows !== 'number' || !isList(untagged)) return undefined;
  return { sql, params: untagged, rows };
}

function hashOf(head: Uint8Array, payload: Uint8Array): Buffer {
  return createHash('sha256').update(head).update(payload).digest();
}

function isList(value: Parameter | undefined): value is readonly Parameter[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
