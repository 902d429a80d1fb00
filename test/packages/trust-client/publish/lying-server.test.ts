/** A server that lies gets no signature: an honest change is spoiled in one thing, and refused. */
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import type { Change, PresentState } from '@vidimus/trust-client';
import type { DialectEdit, DialectName, Draft, Key, RoleKeySet, Root } from '@vidimus/tuf';
import { formatTime } from '@vidimus/tuf';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  asTufKey,
  certified,
  check,
  codecs,
  DAY,
  digestOf,
  NOW,
  type Proposal,
  pathTo,
  presentStates,
  propose,
  REPOSITORY,
  tag,
  tufKey,
} from './change-bed.ts';

type States = Readonly<Record<DialectName, PresentState>>;

let present: States;
let bobs: Key;
let danas: Key;
beforeAll(async () => {
  present = await presentStates();
  bobs = await certified('bob root');
  danas = await certified('dana root');
});

const bob = tufKey('tuf bob');
const dana = tufKey('tuf dana');
const thief = tufKey('thief');
const client = (key: Key, dialect?: DialectName) => ({
  custody: 'client' as const,
  ...(dialect === undefined ? {} : { dialect }),
  key: key.declared,
});

const rootEdit = (set: RoleKeySet): DialectEdit => ({ roles: { root: set } });
const rootBody = () => ({
  to: [client(bob), client(dana), client(bobs, 'notary'), client(danas, 'notary')],
  reason: 'alice left',
});
const rootCall = () => ({ method: 'POST', path: pathTo('roles', 'root', 'rotations'), body: rootBody() });

/** Alice's root keys replaced by dana's, in both dialects. */
function rotation(more: Partial<Proposal> = {}): Change {
  return propose(present, {
    kind: 'rotation',
    edit: rootCall(),
    parts: [
      { dialect: 'tuf', edit: rootEdit({ keys: [bob, dana], threshold: 2 }) },
      { dialect: 'notary', edit: rootEdit({ keys: [bobs, danas], threshold: 2 }) },
    ],
    ...more,
  });
}

const tagCall = {
  method: 'PUT',
  path: pathTo('tags', '1.2'),
  body: { digest: digestOf('two'), size: 500, role: 'releases' },
};
const entries = (role: string, ...set: readonly ReturnType<typeof tag>[]): DialectEdit => ({
  targets: new Map([[role, { set }]]),
});

/** One tag, signed by the holders of `releases`, in both dialects. */
function signing(tuf: DialectEdit = honest(), notary: DialectEdit = honest(), more: Partial<Proposal> = {}) {
  return propose(present, {
    kind: 'tags',
    edit: tagCall,
    parts: [
      { dialect: 'tuf', edit: tuf },
      { dialect: 'notary', edit: notary },
    ],
    ...more,
  });
}
const honest = () => entries('releases', tag('1.2', 'two', NOW));

/** Targets' key, which the service holds, replaced by another one that it makes. */
function managedRotation(offered: Key, edit: object = { to: [{ custody: 'managed' }] }): Change {
  return propose(present, {
    kind: 'rotation',
    edit: { method: 'POST', path: pathTo('roles', 'targets', 'rotations'), body: edit },
    parts: [
      {
        dialect: 'tuf',
        edit: { roles: { targets: { keys: [offered], threshold: 1 } } },
        roles: ['root'],
      },
    ],
  });
}

describe('before anything is spoiled', () => {
  it('the changes are signed', () => {
    expect(check(present, rotation()).documents).toHaveLength(2);
    expect(check(present, signing()).documents).toHaveLength(2);
    expect(check(present, managedRotation(tufKey('tuf new targets'))).documents).toHaveLength(1);
    expect(check(present, rotation(), { request: rootCall() }).documents).toHaveLength(2);
  });
});

