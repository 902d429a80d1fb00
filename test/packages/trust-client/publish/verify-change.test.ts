/** Honest changes of every kind: recomputed, equal in every byte, and their difference told. */
import type { Change, PresentState } from '@vidimus/trust-client';
import type { DelegationSpec, DialectName, Key } from '@vidimus/tuf';
import { toRevocationTarget } from '@vidimus/tuf';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  certified,
  check,
  DAY,
  digestOf,
  NOW,
  notaryKey,
  type Part,
  pathTo,
  presentStates,
  propose,
  tag,
  tufKey,
} from './change-bed.ts';

let present: Readonly<Record<DialectName, PresentState>>;
beforeAll(async () => {
  present = await presentStates();
});

const client = (key: Key, dialect?: DialectName) => ({
  custody: 'client' as const,
  ...(dialect === undefined ? {} : { dialect }),
  key: key.declared,
});
const managed = { custody: 'managed' as const };

const alice = tufKey('tuf alice');
const bob = tufKey('tuf bob');
const dana = tufKey('tuf dana');

function rotateRoot(more: Partial<{ parts: readonly Part[]; body: unknown }> = {}) {
  return propose(present, {
    kind: 'rotation',
    edit: {
      method: 'POST',
      path: pathTo('roles', 'root', 'rotations'),
      body: more.body ?? { to: [client(bob), client(dana)], reason: 'alice left' },
    },
    parts: more.parts ?? [{ dialect: 'tuf', edit: { roles: { root: { keys: [bob, dana], threshold: 2 } } } }],
  });
}

const says = (change: Change) =>
  check(present, change).difference.map(
    ({ dialect, role, what, name, before, after, anchored }) =>
      `${dialect} ${role} ${what}${name === undefined ? '' : ` ${name}`}: ${short(before)} -> ${short(after)}${anchored ? ' (anchored)' : ''}`,
  );
const short = (text = '-') => (/^[0-9a-f]{64}$/.test(text) ? nameOf(text) : text.slice(0, 20));
const nameOf = (keyId: string) =>
  ['alice', 'bob', 'dana', 'targets', 'new targets', 'snapshot', 'alice-r', 'carol-r', 'new']
    .flatMap((name) => [
      [tufKey(`tuf ${name}`).keyId, name] as const,
      [notaryKey(`notary ${name}`).keyId, `n-${name}`] as const,
    ])
    .find(([id]) => id === keyId)?.[1] ?? keyId.slice(0, 6);

