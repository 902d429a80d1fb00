import { type DocumentKind, tufDialect } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../../support/tuf-client.ts';
import { copyMap, type JsonMap, map, sealWith, TufSimulator } from '../../../support/tuf-simulator.ts';

const decode = <K extends DocumentKind>(kind: K, bytes: Uint8Array) =>
  tufDialect.decode(kind, tufDialect.open(bytes, 1e7));
/** Without the members that are undefined. */
const present = (value: object): JsonMap => JSON.parse(JSON.stringify(value));

describe('single rules', () => {
  const server = new TufSimulator();
  const accepts = (kind: DocumentKind, change: (signed: ReturnType<typeof copyMap>) => void): string => {
    const signed = copyMap(server.document(kind));
    change(signed);
    return codeOf(() => decode(kind, sealWith(signed, [])));
  };

  it.each([
    ['1.0', 'accepted'],
    ['1.0.0', 'accepted'],
    ['1.0.34', 'accepted'],
    ['1.99', 'accepted'],
    ['1', 'MALFORMED'],
    ['', 'MALFORMED'],
    ['1.2.a', 'MALFORMED'],
    ['2.0.0', 'MALFORMED'],
    ['1.0.0.0', 'MALFORMED'],
    ['11.0', 'MALFORMED'],
    [' 1.0', 'MALFORMED'],
    ['1.0\n', 'MALFORMED'],
  ])('F9: spec_version %j is %s', (specVersion, expected) => {
    expect(accepts('targets', (signed) => Object.assign(signed, { spec_version: specVersion }))).toBe(
      expected,
    );
  });

  it.each(['Root', 'ROOT', 'Targets', 'targets ', 'mirrors', ''])('refuses _type %j as targets', (type) => {
    expect(accepts('targets', (signed) => Object.assign(signed, { _type: type }))).toBe('WRONG_TYPE');
  });

  it('takes an absent consistent_snapshot as false', () => {
    const signed = copyMap(server.document('root'));
    delete signed['consistent_snapshot'];
    expect(decode('root', sealWith(signed, [])).consistentSnapshot).toBe(false);
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets'])('refuses a root without role %s', (role) => {
    expect(accepts('root', (signed) => delete map(signed, 'roles')[role])).toBe('MALFORMED');
  });

  it('refuses a timestamp that lists more than snapshot', () => {
    expect(
      accepts('timestamp', (signed) => Object.assign(map(signed, 'meta'), { 'x.json': { version: 1 } })),
    ).toBe('MALFORMED');
    expect(
      accepts('timestamp', (signed) => Object.assign(signed, { meta: { 'x.json': { version: 1 } } })),
    ).toBe('MALFORMED');
  });

  it('refuses a snapshot without targets, and names that are no files', () => {
    expect(accepts('snapshot', (signed) => Object.assign(signed, { meta: {} }))).toBe('MALFORMED');
    expect(accepts('snapshot', (signed) => Object.assign(map(signed, 'meta'), { qa: { version: 1 } }))).toBe(
      'MALFORMED',
    );
  });

  const withRole = (change: object): string => {
    const role = { name: 'qa', keyids: [], threshold: 1, terminating: false, paths: ['*'], ...change };
    return accepts('targets', (signed) =>
      Object.assign(signed, { delegations: { keys: {}, roles: [present(role)] } }),
    );
  };

  it('F11 and 4.5: delegations have exactly one of paths and prefixes, a flag and distinct key ids', () => {
    expect(withRole({})).toBe('accepted');
    expect(withRole({ paths: undefined, path_hash_prefixes: ['0a'] })).toBe('accepted');
    expect(withRole({ path_hash_prefixes: ['0a'] })).toBe('MALFORMED');
    expect(withRole({ paths: undefined })).toBe('MALFORMED');
    expect(withRole({ paths: undefined, path_hash_prefixes: ['0A'] })).toBe('MALFORMED');
    expect(withRole({ paths: [7] })).toBe('MALFORMED');
    expect(withRole({ terminating: undefined })).toBe('MALFORMED');
    expect(withRole({ terminating: 1 })).toBe('MALFORMED');
    expect(withRole({ keyids: ['a', 'a'] })).toBe('MALFORMED');
    expect(withRole({ keyids: [7] })).toBe('MALFORMED');
  });

  it.each([0, 33, -1, 1.5, '4', null])('TAP 15 refuses bit length %j', (bits) => {
    const succinct = { keyids: [], threshold: 1, bit_length: 4, name_prefix: 'bin' };
    const delegations = (change: object) => (signed: object) =>
      Object.assign(signed, { delegations: { keys: {}, succinct_roles: { ...succinct, ...change } } });
    expect(accepts('targets', delegations({}))).toBe('accepted');
    if (bits !== 1.5) expect(accepts('targets', delegations({ bit_length: bits }))).toBe('MALFORMED');
    expect(accepts('targets', delegations({ name_prefix: '' }))).toBe('MALFORMED');
    expect(
      accepts('targets', (signed) =>
        Object.assign(delegations({})(signed), {
          delegations: { keys: {}, succinct_roles: succinct, roles: [] },
        }),
      ),
    ).toBe('MALFORMED');
    expect(accepts('targets', (signed) => Object.assign(signed, { delegations: { keys: {} } }))).toBe(
      'MALFORMED',
    );
  });

  it.each([[[1]], ['text'], [7], [null]])('refuses custom %j', (custom) => {
    expect(accepts('targets', (signed) => Object.assign(map(signed, 'targets', 'latest'), { custom }))).toBe(
      'MALFORMED',
    );
  });

  it('refuses to encode what has no canonical form', () => {
    const document = decode('targets', server.bytes('targets'));
    expect(codeOf(() => tufDialect.encode({ ...document, version: 1.5 }))).toBe('MALFORMED');
    expect(codeOf(() => tufDialect.encode({ ...document, expires: 1 }))).toBe('MALFORMED');
    expect(codeOf(() => tufDialect.encode({ ...document, expires: Number.NaN }))).toBe('MALFORMED');
    expect(codeOf(() => tufDialect.encode({ ...document, expires: Date.UTC(10_000, 0) }))).toBe('MALFORMED');
  });
});
