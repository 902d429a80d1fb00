import { describe, expect, it } from 'vitest';
import {
  allBins,
  assertCustodians,
  assertPattern,
  assertRoleName,
  binOf,
  createRepository,
  editReason,
  editTags,
  type Layout,
  layoutFor,
  layoutOf,
  nextRevocations,
  nextRoot,
  nextSnapshot,
  nextTargets,
  nextTimestamp,
  planTags,
  type SealedFile,
  toRevocationTarget,
  toRoleKeys,
} from '../../../../packages/tuf/src/edit/index.ts';
import type { Root, Snapshot, Target, Targets } from '../../../../packages/tuf/src/model.ts';
import { day, digestHex, one, repository, repositoryKeys, seededKey, start, terms } from './seeded-keys.ts';

/** Drafts stand in for parsed documents: the edits never look at `fields`. */
const parsed = <D extends object>(draft: D): D & { fields: Record<string, never> } => ({
  ...draft,
  fields: {},
});

const tag = (path: string, more: Partial<Target> = {}): Target => ({
  path,
  length: 7,
  hashes: new Map([['sha256', digestHex(path)]]),
  ...more,
});

const sealed = (version: number): SealedFile => ({ version, length: 100, sha256: digestHex(`${version}`) });

function reasonOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return editReason(error) ?? String(error);
  }
  return undefined;
}

const created = createRepository(repositoryKeys, terms());
const root: Root = parsed(created.root);
const targets: Targets = parsed(created.targets);

describe('createRepository', () => {
  it('binds every document to repository, role and time', () => {
    expect(created.root.binding).toEqual({ repository, role: 'root', issued: start });
    expect(created.revocations.binding.role).toBe('revocations');
    expect(created.root.expires).toBe(start + 365 * day);
    expect(created.revocations.expires).toBe(start + 30 * day);
  });

  it('delegates revocations first, terminating, with its own key', () => {
    expect(created.targets.delegations?.roles).toEqual([
      {
        name: 'revocations',
        keyIds: [seededKey('revocations').key.keyId],
        threshold: 1,
        terminating: true,
        paths: ['sha256:*'],
      },
    ]);
  });

  it('starts above the versions of an earlier incarnation', () => {
    const again = createRepository(repositoryKeys, terms({ root: 4, targets: 17 }));
    expect([again.root.version, again.targets.version, again.revocations.version]).toEqual([5, 18, 1]);
  });

  it('cuts off fractions of a second, which the format cannot write', () => {
    expect(createRepository(repositoryKeys, terms({}, start + 999)).root.binding.issued).toBe(start);
  });

  it('refuses the same key in two roles', () => {
    const keys = { ...repositoryKeys, snapshot: one('timestamp') };
    expect(reasonOf(() => createRepository(keys, terms()))).toBe('KEY_SHARED');
  });
});

describe('the keys of a role', () => {
  const keys = [seededKey('a').key, seededKey('b').key];

  it.each([0, -1, 1.5, 3, Number.NaN, 2 ** 53])('refuses threshold %s of two keys (T6, T25)', (threshold) => {
    expect(reasonOf(() => toRoleKeys('root', { keys, threshold }))).toBe('THRESHOLD');
  });

  it('refuses one key material under two ids (T4)', () => {
    const twin = { ...seededKey('a').key, keyId: digestHex('other') };
    expect(reasonOf(() => toRoleKeys('root', { keys: [seededKey('a').key, twin], threshold: 1 }))).toBe(
      'KEY',
    );
  });

  it('refuses no keys, and a key that is not usable', () => {
    const { usable: _, ...weak } = seededKey('a').key;
    expect(reasonOf(() => toRoleKeys('root', { keys: [], threshold: 1 }))).toBe('KEY');
    expect(reasonOf(() => toRoleKeys('root', { keys: [weak], threshold: 1 }))).toBe('KEY');
  });

  it('refuses a threshold above 1 that one custodian meets alone', () => {
    const keyIds = ['a', 'b', 'c'];
    const managed = () => 'service';
    const apart = (keyId: string) => (keyId === 'a' ? 'service' : keyId);
    expect(reasonOf(() => assertCustodians('root', { keyIds, threshold: 2 }, managed))).toBe('CUSTODIAN');
    expect(reasonOf(() => assertCustodians('root', { keyIds, threshold: 1 }, managed))).toBeUndefined();
    expect(reasonOf(() => assertCustodians('root', { keyIds, threshold: 2 }, apart))).toBeUndefined();
  });
});