describe('a rotation', () => {
  it('of root is recomputed, and tells which pinned key goes', () => {
    expect(says(rotateRoot())).toEqual([
      'tuf root key: - -> dana',
      'tuf root key: alice -> - (anchored)',
      'tuf root version: 1 -> 2',
      'tuf root expires: 2027-11-11T09:00:00Z -> 2027-11-21T09:00:00Z',
    ]);
  });

  it('lets the keys of both roots count, and no others', () => {
    const [document] = check(present, rotateRoot()).documents;
    expect(new Set(document?.keyIds)).toEqual(new Set([alice, bob, dana].map(({ keyId }) => keyId)));
  });

  it('in both dialects is compared in both', async () => {
    const [bobs, danas] = [await certified('bob root'), await certified('dana root')];
    const change = rotateRoot({
      body: {
        to: [client(bob), client(dana), client(bobs, 'notary'), client(danas, 'notary')],
        reason: 'x',
      },
      parts: [
        { dialect: 'tuf', edit: { roles: { root: { keys: [bob, dana], threshold: 2 } } } },
        { dialect: 'notary', edit: { roles: { root: { keys: [bobs, danas], threshold: 2 } } } },
      ],
    });
    expect(check(present, change).documents.map(({ dialect, role }) => `${dialect} ${role}`)).toEqual([
      'tuf root',
      'notary root',
    ]);
  });

  it('of a role that the service holds takes its new key from the root that is offered', () => {
    const set = { keys: [tufKey('tuf new targets')], threshold: 1 };
    const change = propose(present, {
      kind: 'rotation',
      edit: { method: 'POST', path: pathTo('roles', 'targets', 'rotations'), body: { to: [managed] } },
      parts: [{ dialect: 'tuf', edit: { roles: { targets: set } }, roles: ['root'] }],
    });
    expect(says(change).slice(0, 2)).toEqual([
      'tuf targets key: - -> new targets',
      'tuf targets key: targets -> -',
    ]);
  });

  it('of a delegated role keeps its paths', () => {
    const keys = [tufKey('tuf carol-r'), tufKey('tuf dana')];
    const change = propose(present, {
      kind: 'rotation',
      edit: {
        method: 'POST',
        path: pathTo('roles', 'releases', 'rotations'),
        body: { to: keys.map((key) => client(key)) },
      },
      parts: [{ dialect: 'tuf', edit: delegate({ ...releases, keys }), roles: ['releases'] }],
    });
    // The service signs targets, where the keys stand: they are told, and may sign what is theirs.
    expect(says(change).slice(0, 3)).toEqual([
      'tuf releases key: - -> dana',
      'tuf releases key: alice-r -> -',
      'tuf releases version: 1 -> 2',
    ]);
    expect(check(present, change).documents[0]?.keyIds).toContain(dana.keyId);
  });

  it('may be of a threshold or a lifetime alone', () => {
    const threshold = propose(present, {
      kind: 'rotation',
      edit: { method: 'PATCH', path: pathTo('roles', 'root'), body: { threshold: 1 } },
      parts: [{ dialect: 'tuf', edit: { roles: { root: { keys: [alice, bob], threshold: 1 } } } }],
    });
    expect(says(threshold)[0]).toBe('tuf root threshold: 2 of 2 -> 1 of 2');
    const lifetime = propose(present, {
      kind: 'rotation',
      edit: { method: 'PATCH', path: pathTo('roles', 'root'), body: { expiresAfter: '30d' } },
      parts: [{ dialect: 'tuf', edit: { renewRoot: true } }],
      lifetimes: new Map([
        ['root', 30 * DAY],
        ['targets', DAY],
      ]),
    });
    expect(says(lifetime)).toHaveLength(2);
  });
});

const releases: DelegationSpec = {
  name: 'releases',
  paths: ['1.*'],
  terminating: false,
  threshold: 2,
  keys: [tufKey('tuf alice-r'), tufKey('tuf carol-r')],
};
const delegate = (spec: DelegationSpec) => ({ delegations: new Map([['targets', { set: [spec] }]]) });

describe('a delegation', () => {
  it('that is new is shown with its keys and paths', () => {
    const spec = { name: 'nightly', paths: ['nightly-*'], terminating: true, threshold: 1, keys: [dana] };
    const change = propose(present, {
      kind: 'delegation',
      edit: {
        method: 'PUT',
        path: pathTo('delegations', 'nightly'),
        body: {
          signers: [{ name: 'dana', keys: [client(dana)] }],
          threshold: 1,
          paths: ['nightly-*'],
          terminating: true,
        },
      },
      parts: [{ dialect: 'tuf', edit: delegate(spec) }],
    });
    expect(says(change).slice(0, 5)).toEqual([
      'tuf nightly delegation: - -> nightly',
      'tuf nightly key: - -> dana',
      'tuf nightly threshold: - -> 1 of 1',
      'tuf nightly paths: - -> nightly-*',
      'tuf nightly terminating: - -> true',
    ]);
    expect(check(present, change).documents.map(({ role }) => role)).toEqual(['targets', 'nightly']);
  });

  it('is changed in both dialects', () => {
    const tuf = { ...releases, keys: [tufKey('tuf carol-r'), dana] };
    const danas = notaryKey('notary dana');
    const carols = notaryKey('notary carol-r');
    const change = propose(present, {
      kind: 'delegation',
      edit: {
        method: 'PUT',
        path: pathTo('delegations', 'releases'),
        body: {
          signers: [
            { name: 'carol', keys: [client(tufKey('tuf carol-r')), client(carols, 'notary')] },
            { name: 'dana', keys: [client(dana), client(danas, 'notary')] },
          ],
          threshold: 2,
          paths: ['1.*'],
        },
      },
      parts: [
        { dialect: 'tuf', edit: delegate(tuf) },
        { dialect: 'notary', edit: delegate({ ...tuf, pathPrefixes: ['1.'], keys: [carols, danas] }) },
      ],
    });
    expect(says(change).filter((line) => line.includes('key'))).toEqual([
      'tuf releases key: - -> dana',
      'tuf releases key: alice-r -> -',
      'notary releases key: - -> n-dana',
      'notary releases key: n-alice-r -> -',
    ]);
  });

  it('names every key that stays in a place of the service: it could be one that was to go', () => {
    const change = propose(present, {
      kind: 'delegation',
      edit: {
        method: 'PUT',
        path: pathTo('delegations', 'releases'),
        body: {
          signers: [
            { name: 'carol', keys: [client(tufKey('tuf carol-r'))] },
            { name: 'ci', keys: [managed] },
          ],
          threshold: 2,
          paths: ['1.*'],
        },
      },
      parts: [{ dialect: 'tuf', edit: delegate(releases) }],
    });
    expect(says(change)[0]).toBe('tuf releases key: alice-r -> alice-r');
  });

  it('is taken away', () => {
    const change = propose(present, {
      kind: 'delegation',
      edit: { method: 'DELETE', path: pathTo('delegations', 'qa'), body: {} },
      parts: [{ dialect: 'tuf', edit: { delegations: new Map([['targets', { remove: ['qa'] }]]) } }],
    });
    expect(says(change)[0]).toBe('tuf qa delegation: qa -> -');
  });
});