const refusals: [lie: string, change: () => Change, code?: string][] = [
  // The bytes are not what the description makes.
  ['a key of a thief in root', () => withRoot({ keys: [bob, dana, thief], threshold: 2 })],
  ['a key less in root', () => withRoot({ keys: [bob], threshold: 1 })],
  ['another threshold of root', () => withRoot({ keys: [bob, dana], threshold: 1 })],
  ['another tag than described', () => signing(entries('releases', tag('1.3', 'two', NOW)))],
  ['another digest than described', () => signing(entries('releases', tag('1.2', 'evil', NOW)))],
  ['a tag more than described', () => signing(withMore('1.0', 'evil'))],
  [
    'a tag taken away beside',
    () => signing({ targets: new Map([['releases', { set: [tag('1.2', 'two', NOW)], remove: ['1.0'] }]]) }),
  ],
  ['a tag that is older than it was', () => signing(entries('releases', tag('1.2', 'two', NOW - DAY)))],
  ['one byte flipped', () => flipped(signing())],
  // The dialects do not say the same.
  [
    'another digest in the dialect notary',
    () => signing(honest(), entries('releases', tag('1.2', 'evil', NOW))),
  ],
  ['another tag in the dialect notary', () => signing(honest(), entries('releases', tag('1.3', 'two', NOW)))],
  [
    'another root threshold in the dialect notary',
    () => withNotaryRoot({ keys: [bobs, danas], threshold: 1 }),
  ],
  ['a key less in the dialect notary', () => withNotaryRoot({ keys: [bobs], threshold: 1 })],
  ['nothing for the dialect notary, whose keys it names', () => withoutDialect(rotation(), 'notary')],
  ['nothing for the dialect tuf, whose keys it names', () => withoutDialect(rotation(), 'tuf')],
  // The description is of something else.
  ['the description of another tag', () => described(signing(), { path: pathTo('tags', '1.9') })],
  [
    'the description of another role',
    () => described(rotation(), { path: pathTo('roles', 'targets', 'rotations') }),
  ],
  ['the description of another method', () => described(rotation(), { method: 'PATCH' })],
  [
    'a description with a member that nobody knows',
    () => described(rotation(), { body: { ...rootBody(), also: 1 } }),
  ],
  [
    'a description with a role that is none',
    () => described(rotation(), { path: pathTo('roles', 'mirrors', 'rotations') }),
  ],
  [
    'a description that cannot be read',
    () => described(rotation(), { path: `/v2/${REPOSITORY}/_trust/roles/%E0%A4%A/rotations` }),
  ],
  ['a description of another kind', () => ({ ...rotation(), kind: 'tags' })],
  ['a kind that nobody knows', () => ({ ...rotation(), kind: 'key rotation' })],
  [
    'the description of another repository',
    () => described(rotation(), { path: '/v2/registry.example.com/x/_trust/roles/root/rotations' }),
  ],
  // It stands on something else.
  [
    'a base that was passed',
    () => signing(honest(), honest(), { versions: new Map([['releases', 0]]) }),
    'CHANGE_STALE',
  ],
  [
    'a base that is not there yet',
    () => signing(honest(), honest(), { versions: new Map([['releases', 7]]) }),
    'CHANGE_STALE',
  ],
  ['a base that is printed otherwise', () => ({ ...rotation(), base: { root: 5 } }), 'CHANGE_STALE'],
  [
    'a base of the dialect notary that was passed',
    () => ({ ...rotation(), base: { root: 1, 'notary:root': 3 } }),
    'CHANGE_STALE',
  ],
  ['content of an older base', () => onOlderBase()],
  ['another repository', () => ({ ...rotation(), repository: 'registry.example.com/x' })],
  ['bytes for another repository', () => rotation({ repository: 'registry.example.com/x' })],
  // Documents.
  ['swapped roles', () => swapped(signingTwo(), 'releases', 'qa')],
  ['swapped dialects', () => otherDialects(signing())],
  ['a document that the edit does not touch', () => signing({ ...honest(), resign: new Set(['qa']) })],
  ['a root that the edit does not touch', () => signing({ ...honest(), renewRoot: true })],
  ['a root beside a tag', () => signing({ ...honest(), ...rootEdit({ keys: [bob, thief], threshold: 2 }) })],
  ['a document twice', () => repeated(rotation())],
  ['a version that is said to be another', () => saying(rotation(), { version: 9 })],
  ['a hash of other bytes', () => saying(rotation(), { sha256: '0'.repeat(64) })],
  ['bytes that are no document', () => saying(rotation(), { toSign: toBase64(Buffer.from('hello')) })],
  ['no documents', () => ({ ...rotation(), documents: [] })],
  ['a delegation added beside a tag', () => signing({ ...honest(), ...thiefsDelegation() })],
  // Times.
  ['a date in the future', () => rotation({ nowMs: NOW + DAY })],
  [
    'another date than it says',
    () => ({ ...rotation(), times: { ...rotation().times, issued: formatTime(NOW - DAY) } }),
  ],
  ['a life that is too long', () => rotation({ lifetimes: lives(3_700) })],
  ['a life far beyond the present one', () => rotation({ lifetimes: lives(3_000) })],
  ['a life far below the present one', () => rotation({ lifetimes: lives(2) })],
  ['an end that is printed otherwise', () => printing(rotation(), formatTime(NOW + DAY))],
  [
    'another life than was asked for',
    () => described(rotation(), { body: { ...rootBody(), expiresAfter: '30d' } }),
  ],
  // Keys that the service is left to choose.
  ['a key of a person in the place of a new one', () => managedLie(tufKey('tuf alice'))],
  ['the old key in the place of a new one', () => managedRotation(tufKey('tuf targets'))],
  ['the key of another role in the place of a new one', () => managedLie(tufKey('tuf snapshot'))],
  ['the key of a delegation in the place of a new one', () => managedLie(tufKey('tuf carol-r'))],
  ['a key of another algorithm in the place of a new one', () => managedRotation(asPem())],
  ['one key for two roles', () => rotatedTo(tufKey('tuf snapshot'))],
  [
    'two keys where one was asked for',
    () => managedRotation(tufKey('a'), { to: [{ custody: 'managed' }, { custody: 'managed' }] }),
  ],
];

