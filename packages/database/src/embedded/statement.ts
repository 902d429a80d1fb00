/**
 * What the journal must know of a statement: whether it writes, and whether running it again would write the same.
 * SQL comes from the program, values come as parameters; a look at the text guards against mistakes, not attackers.
 */
import { DatabaseError } from '../errors.ts';
import type { Parameter } from './journal-record.ts';

/** `savepoint` statements are journaled only beside writes, so that what was rolled back is rolled back again. */
export type StatementKind = 'read' | 'write' | 'savepoint';

const reads: ReadonlySet<string> = new Set(['select', 'values', 'table', 'show', 'set', 'notify']);
const writes: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge']);
const savepoints = /^(savepoint|release\s+savepoint|rollback\s+to\s+savepoint)\s/;
/** Ids and times come from the program: what the database makes up would differ in a replay. */
const madeUp =
  /\b(now|random|random_normal|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|gen_random_uuid|uuidv4|uuidv7|txid_current|pg_current_xact_id|currval|lastval)\s*\(|\b(current_timestamp|current_date|current_time|localtimestamp|localtime|current_user|session_user)\b/;
const sequences = /\b(nextval|setval)\s*\(/;
/** One session serves everybody here, so a session's lock excludes nobody. */
const sessionLocks = /\bpg_(try_)?advisory_(lock|lock_shared|unlock|unlock_shared|unlock_all)\s*\(/;

/** Reads a statement's kind. @throws DatabaseError NOT_REPLAYABLE */
export function classifyStatement(sql: string): StatementKind {
  const text = withoutQuotes(sql).trim().toLowerCase();
  const kind = kindOf(text);
  if (kind === undefined) throw notReplayable('only queries, writes and savepoints are run here', sql);
  if (sequences.test(text)) throw notReplayable('sequences are not journaled: number in the program', sql);
  if (sessionLocks.test(text))
    throw notReplayable('take pg_advisory_xact_lock: a session lock excludes nobody', sql);
  if (kind === 'write' && madeUp.test(text))
    throw notReplayable('give times and random values as parameters', sql);
  return kind;
}

/** Narrows what drizzle hands over to what the journal can keep. @throws DatabaseError NOT_REPLAYABLE */
export function toParameters(params: readonly unknown[]): readonly Parameter[] {
  return params.map((value) => {
    if (isParameter(value)) return value;
    throw notReplayable(`a parameter of type ${typeof value} is not encoded for the database`, '');
  });
}

function kindOf(text: string): StatementKind | undefined {
  if (savepoints.test(text)) return 'savepoint';
  const word = /^[(\s]*([a-z]+)/.exec(text)?.[1] ?? '';
  if (writes.has(word)) return 'write';
  if (reads.has(word)) return 'read';
  if (word !== 'with') return undefined;
  return /\b(insert|update|delete|merge)\b/.test(text) ? 'write' : 'read';
}

/** Names and literals in quotes say nothing about what a statement does; neither do comments. */
function withoutQuotes(sql: string): string {
  return sql.replace(/"(?:[^"]|"")*"|'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, (match) =>
    match.startsWith('-') || match.startsWith('/') ? ' ' : ' x ',
  );
}

function isParameter(value: unknown): value is Parameter {
  if (value === null || value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.every(isParameter);
  if (typeof value === 'number') return Number.isFinite(value);
  return ['boolean', 'bigint', 'string'].includes(typeof value);
}

function notReplayable(reason: string, sql: string): DatabaseError {
  return new DatabaseError('NOT_REPLAYABLE', { message: `${reason}: ${sql.slice(0, 200)}` });
}
