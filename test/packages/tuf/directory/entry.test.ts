import { encodeCanonical, isJsonObject, type JsonObject, parseJson } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import {
  assertDirectoryPattern,
  contradictedBy,
  createTopLevel,
  type EditTerms,
  findDirectoryEntry,
  mostSpecific,
  nextTargets,
  readDirectoryEntry,
  type Target,
  type Targets,
  toDirectoryEntry,
  toDirectoryTarget,
  tufDialect,
} from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recoveryOf } from '../../../support/directory-simulator.ts';
import { codeOf } from '../../../support/tuf-client.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';

const one = ed25519Key('one');
const two = ed25519Key('two');
const tuf = { keyIds: [one.keyId, two.keyId], threshold: 2 };
const pattern = 'registry.example.com/shop/**';
/** As a reader gets it: parsed. */
const plain = (value: unknown): JsonObject => {
  const parsed = parseJson(Buffer.from(JSON.stringify(value)), { maxBytes: 65_536, maxDepth: 32 });
  return isJsonObject(parsed) ? parsed : { value: parsed };
};

describe('an entry of the directory', () => {
  it('says whose root keys a repository has, where, and who may recover it', () => {
    const entry = readDirectoryEntry(
      pattern,
      plain({
        roots: { tuf, notary: { keyIds: [two.keyId], threshold: 1 } },
        trustServer: 'https://trust.example.com:4443',
        recovery: recoveryOf([ed25519Key('spare')]),
      }),
    );
    expect(entry).toMatchObject({
      pattern,
      roots: { tuf, notary: { keyIds: [two.keyId], threshold: 1 } },
      trustServer: 'https://trust.example.com:4443',
    });
    expect([...(entry.recovery?.keys.keys() ?? [])]).toEqual([ed25519Key('spare').keyId]);
  });

  const spare = recoveryOf([one]);
  it.each<[string, unknown]>([
    ['that is no object', 'x'],
    ['that is a list', []],
    ['without roots', {}],
    ['without a dialect', { roots: {} }],
    ['of an unknown dialect', { roots: { cosign: tuf } }],
    ['with an unknown member', { roots: { tuf }, since: 1 }],
    ['with an unknown member of a dialect', { roots: { tuf: { ...tuf, also: [] } } }],
    ['without keys', { roots: { tuf: { keyIds: [], threshold: 1 } } }],
    ['with a threshold of 0', { roots: { tuf: { ...tuf, threshold: 0 } } }],
    ['with a threshold in words', { roots: { tuf: { ...tuf, threshold: 'one' } } }],
    ['with a threshold nobody reaches', { roots: { tuf: { ...tuf, threshold: 3 } } }],
    ['with a key twice', { roots: { tuf: { keyIds: [one.keyId, one.keyId], threshold: 1 } } }],
    ['with a shortened key id', { roots: { tuf: { keyIds: ['7c1e09ab42d1'], threshold: 1 } } }],
    ['with a key id in upper case', { roots: { tuf: { keyIds: ['A'.repeat(64)], threshold: 1 } } }],
    ['with too many keys', { roots: { tuf: { keyIds: hexIds(65), threshold: 1 } } }],
    ['with a server that is none', { roots: { tuf }, trustServer: 'trust.example.com' }],
    ['with a server in plain http', { roots: { tuf }, trustServer: 'http://trust.example.com' }],
    ['with a server that hides a password', { roots: { tuf }, trustServer: 'https://a:b@trust.example.com' }],
    ['with a server with a query', { roots: { tuf }, trustServer: 'https://trust.example.com/?x' }],
    ['with a server in a script', { roots: { tuf }, trustServer: 'javascript:alert(1)' }],
    ['with recovery keys without threshold', { roots: { tuf }, recovery: { keys: spare['keys'] } }],
    [
      'with a recovery key under another id',
      { roots: { tuf }, recovery: { keys: { [two.keyId]: one.declared }, threshold: 1 } },
    ],
    ['with more threshold than recovery keys', { roots: { tuf }, recovery: { ...spare, threshold: 2 } }],
  ])('%s is refused', (_, value) => {
    expect(codeOf(() => readDirectoryEntry(pattern, plain(value)))).toBe('MALFORMED');
  });

  it('is the file that stock clients fetch under its hash', () => {
    const target = toDirectoryTarget(pattern, plain({ roots: { tuf } }));
    const bytes = encodeCanonical(target.custom ?? null);
    expect(target).toMatchObject({ path: pattern, length: bytes.length });
    expect(target.hashes.get('sha256')).toBe(sha256Hex(bytes));
    expect(toDirectoryEntry(target)).toMatchObject({ pattern, roots: { tuf } });
  });

  it.each<[string, Partial<Target>]>([
    ['another length', { length: 1 }],
    ['another hash', { hashes: new Map([['sha256', '0'.repeat(64)]]) }],
    ['no hash', { hashes: new Map() }],
    ['another pattern in the same place', { path: '_directory' }],
  ])('with %s is refused', (_, spoilt) => {
    const target = { ...toDirectoryTarget(pattern, plain({ roots: { tuf } })), ...spoilt };
    expect(codeOf(() => toDirectoryEntry(target))).toBe('MALFORMED');
  });

  it('that is too long is refused', () => {
    const recovery = recoveryOf(Array.from({ length: 64 }, (_, n) => ed25519Key(`spare ${n}`)));
    const long = plain({ roots: { tuf: { keyIds: hexIds(64), threshold: 1 } }, recovery });
    expect(codeOf(() => toDirectoryTarget(pattern, long))).toBe('MALFORMED');
  });
});