describe('a server that lies', () => {
  it.each(refusals)('with %s gets no signature', (_, change, code = 'CHANGE_MISMATCH') => {
    expect(() => check(present, change())).toThrow(expect.objectContaining({ code }));
  });

  it('about the call that it answers gets no signature', () => {
    const request = { ...rootCall(), body: { ...rootBody(), threshold: 2 } };
    expect(() => check(present, rotation(), { request })).toThrow(
      expect.objectContaining({ code: 'CHANGE_MISMATCH' }),
    );
  });

  it('by withholding what a role says now gets no signature', () => {
    const targets = new Map([...present.tuf.targets].filter(([role]) => role !== 'releases'));
    const tuf = { ...present.tuf, targets, unreadable: new Map([['releases', 'missing']]) };
    const empty = { ...present, tuf: { ...present.tuf, targets } };
    const change = propose(empty, {
      kind: 'tags',
      edit: tagCall,
      parts: [{ dialect: 'tuf', edit: honest() }],
    });
    expect(() => check({ ...present, tuf }, change)).toThrow(
      expect.objectContaining({ code: 'CHANGE_MISMATCH' }),
    );
  });

  it('about who may sign gets no signature by another key', () => {
    const lists = new Set(present.tuf.targets.get('targets')?.delegations?.roles[0]?.keyIds);
    for (const { dialect, keyIds } of check(present, signing()).documents) {
      if (dialect === 'tuf') expect(new Set(keyIds)).toEqual(lists);
    }
  });
});

function withRoot(set: RoleKeySet): Change {
  return rotation({
    parts: [
      { dialect: 'tuf', edit: rootEdit(set) },
      { dialect: 'notary', edit: rootEdit({ keys: [bobs, danas], threshold: 2 }) },
    ],
  });
}

function withNotaryRoot(set: RoleKeySet): Change {
  return rotation({
    parts: [
      { dialect: 'tuf', edit: rootEdit({ keys: [bob, dana], threshold: 2 }) },
      { dialect: 'notary', edit: rootEdit(set) },
    ],
  });
}

function withMore(path: string, image: string): DialectEdit {
  return entries('releases', tag('1.2', 'two', NOW), tag(path, image, NOW));
}

function thiefsDelegation(): DialectEdit {
  const set = [{ name: 'thief', paths: ['*'], terminating: true, threshold: 1, keys: [thief] }];
  return { delegations: new Map([['targets', { set }]]) };
}