describe('tags', () => {
  it('are recomputed with since when they have their digest', () => {
    const edits = new Map([
      ['releases', { set: [tag('1.2', 'two', NOW), tag('1.0', 'one')], remove: ['1.1'] }],
    ]);
    const change = propose(present, {
      kind: 'tags',
      edit: {
        method: 'POST',
        path: pathTo('tags'),
        body: {
          role: 'releases',
          sign: [
            { tag: '1.2', digest: digestOf('two'), size: 500 },
            { tag: '1.0', digest: digestOf('one'), size: 500 },
          ],
          revoke: ['1.1'],
        },
      },
      parts: [
        { dialect: 'tuf', edit: { targets: edits } },
        { dialect: 'notary', edit: { targets: edits } },
      ],
    });
    expect(says(change).filter((line) => line.startsWith('tuf releases tag'))).toEqual([
      `tuf releases tag 1.2: - -> ${digestOf('two').slice(0, 20)}`,
      `tuf releases tag 1.1: ${digestOf('bad').slice(0, 20)} -> -`,
    ]);
    const carol = tufKey('tuf carol-r').keyId;
    expect(check(present, change).documents[0]?.keyIds).toContain(carol);
    expect(check(present, change).documents[0]?.keyIds).not.toContain(alice.keyId);
  });

  it.each([
    [
      'signed',
      'PUT',
      { digest: digestOf('x'), size: 500, role: 'releases' },
      { set: [tag('1.0', 'x', NOW)] },
    ],
    ['taken away', 'DELETE', { role: 'releases' }, { remove: ['1.0'] }],
  ])('one by one are %s', (_, method, body, edit) => {
    const change = propose(present, {
      kind: 'tags',
      edit: { method, path: pathTo('tags', '1.0'), body },
      parts: [{ dialect: 'tuf', edit: { targets: new Map([['releases', edit]]) } }],
    });
    expect(says(change)[0]).toMatch(/^tuf releases tag 1.0: /);
  });
});