describe('nextTargets', () => {
  const edit = (set: Target[]) => nextTargets('targets', targets, { set }, terms({ targets: 1 }));

  it('adds, replaces and removes, and leaves its predecessor alone', () => {
    const first = parsed(edit([tag('1.0'), tag('2.0')]));
    const second = nextTargets(
      'targets',
      first,
      { set: [tag('2.0', { length: 9 })], remove: ['1.0'] },
      terms({ targets: 2 }),
    );
    expect([...second.targets.keys()]).toEqual(['2.0']);
    expect(second.targets.get('2.0')?.length).toBe(9);
    expect(second.version).toBe(3);
    expect(second.delegations).toBe(targets.delegations);
    expect(first.targets.size).toBe(2);
  });

  it('takes tags with the names of object members (T36)', () => {
    const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];
    expect([...edit(names.map((name) => tag(name))).targets.keys()]).toEqual(names);
  });

  const bad: readonly (readonly [string, Target])[] = [
    ['a path', tag('a/b')],
    ['a path that climbs', tag('../x')],
    ['an empty name', tag('')],
    ['a negative length', tag('a', { length: -1 })],
    ['a fractional length', tag('a', { length: 1.5 })],
    ['no hash', tag('a', { hashes: new Map() })],
    ['upper-case hex', tag('a', { hashes: new Map([['sha256', digestHex('a').toUpperCase()]]) })],
    ['sha512 alone', tag('a', { hashes: new Map([['sha512', 'ab']]) })],
    ['custom that is a list', tag('a', { custom: [] })],
    ['custom with a float', tag('a', { custom: { x: 1.5 } })],
    ['custom with half a surrogate pair', tag('a', { custom: { x: '\ud800' } })],
    ['custom over the limit', tag('a', { custom: { x: 'x'.repeat(16_384) } })],
  ];
  it.each(bad)('refuses %s', (_, target) => {
    expect(reasonOf(() => edit([target]))).toBe('TARGET');
  });

  it('refuses more entries than clients take', () => {
    const many = Array.from({ length: 20_001 }, (_, index) => tag(`t${index}`));
    expect(reasonOf(() => edit(many))).toBe('SIZE');
  });

  it.each([0, 999, 3_651 * day, 1.5])('refuses a lifetime of %s ms', (lifetime) => {
    const bounded = { ...terms(), lifetimesMs: new Map([['targets', lifetime]]) };
    expect(reasonOf(() => nextTargets('targets', targets, {}, bounded))).toBe('TERMS');
  });
});

describe('nextRevocations', () => {
  const digest = `sha256:${digestHex('bad')}`;

  it('lists a digest under its own name with reason and time', () => {
    const entry = toRevocationTarget({
      digest,
      reason: 'CVE-2026-1',
      link: 'https://x.example',
      atMs: start,
    });
    const next = nextRevocations(parsed(created.revocations), { set: [entry] }, terms({ revocations: 1 }));
    expect(next.targets.get(digest)).toEqual({
      path: digest,
      length: 0,
      hashes: new Map([['sha256', digestHex('bad')]]),
      custom: { reason: 'CVE-2026-1', link: 'https://x.example', at: '2026-11-21T09:00:00Z' },
    });
  });

  it('refuses an entry whose path is not its hash, and a tag', () => {
    const other = tag('x', { path: `sha256:${digestHex('y')}` });
    for (const target of [other, tag('1.0')]) {
      expect(reasonOf(() => nextRevocations(parsed(created.revocations), { set: [target] }, terms()))).toBe(
        'TARGET',
      );
    }
  });

  it.each(['', 'x'.repeat(1_025)])('refuses a reason of unfit length', (reason) => {
    expect(reasonOf(() => toRevocationTarget({ digest, reason, atMs: start }))).toBe('TARGET');
  });
});

