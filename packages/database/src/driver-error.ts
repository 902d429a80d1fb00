/** Reads the errors of drizzle, postgres.js, PGlite and the operating system as DatabaseErrors. */
import { DrizzleQueryError } from 'drizzle-orm';
import { DatabaseError, type DatabaseErrorCode } from './errors.ts';

const maxCauses = 8;

/** SQLSTATEs and their classes (first two characters): PostgreSQL documentation, appendix A. */
const codeOfSqlState: ReadonlyMap<string, DatabaseErrorCode> = new Map([
  ['23', 'CONSTRAINT'],
  ['40', 'SERIALIZATION'],
  ['08', 'UNAVAILABLE'],
  ['57P01', 'UNAVAILABLE'],
  ['57P02', 'UNAVAILABLE'],
  ['57P03', 'UNAVAILABLE'],
  ['57P05', 'UNAVAILABLE'],
  ['53300', 'UNAVAILABLE'],
  ['28', 'UNAVAILABLE'],
  ['3D000', 'UNAVAILABLE'],
  ['57014', 'TIMEOUT'],
  ['55P03', 'TIMEOUT'],
  ['25P03', 'TIMEOUT'],
  ['25006', 'READ_ONLY'],
  ['53100', 'DISK_FULL'],
]);

/** Codes of postgres.js (its README, "Error handling") and of Node's sockets. */
const connectionCodes: ReadonlySet<string> = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EPIPE',
  'ENOENT',
  'SASL_SIGNATURE_MISMATCH',
]);

/** WASI errno `nospc`; the engine's file system throws objects that are no Errors. */
const wasiNoSpace = 51;
const diskFullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * The DatabaseError that this error is or stands for, looked up along its causes; undefined when the error
 * did not come from the database. Socket and file errors count only where drizzle reported them, so that a
 * refused connection to some other service is not mistaken for a database that is down.
 */
export function toDatabaseError(error: unknown): DatabaseError | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < maxCauses && current instanceof Error; depth += 1) {
    if (current instanceof DatabaseError) return current;
    if (current instanceof DrizzleQueryError) return fromDriver(current.cause);
    current = current.cause;
  }
  return undefined;
}

/** Reads an error that the driver itself threw. */
export function fromDriver(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const inner = toDatabaseError(error);
  if (inner !== undefined) return inner;
  if (isDiskFull(error))
    return new DatabaseError('DISK_FULL', { message: 'no space left on the disk' }, { cause: error });
  const code = error instanceof Error ? textField(error, 'code') : undefined;
  if (!(error instanceof Error) || code === undefined) {
    return new DatabaseError('UNAVAILABLE', { message: messageOf(error) }, { cause: error });
  }
  if (connectionCodes.has(code)) {
    return new DatabaseError(
      'UNAVAILABLE',
      { message: `the database cannot be reached (${code})` },
      { cause: error },
    );
  }
  return fromSqlState(error, code);
}

/** Tells disk-full errors from all others: the operating system's, and those of the engine's own file system. */
export function isDiskFull(error: unknown): boolean {
  if (error instanceof Error) return diskFullCodes.has(textField(error, 'code') ?? '');
  return typeof error === 'object' && error !== null && Reflect.get(error, 'errno') === wasiNoSpace;
}

function fromSqlState(error: Error, sqlState: string): DatabaseError {
  const constraint = textField(error, 'constraint') ?? textField(error, 'constraint_name');
  const code = codeOfSqlState.get(sqlState) ?? codeOfSqlState.get(sqlState.slice(0, 2)) ?? 'STATEMENT';
  const detail = { message: error.message, sqlState };
  return new DatabaseError(code, constraint === undefined ? detail : { ...detail, constraint }, {
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'the database stopped without a message';
}

function textField(error: Error, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}
