/** The codec: what goes through it comes out again, and what a stranger sends is refused by a code, in time. */
import { encodeCanonical, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { toBase64 } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import type { DocumentKind, Draft, Key, TufDocument } from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ecdsaNotaryKey, ed25519NotaryKey, rsaNotaryKey } from '../../support/notary-keys.ts';
import { codeOf } from '../../support/tuf-client.ts';

const MAX = 10_000_000;
const seed = 20261121;

const keys: readonly Key[] = [ecdsaNotaryKey('a'), ed25519NotaryKey('b'), rsaNotaryKey()].map(
  ({ declared }) => notaryDialect.toKey(declared),
);
const name = fc
  .stringMatching(/^[a-z0-9_-]{1,8}$/)
  .filter((text) => !/^(root|targets|snapshot|timestamp)$/.test(text));
const path = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString('hex'));
const hashes = fc
  .record({ sha256: hex(32), sha512: hex(64), other: hex(5) }, { requiredKeys: ['sha256'] })
  .map((entries) => new Map(Object.entries(entries)));
const custom = fc.jsonValue({ maxDepth: 3, noUnicodeString: false }).map(withoutFractions);
const roleKeys = fc.record({
  keyIds: fc.subarray(keys.map(({ keyId }) => keyId)),
  threshold: fc.integer({ min: 1, max: 9 }),
});
const header = {
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  expires: fc.integer({ min: 0, max: Date.UTC(9999, 0) }),
  binding: fc.constant({}),
};
const fileMeta = fc.record({ length: fc.nat(), hashes });
const someKeys = fc.subarray([...keys]).map((chosen) => new Map(chosen.map((key) => [key.keyId, key])));
const targets: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constant('targets'),
  ...header,
  targets: fc
    .uniqueArray(
      fc.record(
        { path, length: fc.nat(), hashes: fc.oneof(hashes, fc.constant(new Map())), custom },
        { requiredKeys: ['path', 'length', 'hashes'] },
      ),
      { selector: (target) => target.path, maxLength: 5 },
    )
    .map((list) => new Map(list.map((target) => [target.path, target]))),
  delegations: fc.record({
    keys: someKeys,
    roles: fc.uniqueArray(
      fc.record({ name, roleKeys, pathPrefixes: fc.array(path, { maxLength: 3 }) }).map((role) => ({
        name: role.name,
        ...role.roleKeys,
        terminating: false,
        pathPrefixes: role.pathPrefixes,
      })),
      { selector: (role) => role.name, maxLength: 4 },
    ),
  }),
});
const snapshot: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constant('snapshot'),
  ...header,
  meta: fc
    .tuple(fileMeta, fileMeta, fc.dictionary(name, fileMeta, { maxKeys: 4 }))
    .map(([root, own, more]) => new Map([['root', root], ['targets', own], ...Object.entries(more)])),
});
const timestamp: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constant('timestamp'),
  ...header,
  snapshot: fileMeta,
});
const root: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constant('root'),
  ...header,
  consistentSnapshot: fc.constant(false),
  keys: someKeys,
  roles: fc.record({ root: roleKeys, timestamp: roleKeys, snapshot: roleKeys, targets: roleKeys }),
});