describe('nextSnapshot and nextTimestamp', () => {
  const first: Snapshot = parsed(
    nextSnapshot(
      undefined,
      new Map([
        ['targets', sealed(1)],
        ['revocations', sealed(1)],
      ]),
      terms(),
    ),
  );

  it('keeps every entry and moves those that were published', () => {
    const next = nextSnapshot(first, new Map([['targets', sealed(2)]]), terms({ snapshot: 1 }));
    expect(next.meta.get('revocations')).toEqual(first.meta.get('revocations'));
    expect(next.meta.get('targets')).toEqual({
      version: 2,
      length: 100,
      hashes: new Map([['sha256', digestHex('2')]]),
    });
  });

  it.each([1, 0])('refuses version %s of a role that is at 1', (version) => {
    const files = new Map([['targets', sealed(version)]]);
    expect(reasonOf(() => nextSnapshot(first, files, terms({ snapshot: 1 })))).toBe('VERSION');
  });

  it('lists versions only from 1,024 roles on', () => {
    const files = new Map(Array.from({ length: 1_022 }, (_, index) => [`b-${index}`, sealed(1)]));
    expect(nextSnapshot(first, new Map([...files].slice(1)), terms()).meta.get('targets')).toHaveProperty(
      'hashes',
    );
    expect(nextSnapshot(first, files, terms()).meta.get('targets')).toEqual({ version: 1 });
  });

  it('where files go by hash: keeps all hashes, lists SHA-512, and leaves out what is dropped', () => {
    const files = new Map(Array.from({ length: 1_100 }, (_, index) => [`b-${index}`, sealed(1)]));
    const sha512 = 'ab'.repeat(64);
    const options = { filesBy: 'hash', drop: ['revocations', 'never-there'] } as const;
    const next = nextSnapshot(first, files.set('targets', { ...sealed(2), sha512 }), terms(), options);
    expect(next.meta.get('b-1099')?.hashes?.get('sha256')).toBe(digestHex('1'));
    expect(next.meta.get('targets')?.hashes).toEqual(
      new Map([
        ['sha256', digestHex('2')],
        ['sha512', sha512],
      ]),
    );
    expect(next.meta.has('revocations')).toBe(false);
    const short = new Map([['targets', { ...sealed(2), sha512: 'ab' }]]);
    expect(reasonOf(() => nextSnapshot(first, short, terms(), options))).toBe('VERSION');
  });

  it('never leaves a role out where files go by version', () => {
    const drop = ['revocations'];
    expect(reasonOf(() => nextSnapshot(first, new Map(), terms({ snapshot: 1 }), { drop }))).toBe('VERSION');
  });

  it('puts the log head into the timestamp and refuses an older snapshot', () => {
    const log = { size: 3, hash: digestHex('log') };
    const timestamp = nextTimestamp(undefined, sealed(4), log, terms());
    expect(timestamp.binding.log).toEqual(log);
    expect(timestamp.snapshot.version).toBe(4);
    expect(reasonOf(() => nextTimestamp(parsed(timestamp), sealed(3), log, terms()))).toBe('VERSION');
    expect(reasonOf(() => nextTimestamp(undefined, sealed(4), { size: -1, hash: log.hash }, terms()))).toBe(
      'TERMS',
    );
  });
});

describe('nextRoot', () => {
  it('follows the root before it and drops keys that no role lists', () => {
    const next = nextRoot(root, { targets: one('targets-2') }, terms({ root: 1 }));
    expect(next.version).toBe(2);
    expect(next.roles.targets.keyIds).toEqual([seededKey('targets-2').key.keyId]);
    expect(next.roles.root).toEqual(root.roles.root);
    expect(next.keys.has(seededKey('targets').key.keyId)).toBe(false);
  });

  it('never jumps', () => {
    expect(reasonOf(() => nextRoot(root, {}, terms({ root: 5 })))).toBe('VERSION');
  });

  it('refuses a key that another role has already', () => {
    expect(reasonOf(() => nextRoot(root, { targets: one('root') }, terms({ root: 1 })))).toBe('KEY_SHARED');
  });
});

