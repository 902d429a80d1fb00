import { canonicalize } from '@tufjs/canonical-json';
import { Metadata, MetadataKind } from '@tufjs/models';
import {
  type Delegation,
  type DocumentKind,
  type Draft,
  type Root,
  type Targets,
  tufDialect,
} from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ed25519Key, p256Key, type TestKey } from '../../../support/tuf-keys.ts';
import { item, map, TufSimulator } from '../../../support/tuf-simulator.ts';

const MOST = 1e7;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const decode = <K extends DocumentKind>(kind: K, bytes: Uint8Array) => {
  const envelope = tufDialect.open(bytes, MOST);
  return tufDialect.decode(kind, envelope);
};
const sealed = (draft: Draft): Uint8Array => tufDialect.seal(tufDialect.encode(draft), []);

const hex64 = fc.stringMatching(/^[0-9a-f]{64}$/);
const hashes = fc.oneof(
  hex64.map((sha256) => new Map([['sha256', sha256]])),
  fc.tuple(hex64, hex64).map(
    ([a, b]) =>
      new Map([
        ['sha256', a],
        ['sha512', a + b],
      ]),
  ),
  fc.string().map((value) => new Map([['blake2', value]])),
);
const names = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.constantFrom('__proto__', 'constructor', '1', '10'),
);
const version = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const time = fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000);
const common = fc.record({
  version,
  expires: time,
  binding: fc.record(
    {
      repository: fc.string(),
      role: fc.string(),
      issued: time,
      log: fc.record({ size: fc.nat(), hash: hex64 }),
    },
    { requiredKeys: [] },
  ),
});
const meta = fc.record({ version, length: fc.nat(), hashes }, { requiredKeys: ['version'] });
const json = fc.dictionary(
  fc.string(),
  fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null)),
  {
    noNullPrototype: false,
  },
);
const keyIds = fc.uniqueArray(hex64, { maxLength: 3 });
const keyMap = fc
  .subarray([ed25519Key('a'), ed25519Key('b', { extra: { deep: [1] } }), p256Key('c')])
  .map((keys: TestKey[]) => new Map(keys.map((key) => [key.keyId, tufDialect.toKey(key.declared)])));
const roleKeys = fc.record({ keyIds, threshold: version });
const delegation: fc.Arbitrary<Delegation> = fc
  .record({
    name: names,
    ...{ keyIds, threshold: version },
    terminating: fc.boolean(),
    paths: fc.array(fc.string()),
  })
  .chain((role) => {
    const { paths, ...rest } = role;
    const prefixed = { ...rest, pathHashPrefixes: ['0', 'ab'] };
    return fc.constantFrom<Delegation>({ ...rest, paths }, prefixed);
  });
const delegations = fc.oneof(
  fc.record({
    keys: keyMap,
    roles: fc.uniqueArray(delegation, { maxLength: 4, selector: (role) => role.name }),
  }),
  fc.record({
    keys: keyMap,
    roles: fc.constant([]),
    succinct: fc.record({
      keyIds,
      threshold: version,
      bitLength: fc.integer({ min: 1, max: 32 }),
      namePrefix: names,
    }),
  }),
);
const drafts: fc.Arbitrary<Draft> = fc.oneof(
  fc
    .tuple(common, keyMap, fc.boolean(), roleKeys, roleKeys)
    .map(([head, keys, consistentSnapshot, a, b]) => ({
      ...head,
      kind: 'root' as const,
      consistentSnapshot,
      keys,
      roles: { root: a, timestamp: b, snapshot: a, targets: b },
    })),
  fc.tuple(common, meta).map(([head, snapshot]) => ({ ...head, kind: 'timestamp' as const, snapshot })),
  fc.tuple(common, fc.array(fc.tuple(names, meta)), meta).map(([head, entries, targets]) => ({
    ...head,
    kind: 'snapshot' as const,
    meta: new Map([...entries, ['targets', targets]]),
  })),
  fc
    .tuple(
      common,
      fc.array(
        fc.record(
          { path: names, length: fc.nat(), hashes, custom: json },
          { requiredKeys: ['path', 'length', 'hashes'] },
        ),
      ),
      fc.option(delegations),
    )
    .map(([head, targets, delegated]) => ({
      ...head,
      kind: 'targets' as const,
      targets: new Map(targets.map((target) => [target.path, target])),
      ...(delegated === null ? {} : { delegations: delegated }),
    })),
);

/** The model without what only a parsed file has, maps in one order, key objects by id. */
function plain(draft: Draft): unknown {
  const { fields: _fields, ...rest } = draft;
  return sorted(rest);
}

function sorted(value: unknown): unknown {
  if (value instanceof Map) {
    return new Map(
      [...value].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, entry]) => [name, sorted(entry)]),
    );
  }
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  if ('declared' in value && 'keyId' in value) return value.keyId;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, sorted(entry)]));
}