describe('a document that was encoded', () => {
  it('decodes to itself, and encodes again to the same bytes', () => {
    fc.assert(
      fc.property(fc.oneof(targets, snapshot, timestamp, root), (draft) => {
        const message = notaryDialect.encode(draft);
        const document = roundTrip(message, draft.kind);
        const { fields, ...rest } = document;
        expect(plain(rest)).toEqual(plain(draft));
        expect(notaryDialect.encode(document)).toEqual(message);
      }),
      { seed, numRuns: 150 },
    );
  });

  it('keeps members that nobody knows, at every level', () => {
    const signed: JsonObject = {
      ...body('Targets'),
      odd: [1],
      targets: { a: { length: 1, hashes: {}, odd: true } },
      delegations: {
        keys: {},
        roles: [{ name: 'targets/x', keyids: null, threshold: 1, odd: {} }],
        odd: 'text',
      },
    };
    const message = encodeCanonical(signed);
    expect(text(notaryDialect.encode(roundTrip(message, 'targets')))).toBe(text(message));
  });

  it('says on the wire what Go says, and signs what Go signs', () => {
    const value = '<a>&\u2028\u2029\u0001\u007f"\\é日本😀';
    const message = encodeCanonical({ ...body('Targets'), targets: { [value]: { length: 1, hashes: {} } } });
    const file = notaryDialect.seal(message, [{ keyId: 'k', value: new Uint8Array([1]), method: 'ecdsa' }]);
    expect(text(file)).toContain('"\\u003ca\\u003e\\u0026\\u2028\\u2029\\u0001\u007f\\"\\\\é日本😀"');
    expect(text(file).endsWith(',"signatures":[{"keyid":"k","method":"ecdsa","sig":"AQ=="}]}')).toBe(true);
    expect(notaryDialect.open(file, MAX).message).toEqual(message);
  });

  it('keeps the nanoseconds and the offset of a time that it does not change', () => {
    for (const expires of ['2030-01-01T00:00:00.123456789Z', '2030-01-01T02:00:00+02:00']) {
      const document = roundTrip(encodeCanonical({ ...body('Targets'), expires }), 'targets');
      expect(text(notaryDialect.encode(document))).toContain(`"expires":"${expires}"`);
      const later = { ...document, expires: document.expires + 1_500 };
      expect(text(notaryDialect.encode(later))).not.toContain(expires);
    }
  });

  it('needs a signature that names its method', () => {
    const message = encodeCanonical(body('Targets'));
    const unnamed = { keyId: 'k', value: new Uint8Array([1]) };
    expect(codeOf(() => notaryDialect.seal(message, [unnamed]))).toBe('MALFORMED');
    expect(codeOf(() => notaryDialect.toSignature('k', 'ecdsa-sha2-nistp256', unnamed.value))).toBe(
      'MALFORMED',
    );
    expect(notaryDialect.toSignature('k', 'rsa-sha256', unnamed.value).method).toBe('rsapss');
  });
});

describe('a draft that the format cannot say is refused', () => {
  const draft = {
    kind: 'targets',
    version: 1,
    expires: 0,
    binding: {},
    targets: new Map(),
  } as const satisfies Draft;
  const role = { name: 'qa', keyIds: [], threshold: 1, terminating: false } as const;

  it.each([
    ['a glob', { ...role, paths: ['1.*'] }],
    ['hash prefixes', { ...role, pathHashPrefixes: ['0'] }],
    ['no paths at all', role],
  ])('%s', (_, delegation) => {
    const delegations = { keys: new Map(), roles: [delegation] };
    expect(codeOf(() => notaryDialect.encode({ ...draft, delegations }))).toBe('MALFORMED');
  });

  it('bins', () => {
    const succinct = { keyIds: [], threshold: 1, bitLength: 8, namePrefix: 'b' };
    const delegations = { keys: new Map(), roles: [], succinct };
    expect(codeOf(() => notaryDialect.encode({ ...draft, delegations }))).toBe('MALFORMED');
  });
});