describe('a pattern of the directory', () => {
  it.each([
    'registry.example.com/shop/**',
    'registry.example.com/shop/web',
    'registry.example.com/*',
    '*.example.com/**',
    '[::1]:5000/a',
  ])('%s is one', (text) => {
    expect(() => assertDirectoryPattern(text)).not.toThrow();
  });

  it.each([
    '',
    '**',
    '*',
    '_directory',
    '_*/**',
    '*/**',
    '**/**',
    'latest',
    'A/b',
    'a//b',
    'a/..',
    'a/_trust',
    'a/b**',
    'a/-b',
    `a/${'b'.repeat(300)}`,
  ])('%s is none', (text) => {
    expect(codeOf(() => assertDirectoryPattern(text))).toBe('MALFORMED');
  });

  it.each([
    [['r.io/**', 'r.io/shop/**', 'r.io/shop/web'], 'r.io/shop/web'],
    [['r.io/**', 'r.io/shop/**', 'r.io/shop/*'], 'r.io/shop/*'],
    [['r.io/**', '*.io/**', '*.io/shop/web'], 'r.io/**'],
    [['r.io/other/**', 'r.io/shopping'], undefined],
  ])('of %j the most specific speaks', (patterns, expected) => {
    for (const order of [patterns, [...patterns].reverse()]) {
      expect(mostSpecific(order, 'r.io/shop/web')).toBe(expected);
    }
  });

  it('that is as specific as another one for the same repository makes both silent', () => {
    const patterns = ['r.io/a*/b*', 'r.io/a*/*b'];
    expect(codeOf(() => mostSpecific(patterns, 'r.io/a1/b1b'))).toBe('ANCHOR');
    expect(mostSpecific([...patterns, 'r.io/a1/**'], 'r.io/a1/b1b')).toBe('r.io/a1/**');
    expect(contradictedBy(['r.io/a*/b*'], 'r.io/a*/*b')).toBe('r.io/a*/b*');
    expect(contradictedBy(['r.io/a*/b*'], 'r.io/c*/*b')).toBeUndefined();
    expect(contradictedBy(['r.io/a*/b*'], 'r.io/a*/b*')).toBeUndefined();
  });

  it('is chosen whatever order the entries have', () => {
    const part = fc.constantFrom('a', 'b*', '*', '**', 'ab');
    const text = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ['r.io', ...parts].join('/'));
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 6 }), (patterns) => {
        const answer = (order: readonly string[]): string => {
          try {
            return mostSpecific(order, 'r.io/ab/a') ?? 'none';
          } catch {
            return 'ambiguous';
          }
        };
        expect(answer([...patterns].reverse())).toBe(answer(patterns));
      }),
    );
  });
});

describe('the directory', () => {
  const targets = (...entries: readonly Target[]): ReadonlyMap<string, Target> =>
    new Map(entries.map((target) => [target.path, target]));
  const entry = toDirectoryTarget(pattern, plain({ roots: { tuf } }));

  it('speaks for what its patterns match', () => {
    expect(findDirectoryEntry(targets(entry), 'registry.example.com/shop/web')?.pattern).toBe(pattern);
    expect(findDirectoryEntry(targets(entry), 'registry.example.com/shopping')).toBeUndefined();
    expect(findDirectoryEntry(targets(entry), '_directory')).toBeUndefined();
  });

  it('is unusable with a target that is no entry: it may have been the one that counts', () => {
    const stray = { ...entry, path: 'latest' };
    const find = () => findDirectoryEntry(targets(entry, stray), 'registry.example.com/shop/web');
    expect(codeOf(find)).toBe('MALFORMED');
  });

  it('lists entries and no tags, and no other repository lists entries', () => {
    const terms = (repository: string): EditTerms => ({
      repository,
      nowMs: 0,
      lifetimesMs: new Map([['targets', 86_400_000]]),
      highest: new Map([['targets', 1]]),
    });
    const set = (name: string) => ({ keys: [tufDialect.toKey(ed25519Key(name).declared)], threshold: 1 });
    const keys = { root: set('r'), targets: set('t'), snapshot: set('s'), timestamp: set('ts') };
    const empty = createTopLevel(keys, terms('_directory')).targets;
    const before: Targets = { ...empty, fields: {} };
    const tag = { path: 'latest', length: 1, hashes: new Map([['sha256', '0'.repeat(64)]]) };
    const edit = (repository: string, target: Target) => () =>
      nextTargets('targets', before, { set: [target] }, terms(repository));
    expect([...edit('_directory', entry)().targets.keys()]).toEqual([pattern]);
    expect(codeOf(edit('_directory', tag))).toBe('EDIT_INVALID');
    expect(codeOf(edit('registry.example.com/a', entry))).toBe('EDIT_INVALID');
  });
});

function hexIds(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => n.toString(16).padStart(64, '0'));
}
