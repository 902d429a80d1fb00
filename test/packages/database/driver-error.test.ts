import { DatabaseError, toDatabaseError } from '@vidimus/database';
import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';

/** An error as drizzle wraps it, with the fields that a driver sets. */
function wrapped(fields: Readonly<Record<string, string>>): Error {
  return new DrizzleQueryError('select 1', [], Object.assign(new Error('from the driver'), fields));
}

describe('toDatabaseError', () => {
  it.each([
    [
      { code: '23505', constraint_name: 'a' },
      { code: 'CONSTRAINT', constraint: 'a', sqlState: '23505' },
    ],
    [
      { code: '23514', constraint: 'b' },
      { code: 'CONSTRAINT', constraint: 'b' },
    ],
    [{ code: '40001' }, { code: 'SERIALIZATION' }],
    [{ code: '40P01' }, { code: 'SERIALIZATION' }],
    [{ code: '57P01' }, { code: 'UNAVAILABLE' }],
    [{ code: '53300' }, { code: 'UNAVAILABLE' }],
    [{ code: 'ECONNREFUSED' }, { code: 'UNAVAILABLE' }],
    [{ code: 'CONNECT_TIMEOUT' }, { code: 'UNAVAILABLE' }],
    [{ code: '57014' }, { code: 'TIMEOUT' }],
    [{ code: '55P03' }, { code: 'TIMEOUT' }],
    [{ code: '25006' }, { code: 'READ_ONLY' }],
    [{ code: '53100' }, { code: 'DISK_FULL' }],
    [{ code: 'ENOSPC' }, { code: 'DISK_FULL' }],
    [{ code: '42P01' }, { code: 'STATEMENT' }],
    [{}, { code: 'UNAVAILABLE' }],
  ])('reads %j', (fields, expected) => {
    expect(toDatabaseError(wrapped(fields))).toMatchObject(expected);
  });

  it('finds a DatabaseError along the causes', () => {
    const error = new DatabaseError('READ_ONLY', { message: 'x' });
    expect(toDatabaseError(new Error('outer', { cause: new Error('middle', { cause: error }) }))).toBe(error);
  });

  it('leaves other errors alone: a refused connection elsewhere is not a database that is down', () => {
    expect(toDatabaseError(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBeUndefined();
    expect(toDatabaseError('text')).toBeUndefined();
    const circular = new Error('x');
    circular.cause = circular;
    expect(toDatabaseError(circular)).toBeUndefined();
  });
});