describe('layout', () => {
  const flat: Layout = { kind: 'flat' };
  const bins8: Layout = { kind: 'bins', bitLength: 8, namePrefix: 'b8' };

  it.each([
    [1_000, flat, flat],
    [1_001, flat, bins8],
    [100_000, bins8, bins8],
    [100_001, bins8, { kind: 'bins', bitLength: 10, namePrefix: 'b10' }],
    [3, bins8, bins8],
  ] as const)('for %s tags', (count, current, wanted) => {
    expect(layoutFor(count, current)).toEqual(wanted);
  });

  it('names 256 and 1,024 bins with as many digits as they need (TAP 15)', () => {
    expect(allBins({ bitLength: 8, namePrefix: 'b8' }).at(-1)).toBe('b8-ff');
    expect(allBins({ bitLength: 10, namePrefix: 'b10' }).at(0)).toBe('b10-000');
    expect(allBins({ bitLength: 10, namePrefix: 'b10' }).at(-1)).toBe('b10-3ff');
    // SHA-256 of "1.0" begins with these bits.
    const first = Number.parseInt(digestHex('1.0').slice(0, 8), 16);
    expect(binOf({ bitLength: 10, namePrefix: 'b10' }, '1.0')).toBe(
      `b10-${(first >>> 22).toString(16).padStart(3, '0')}`,
    );
  });

  it('moves 1,001 tags into bins in one edit, and then touches one bin per tag', () => {
    const full = parsed(
      nextTargets(
        'targets',
        targets,
        { set: Array.from({ length: 1_000 }, (_, index) => tag(`v${index}`)) },
        terms(),
      ),
    );
    const plan = planTags(layoutOf(full, undefined), 1_001, ['new']);
    expect(plan.load).toEqual(new Set(['targets']));
    const moved = editTags(plan, root, new Map([['targets', full]]), { set: [tag('new')] }, terms());
    expect(moved.size).toBe(258);
    expect(moved.get('targets')?.targets.size).toBe(0);
    expect(moved.get('targets')?.delegations?.roles.map((role) => role.name)).toEqual([
      'revocations',
      'bins',
    ]);
    const listed = [...moved].flatMap(([, draft]) => [...draft.targets.keys()]);
    expect(new Set(listed).size).toBe(1_001);

    const bins = moved.get('bins');
    const top = moved.get('targets');
    if (bins === undefined || top === undefined) throw new Error('not moved');
    const layout = layoutOf(parsed(top), parsed(bins));
    expect(layout).toEqual(bins8);
    const next = planTags(layout, 1_001, ['new']);
    expect([...next.load]).toEqual([binOf({ bitLength: 8, namePrefix: 'b8' }, 'new')]);
    const [name = ''] = next.load;
    const bin = moved.get(name);
    if (bin === undefined) throw new Error('no bin');
    const removed = editTags(next, root, new Map([[name, parsed(bin)]]), { remove: ['new'] }, terms());
    expect([...removed.keys()]).toEqual([name]);
    expect(removed.get(name)?.targets.has('new')).toBe(false);
  });

  it('says which document is missing', () => {
    expect(
      reasonOf(() => editTags(planTags(flat, 1, ['a']), root, new Map(), { set: [tag('a')] }, terms())),
    ).toBe('ROLE_MISSING');
  });
});

describe('names and patterns', () => {
  it.each(['root', '1', '12', '../x', 'a//b', 'a/', 'a/1', '.a', 'é', 'a b', 'x'.repeat(129)])(
    'refuses the role name %s',
    (name) => {
      expect(reasonOf(() => assertRoleName(name))).toBe('ROLE_NAME');
    },
  );

  it.each(['qa/nightly', 'b8-ff', 'release.team'])('takes the role name %s', (name) => {
    expect(reasonOf(() => assertRoleName(name))).toBeUndefined();
  });

  it.each(['!x', '{a,b}', '+(x)', '[ab]', '#x', 'a\\b', '.hidden', 'a/.b', '', '/a'])(
    'refuses the pattern %s, which clients read differently',
    (pattern) => {
      expect(reasonOf(() => assertPattern(pattern))).toBe('PATTERN');
    },
  );

  it.each(['*', 'sha256:*', '1.*', 'release-?'])('takes the pattern %s', (pattern) => {
    expect(reasonOf(() => assertPattern(pattern))).toBeUndefined();
  });
});