describe('a revocation', () => {
  it('of a digest takes its tags out of the roles that others sign', () => {
    const digest = digestOf('bad');
    const change = propose(present, {
      kind: 'revocation',
      edit: { method: 'PUT', path: pathTo('revocations', digest), body: { reason: 'CVE' } },
      parts: [
        { dialect: 'tuf', edit: { targets: new Map([['releases', { remove: ['1.1'] }]]) } },
        { dialect: 'notary', edit: { targets: new Map([['releases', { remove: ['1.1'] }]]) } },
      ],
    });
    expect(says(change)[0]).toBe(`tuf releases tag 1.1: ${digest.slice(0, 20)} -> -`);
  });

  it('of a digest is written where its role is signed by others', () => {
    const digest = digestOf('bad');
    const set = [toRevocationTarget({ digest, length: 500, reason: 'CVE', atMs: NOW })];
    const withRole = withRevocations();
    const change = propose(withRole, {
      kind: 'revocation',
      edit: { method: 'PUT', path: pathTo('revocations', digest), body: { reason: 'CVE' } },
      parts: [
        {
          dialect: 'tuf',
          edit: {
            targets: new Map([
              ['revocations', { set }],
              ['releases', { remove: ['1.1'] }],
            ]),
          },
        },
      ],
    });
    const { difference } = check(withRole, change);
    expect(difference[0]).toMatchObject({
      role: 'revocations',
      what: 'revocation',
      name: digest,
      after: 'CVE',
    });
  });

  it('of a key takes it out of every role, with another in its place', () => {
    const [old, next] = [tufKey('tuf carol-r'), tufKey('tuf new')];
    const set = [
      { ...releases, keys: [tufKey('tuf alice-r'), next] },
      { name: 'qa', paths: ['qa-*'], terminating: false, threshold: 1, keys: [next] },
    ];
    const change = propose(present, {
      kind: 'key',
      edit: {
        method: 'POST',
        path: pathTo('keys', old.keyId, 'revocation'),
        body: { reason: 'stolen', replacement: client(next), expect: { break: 0 } },
      },
      parts: [{ dialect: 'tuf', edit: { delegations: new Map([['targets', { set }]]) } }],
    });
    expect(says(change).slice(0, 4)).toEqual([
      'tuf releases key: - -> new',
      'tuf releases key: carol-r -> -',
      'tuf qa key: - -> new',
      'tuf qa key: carol-r -> -',
    ]);
  });

  it('of a root key that leaves too few is only signed where that was forced', () => {
    const revoke = (body: object) =>
      propose(present, {
        kind: 'key',
        edit: { method: 'POST', path: pathTo('keys', alice.keyId, 'revocation'), body },
        parts: [{ dialect: 'tuf', edit: { roles: { root: { keys: [bob], threshold: 1 } } } }],
      });
    expect(says(revoke({ reason: 'lost', force: true }))).toContain('tuf root threshold: 2 of 2 -> 1 of 1');
    expect(says(revoke({ reason: 'lost', threshold: 1 }))).toContain('tuf root threshold: 2 of 2 -> 1 of 1');
    expect(() => check(present, revoke({ reason: 'lost' }))).toThrow(
      expect.objectContaining({ code: 'CHANGE_MISMATCH' }),
    );
  });
});

/** With a first `revocations` of the security team. */
function withRevocations(): Readonly<Record<DialectName, PresentState>> {
  const empty = present.tuf.targets.get('qa');
  if (empty === undefined) throw new Error('no such role');
  const own = {
    ...empty,
    binding: { ...empty.binding, role: 'revocations' },
    fields: {},
    expires: NOW + 20 * DAY,
  };
  return {
    ...present,
    tuf: { ...present.tuf, targets: new Map([...present.tuf.targets, ['revocations', own]]) },
  };
}

describe('signing anew', () => {
  it('changes nothing but version and time', () => {
    const change = propose(present, {
      kind: 'resign',
      edit: { method: 'POST', path: pathTo('keys', 'x', 'revocation'), body: { whatever: 1 } },
      parts: [
        { dialect: 'tuf', edit: { resign: new Set(['releases']) } },
        { dialect: 'notary', edit: { resign: new Set(['releases']) } },
      ],
    });
    expect(says(change).map((line) => line.split(':')[0])).toEqual([
      'tuf releases version',
      'tuf releases expires',
      'notary releases version',
      'notary releases expires',
    ]);
  });

  it('of what too few vouch for now shows all of it', () => {
    const below = { ...present, tuf: { ...present.tuf, below: new Set(['releases']) } };
    const change = propose(below, {
      kind: 'resign',
      edit: { method: 'POST', path: pathTo('keys', 'x', 'revocation'), body: {} },
      parts: [{ dialect: 'tuf', edit: { resign: new Set(['releases']) } }],
    });
    const lines = check(below, change).difference.filter(({ unvouched }) => unvouched);
    expect(lines.map(({ name, after }) => [name, after])).toEqual([
      ['1.0', digestOf('one')],
      ['1.1', digestOf('bad')],
    ]);
  });
});