const lives = (days: number) =>
  new Map([
    ['root', Math.min(days, 3_650) * DAY],
    ['targets', 90 * DAY],
  ]);

function described(change: Change, edit: Partial<Change['edit']>): Change {
  return { ...change, edit: { ...change.edit, ...edit } };
}

function saying(change: Change, lie: Partial<Change['documents'][number]>): Change {
  const [first, ...rest] = change.documents;
  return first === undefined ? change : { ...change, documents: [{ ...first, ...lie }, ...rest] };
}

function printing(change: Change, root: string): Change {
  return { ...change, times: { ...change.times, expires: { ...change.times.expires, root } } };
}

function flipped(change: Change): Change {
  const [document] = change.documents;
  const bytes = Buffer.from(document?.toSign ?? '', 'base64');
  const at = bytes.indexOf('1.2');
  bytes[at + 2] = '7'.charCodeAt(0);
  return saying(change, { toSign: bytes.toString('base64'), sha256: sha256Hex(bytes) });
}

function repeated(change: Change): Change {
  return { ...change, documents: change.documents.flatMap((document) => [document, document]) };
}

/** Both roles get a new document; what is asked of the one is said of the other. */
function signingTwo(): Change {
  const edit: DialectEdit = { resign: new Set(['releases', 'qa']) };
  return propose(present, {
    kind: 'resign',
    edit: tagCall,
    parts: [{ dialect: 'tuf', edit }],
  });
}

function swapped(change: Change, one: string, other: string): Change {
  const turn = (role: string): string => (role === one ? other : role === other ? one : role);
  return {
    ...change,
    documents: change.documents.map((document) => ({ ...document, role: turn(document.role) })),
  };
}

function withoutDialect(change: Change, dialect: DialectName): Change {
  const documents = change.documents.filter((document) => document.dialect !== dialect);
  const names = Object.entries(change.base).filter(
    ([name]) => name.startsWith('notary:') === (dialect === 'tuf'),
  );
  return { ...change, documents, base: Object.fromEntries(names) };
}

function otherDialects(change: Change): Change {
  const turn = (dialect: string): string => (dialect === 'tuf' ? 'notary' : 'tuf');
  return {
    ...change,
    documents: change.documents.map((document) => ({ ...document, dialect: turn(document.dialect) })),
  };
}

/** Made from targets as they were before the present ones, under the present version. */
function onOlderBase(): Change {
  const { releases } = Object.fromEntries(present.tuf.targets);
  if (releases === undefined) throw new Error('no such role');
  const older = { ...releases, targets: new Map() };
  const state = { ...present.tuf, targets: new Map([...present.tuf.targets, ['releases', older]]) };
  return propose(
    { ...present, tuf: state },
    { kind: 'tags', edit: tagCall, parts: [{ dialect: 'tuf', edit: honest() }] },
  );
}

/** A P-256 key where the service makes Ed25519. */
function asPem(): Key {
  return asTufKey(bobs);
}

/** The description itself asks for a key that another role has. */
function rotatedTo(key: Key): Change {
  const change = described(rotation(), { body: { to: [client(bob), client(key)] } });
  const only = { ...change, documents: change.documents.slice(0, 1), base: { root: 1 } };
  return forged(only, 'root', [bob, key]);
}

/** The service calls a key its own that is somebody's. */
function managedLie(key: Key): Change {
  return forged(managedRotation(tufKey('tuf new targets')), 'targets', [key]);
}

/** The first document, a root, with other keys in a role; no rule of ours would make it. */
function forged(change: Change, role: 'root' | 'targets', keys: readonly Key[]): Change {
  const file = codecs.tuf.seal(Buffer.from(change.documents[0]?.toSign ?? '', 'base64'), []);
  const root = codecs.tuf.decode('root', codecs.tuf.open(file, file.length));
  const keyIds = keys.map(({ keyId }) => keyId).sort();
  const draft: Draft<Root> = {
    ...root,
    keys: new Map([...root.keys, ...keys.map((key): [string, Key] => [key.keyId, key])]),
    roles: { ...root.roles, [role]: { ...root.roles[role], keyIds } },
  };
  const message = codecs.tuf.encode(draft);
  return saying(change, { toSign: toBase64(message), sha256: sha256Hex(message) });
}