describe('opening refuses', () => {
  const signed = text(encodeCanonical(body('Targets')));
  const file = (inner: string, signatures = '[]'): string => `{"signed":${inner},"signatures":${signatures}}`;

  it.each([
    ['a file that is cut off', file(signed).slice(0, -3), 'MALFORMED'],
    ['no JSON', 'signed', 'MALFORMED'],
    ['a list', '[]', 'MALFORMED'],
    ['a duplicate key', file('{"a":1,"a":2}'), 'MALFORMED'],
    ['a member beside signed', `{"signed":${signed},"signatures":[],"Signed":{}}`, 'MALFORMED'],
    ['a fraction', file('{"custom":1.5}'), 'MALFORMED'],
    ['an exponent', file('{"custom":1e3}'), 'MALFORMED'],
    ['minus zero', file('{"custom":-0}'), 'MALFORMED'],
    ['an integer beyond 2^53 - 1', file('{"custom":9007199254740992}'), 'MALFORMED'],
    ['half of a surrogate pair', file('{"custom":"\\ud800"}'), 'MALFORMED'],
    ['deep nesting', file(`{"custom":${'['.repeat(100)}${']'.repeat(100)}}`), 'LIMIT'],
    ['deep nesting without end', `{"signed":${'['.repeat(200_000)}`, 'LIMIT'],
    [
      'a signature that is no base64',
      file(signed, '[{"keyid":"k","method":"ecdsa","sig":"!"}]'),
      'MALFORMED',
    ],
    ['a signature without key id', file(signed, '[{"method":"ecdsa","sig":"AQ=="}]'), 'MALFORMED'],
    [
      'too many signatures',
      file(signed, JSON.stringify(new Array(2_000).fill({ keyid: 'k', method: 'ecdsa', sig: 'AQ==' }))),
      'LIMIT',
    ],
    ['a byte too many', file(signed).padEnd(5_001), 'LIMIT'],
  ])('%s', (_, bytes, code) => {
    const most = code === 'LIMIT' && bytes.length === 5_001 ? 5_000 : MAX;
    expect(codeOf(() => notaryDialect.open(new TextEncoder().encode(bytes), most))).toBe(code);
  });

  it('nothing else: `null` signatures are none, and a signature twice is two entries', () => {
    const twice = '[{"keyid":"k","method":"ECDSA","sig":"AQ=="},{"keyid":"k","sig":"AQ=="}]';
    const open = (signatures: string) =>
      notaryDialect.open(new TextEncoder().encode(file(signed, signatures)), MAX);
    expect(open('null').signatures).toEqual([]);
    expect(open(twice).signatures.map(({ method }) => method)).toEqual(['ecdsa', '']);
  });

  it('keeps __proto__ and constructor as the names they are', () => {
    const entry = '{"length":1,"hashes":{"sha256":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="}}';
    const inner = `{"_type":"Targets","version":1,"expires":"2030-01-01T00:00:00Z","targets":{"__proto__":${entry},"constructor":${entry}}}`;
    const envelope = notaryDialect.open(new TextEncoder().encode(file(inner)), MAX);
    expect([...notaryDialect.decode('targets', envelope).targets.keys()]).toEqual([
      '__proto__',
      'constructor',
    ]);
  });
});