describe('the codec', () => {
  it('reads back every document it writes', () => {
    fc.assert(
      fc.property(drafts, (draft) => {
        expect(plain(decode(draft.kind, sealed(draft)))).toEqual(plain(draft));
      }),
      { seed: 10, numRuns: 500 },
    );
  });

  it('writes the canonical bytes that tuf-js makes of the same document', () => {
    fc.assert(
      fc.property(drafts, (draft) => {
        const message = tufDialect.encode(draft);
        const { signed } = tufDialect.open(tufDialect.seal(message, []), MOST);
        const plainJson = JSON.parse(JSON.stringify(signed));
        // tuf-js sorts by UTF-16 unit: the two orders differ beyond the basic plane only.
        fc.pre(!/[\ud800-\udfff]/.test(JSON.stringify(plainJson)));
        // JSON.parse makes `__proto__` an own key, Object.keys of tuf-js sees it.
        expect(text(message)).toBe(canonicalize(plainJson));
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('gives the same bytes to sign for a document read back', () => {
    fc.assert(
      fc.property(drafts, (draft) => {
        const message = tufDialect.encode(draft);
        const bytes = tufDialect.seal(message, []);
        expect(tufDialect.encode(decode(draft.kind, bytes))).toEqual(message);
        expect(tufDialect.open(bytes, MOST).message).toEqual(message);
      }),
      { seed: 12, numRuns: 500 },
    );
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets'] as const)(
    'writes a %s that tuf-js reads and verifies',
    (kind) => {
      const server = new TufSimulator();
      const kinds = {
        root: MetadataKind.Root,
        timestamp: MetadataKind.Timestamp,
        snapshot: MetadataKind.Snapshot,
        targets: MetadataKind.Targets,
      };
      const message = tufDialect.encode(decode(kind, server.bytes(kind)));
      const [key] = server.signers.get(kind) ?? [];
      if (key === undefined) throw new Error('no key');
      const file = tufDialect.seal(message, [{ keyId: key.keyId, value: key.sign(message) }]);
      const root = Metadata.fromJSON(MetadataKind.Root, JSON.parse(text(server.bytes('root'))));
      expect(() =>
        root.verifyDelegate(
          kind,
          Metadata.fromJSON(kinds[kind] as MetadataKind.Root, JSON.parse(text(file))),
        ),
      ).not.toThrow();
    },
  );

  it('keeps control characters: raw in what is signed, escaped in the file', () => {
    const server = new TufSimulator();
    server.target('targets', 'a\u0001\n"\\b', 'x');
    const document = decode('targets', server.seal('targets'));
    const message = tufDialect.encode(document);
    expect(text(message)).toContain('a\u0001\n\\"\\\\b');
    const file = tufDialect.seal(message, []);
    expect(text(file)).toContain('a\\u0001\\u000a\\"\\\\b');
    expect(JSON.parse(text(file)).signed.targets).toHaveProperty(['a\u0001\n"\\b']);
    expect(tufDialect.open(file, MOST).message).toEqual(message);
  });
});

describe('unknown members', () => {
  it('are signed, and survive into the version that is derived', () => {
    const server = new TufSimulator();
    server.delegate('targets', 'qa', { keys: [ed25519Key('qa', { 'x-owner': { name: 'Q' } })] });
    const signed = server.document('targets');
    signed['x-top'] = [1, { y: null }];
    map(signed, 'targets', 'latest')['x-target'] = 'kept';
    map(signed, 'delegations')['x-delegations'] = 1;
    item(map(signed, 'delegations'), 'roles', 0)['x-role'] = true;
    const before = decode('targets', server.seal('targets'));
    const draft: Draft<Targets> = {
      ...before,
      version: 9,
      targets: new Map(before.targets).set('new', newTarget),
    };
    const after: unknown = JSON.parse(text(tufDialect.encode(draft)));
    expect(after).toMatchObject({
      'x-top': [1, { y: null }],
      version: 9,
      targets: { latest: { 'x-target': 'kept' }, new: { length: 1 } },
      delegations: {
        'x-delegations': 1,
        roles: [{ 'x-role': true, name: 'qa' }],
        keys: { [ed25519Key('qa', { 'x-owner': { name: 'Q' } }).keyId]: { 'x-owner': { name: 'Q' } } },
      },
    });
  });

  it('go when the thing they belong to goes', () => {
    const server = new TufSimulator();
    map(server.document('targets'), 'targets', 'latest')['custom'] = { a: 1 };
    const before = decode('targets', server.seal('targets'));
    expect(text(tufDialect.encode({ ...before, targets: new Map() }))).toContain('"targets":{}');
    const target = before.targets.get('latest');
    if (target === undefined) throw new Error('no target');
    const { custom: _custom, ...bare } = target;
    expect(text(tufDialect.encode({ ...before, targets: new Map([['latest', bare]]) }))).not.toContain(
      'custom',
    );
  });

  it('of root and its roles survive, those of a role called mirrors too', () => {
    const server = new TufSimulator();
    const signed = server.document('root');
    map(signed, 'roles')['mirrors'] = { keyids: [], threshold: 1 };
    map(signed, 'roles', 'root')['x-period'] = 182;
    const root: Root = decode('root', server.seal('root'));
    const after: unknown = JSON.parse(text(tufDialect.encode({ ...root, version: 2 })));
    expect(after).toMatchObject({ roles: { mirrors: { threshold: 1 }, root: { 'x-period': 182 } } });
  });

  it('cannot be told apart by JSON: a __proto__ is a member like any other', () => {
    const server = new TufSimulator();
    const bytes = utf8(
      text(server.bytes('targets')).replace('"targets":{', '"__proto__":{"x":1},"targets":{'),
    );
    const envelope = tufDialect.open(bytes, MOST);
    expect(text(envelope.message)).toContain('"__proto__":{"x":1}');
    expect(text(tufDialect.encode(tufDialect.decode('targets', envelope)))).toContain('"__proto__":{"x":1}');
  });
});

const newTarget = { path: 'new', length: 1, hashes: new Map([['sha256', 'a'.repeat(64)]]) };
