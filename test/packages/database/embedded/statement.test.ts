import { describe, expect, it } from 'vitest';
import { classifyStatement, toParameters } from '../../../../packages/database/src/embedded/statement.ts';

describe('classifyStatement', () => {
  it.each([
    ['select 1', 'read'],
    ['  -- a comment\n select 1', 'read'],
    ['(select 1) union (select 2)', 'read'],
    ['select "now" from "delete"', 'read'],
    ["select 'insert into x', now()", 'read'],
    ['with a as (select 1) select * from a', 'read'],
    ['set transaction isolation level serializable', 'read'],
    ["select pg_notify('a', 'b')", 'read'],
    ["select pg_advisory_xact_lock(hashtextextended('a', 0))", 'read'],
    ['insert into "trust_tags" ("tag") values ($1)', 'write'],
    ['INSERT INTO x values ($1)', 'write'],
    ['/* why */ update x set a = $1', 'write'],
    ['delete from x', 'write'],
    ['with gone as (delete from x returning *) select * from gone', 'write'],
    ['savepoint sp1', 'savepoint'],
    ['rollback to savepoint sp1', 'savepoint'],
    ['release savepoint sp1', 'savepoint'],
  ])('reads %j as %s', (sql, kind) => {
    expect(classifyStatement(sql)).toBe(kind);
  });

  it.each([
    'insert into x values (now())',
    'update x set a = current_timestamp',
    'insert into x select gen_random_uuid()',
    'insert into x values (random())',
    "select nextval('s')",
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_lock(1)',
    'create table x (a int)',
    'truncate x',
    'drop table x',
    'begin',
    'commit',
    'rollback',
    'copy x from stdin',
    'explain analyze delete from x',
    'do $$ begin delete from x; end $$',
    'call p()',
    'lock table x',
    '',
    ';',
  ])('refuses %j', (sql) => {
    expect(() => classifyStatement(sql)).toThrow(expect.objectContaining({ code: 'NOT_REPLAYABLE' }));
  });

  it('allows a column named like a function', () => {
    expect(classifyStatement('insert into x ("now", "current_user") values ($1, $2)')).toBe('write');
  });
});

describe('toParameters', () => {
  it('keeps what both drivers and the journal read alike', () => {
    const params = [null, true, 1, 'a', 5n, Uint8Array.of(1), ['a', ['b']]];
    expect(toParameters(params)).toEqual(params);
  });

  it.each([[new Date(0)], [{}], [undefined], [Number.NaN], [Symbol('x')], [[{}]]])('refuses %s', (value) => {
    expect(() => toParameters([value])).toThrow(expect.objectContaining({ code: 'NOT_REPLAYABLE' }));
  });
});