describe('decoding refuses', () => {
  const delegation = (role: JsonObject): JsonObject => ({ delegations: { keys: {}, roles: [role] } });
  const meta = { hashes: { sha256: toBase64(new Uint8Array(32)) }, length: 1 };
  const role = { keyids: [], threshold: 1 };
  const roles = { root: role, targets: role, snapshot: role, timestamp: role };
  const secret = {
    keytype: 'ed25519',
    keyval: { public: toBase64(new Uint8Array(32)), private: 'c2VjcmV0' },
  };

  it.each<[string, DocumentKind, JsonObject, string]>([
    ['another type', 'targets', { _type: 'Root' }, 'WRONG_TYPE'],
    ['a type of the other dialect', 'targets', { _type: 'targets' }, 'WRONG_TYPE'],
    ['a version of 0', 'targets', { version: 0 }, 'MALFORMED'],
    ['a version in text', 'targets', { version: '1' }, 'MALFORMED'],
    ['no date', 'targets', { expires: 'never' }, 'MALFORMED'],
    ['a target that is none', 'targets', { targets: { a: 1 } }, 'MALFORMED'],
    ['a negative length', 'targets', { targets: { a: { length: -1 } } }, 'MALFORMED'],
    ['a hash in hex', 'targets', { targets: { a: { hashes: { sha256: 'ab'.repeat(32) } } } }, 'MALFORMED'],
    ['a short hash', 'targets', { targets: { a: { hashes: { sha256: 'AQ==' } } } }, 'MALFORMED'],
    ['a delegation by a bad name', 'targets', delegation({ ...role, name: 'targets/../x' }), 'MALFORMED'],
    ['a delegation without targets/', 'targets', delegation({ ...role, name: 'x' }), 'MALFORMED'],
    ['a delegation of targets itself', 'targets', delegation({ ...role, name: 'targets' }), 'MALFORMED'],
    ['a delegation of targets/root', 'targets', delegation({ ...role, name: 'targets/root' }), 'MALFORMED'],
    [
      'T6 a threshold of 0',
      'targets',
      delegation({ name: 'targets/x', keyids: [], threshold: 0 }),
      'MALFORMED',
    ],
    [
      'T1 a key id twice',
      'targets',
      delegation({ name: 'targets/x', keyids: ['a', 'a'], threshold: 1 }),
      'MALFORMED',
    ],
    ['a private key', 'targets', { delegations: { keys: { id: secret }, roles: [] } }, 'MALFORMED'],
    ['a root without a role', 'root', { roles: { root: role } }, 'MALFORMED'],
    ['a role of root that is none', 'root', { roles: { ...roles, mirrors: 5 } }, 'MALFORMED'],
    [
      'a role of root with key ids that are none',
      'root',
      { roles: { ...roles, mirrors: { keyids: 'x', threshold: 1 } } },
      'MALFORMED',
    ],
    ['a private key in root', 'root', { roles, keys: { id: secret } }, 'MALFORMED'],
    ['a snapshot without root', 'snapshot', { meta: { targets: meta } }, 'MALFORMED'],
    [
      'a snapshot without a hash of targets',
      'snapshot',
      { meta: { root: meta, targets: { length: 1 } } },
      'MALFORMED',
    ],
    [
      'a snapshot that lists timestamp',
      'snapshot',
      { meta: { root: meta, targets: meta, timestamp: meta } },
      'MALFORMED',
    ],
    [
      'a snapshot that lists x.json',
      'snapshot',
      { meta: { root: meta, targets: meta, 'x.json': meta } },
      'MALFORMED',
    ],
    ['a timestamp that lists more', 'timestamp', { meta: { snapshot: meta, root: meta } }, 'MALFORMED'],
    ['a timestamp without hash', 'timestamp', { meta: { snapshot: { length: 1 } } }, 'MALFORMED'],
  ])('%s', (_, kind, members, code) => {
    const types = { root: 'Root', targets: 'Targets', snapshot: 'Snapshot', timestamp: 'Timestamp' };
    const message = encodeCanonical({ ...body(types[kind]), ...members });
    expect(codeOf(() => roundTrip(message, kind))).toBe(code);
  });

  it('nothing where the clients write null', () => {
    const nulls = {
      targets: null,
      delegations: { keys: null, roles: [{ name: 'targets/x', keyids: null, threshold: 1 }] },
    };
    const document = roundTrip(encodeCanonical({ ...body('Targets'), ...nulls }), 'targets');
    expect(document).toMatchObject({
      targets: new Map(),
      delegations: { roles: [{ name: 'x', keyIds: [], pathPrefixes: [] }] },
    });
  });

  it('leaves out a key under an id that is not its own', () => {
    const [first, second] = keys;
    if (first === undefined || second === undefined) throw new Error('no keys');
    const written = { [first.keyId]: second.declared, [second.keyId]: second.declared };
    const message = encodeCanonical({ ...body('Root'), keys: written, roles });
    const document = roundTrip(message, 'root');
    expect(document.kind === 'root' && [...document.keys.keys()]).toEqual([second.keyId]);
  });

  it('keeps a role of root that nobody knows, as the clients do', () => {
    for (const mirrors of [null, { keyids: null, threshold: 0 }]) {
      const message = encodeCanonical({
        ...body('Root'),
        consistent_snapshot: false,
        keys: {},
        roles: { ...roles, mirrors },
      });
      const document = roundTrip(message, 'root');
      expect(text(notaryDialect.encode(document))).toBe(text(message));
    }
  });

  it('ends in time, whatever the size', () => {
    const many = Object.fromEntries(
      Array.from({ length: 50_000 }, (_, i) => [`t${i}`, { length: i, hashes: {} }]),
    );
    const message = encodeCanonical({ ...body('Targets'), targets: many });
    const document = roundTrip(message, 'targets');
    expect(document.kind === 'targets' && document.targets.size).toBe(50_000);
  });
});

function body(type: string): JsonObject {
  return { _type: type, version: 1, expires: '2030-01-01T00:00:00Z' };
}

function roundTrip(message: Uint8Array, kind: DocumentKind): TufDocument {
  return notaryDialect.decode(kind, notaryDialect.open(notaryDialect.seal(message, []), MAX));
}

/** Keys have getters, and no two are the same object. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(plain).sort((a, b) => String(a).localeCompare(String(b)));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('declared' in value) return JSON.stringify(value.declared);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function withoutFractions(value: unknown): JsonValue {
  const json = JSON.stringify(value, (_, each) =>
    typeof each === 'number' ? Math.trunc(each % 2 ** 53) + 0 : each,
  );
  return JSON.parse(json);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
