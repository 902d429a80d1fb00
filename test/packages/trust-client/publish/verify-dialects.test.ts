/** Documents of two dialects that a server proposes: signed only where this client makes the same bytes. */
import { ed25519FromSeed, fromBase64, fromHex, sha256Hex, toBase64 } from '@vidimus/crypto';
import {
  type AddDialectsRequest,
  type Change,
  type CreateRepositoryRequest,
  signDocuments,
  type VerifiedDocument,
  verifyAddedDialect,
  verifyCreation,
} from '@vidimus/trust-client';
import {
  createTopLevel,
  type DialectName,
  type EditTerms,
  type Key,
  nextRoot,
  type RepositoryKeys,
  type Root,
} from '@vidimus/tuf';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  asRoot,
  asTufKey,
  certified,
  DAY,
  managedBelow,
  NOW,
  notaryKey,
  REPOSITORY,
  toChange,
  tufKey,
} from './proposals.ts';

fc.configureGlobal({ seed: 20261201 });

const mine = tufKey('mine');
let certificate: Key;
let spareCertificate: Key;

beforeAll(async () => {
  certificate = await certified('mine');
  spareCertificate = await certified('spare');
});

const refused = expect.objectContaining({ code: 'CHANGE_MISMATCH' });

function terms(more: Partial<EditTerms> = {}): EditTerms {
  const lifetimesMs = new Map([
    ['root', 365 * DAY],
    ['targets', 90 * DAY],
  ]);
  return { repository: REPOSITORY, nowMs: NOW, lifetimesMs, highest: new Map(), ...more };
}

function rootOf(dialect: DialectName, keys: Partial<RepositoryKeys>, more: Partial<EditTerms> = {}) {
  const root = { keys: [dialect === 'tuf' ? mine : certificate], threshold: 1 };
  return createTopLevel({ root, ...managedBelow(dialect), ...keys }, terms(more)).root;
}

/** One byte of what a change offers to sign, changed, and its hash made to fit. */
function flipped(change: Change, document: number, position: number): Change {
  const documents = change.documents.map((each, index) => {
    if (index !== document) return each;
    const bytes = Buffer.from(fromBase64(each.toSign));
    const at = position % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return { ...each, toSign: toBase64(bytes), sha256: sha256Hex(bytes) };
  });
  return { ...change, documents };
}

describe('the creation of a repository in both dialects', () => {
  const request = (): CreateRepositoryRequest => ({
    dialects: ['tuf', 'notary'],
    roles: {
      root: {
        threshold: 1,
        keys: [
          { custody: 'client', key: mine.declared },
          { custody: 'client', dialect: 'notary', key: certificate.declared },
        ],
      },
    },
  });
  const proposed = (tuf: Partial<RepositoryKeys> = {}, notary: Partial<RepositoryKeys> = {}): Change =>
    toChange('create', [
      { dialect: 'tuf', root: rootOf('tuf', tuf) },
      { dialect: 'notary', root: rootOf('notary', notary) },
    ]);
  const verify = (change: Change): readonly VerifiedDocument[] =>
    verifyCreation({ repository: REPOSITORY, request: request(), change, now: NOW });

  it('may be signed where each root is what was asked for', () => {
    expect(verify(proposed())).toMatchObject([
      { dialect: 'tuf', role: 'root', version: 1, keyIds: [mine.keyId] },
      { dialect: 'notary', role: 'root', version: 1, keyIds: [certificate.keyId] },
    ]);
  });

  it('is signed by each key in the spelling of its dialect', async () => {
    const { signer } = ed25519FromSeed(fromHex(sha256Hex(Buffer.from('mine'))));
    const claims: string[] = [];
    const signatures = await signDocuments({
      repository: REPOSITORY,
      change: { id: '01A' },
      documents: verify(proposed()),
      // What signs does not matter here, but whose id it goes under.
      keys: [mine, certificate].map(({ keyId }) => ({ keyId, signer })),
      records: {
        find: async () => undefined,
        remember: async ({ dialect, role, version }) => {
          claims.push(`${dialect} ${role} ${version}`);
        },
      },
    });
    expect(claims).toEqual(['tuf root 1', 'notary root 1']);
    expect(signatures.map(({ dialect, keyId }) => [dialect, keyId])).toEqual([
      ['tuf', mine.keyId],
      ['notary', certificate.keyId],
    ]);
    expect(signatures[0]?.sig).toMatch(/^[0-9a-f]{128}$/);
    expect(fromBase64(signatures[1]?.sig ?? '')).toHaveLength(64);
  });

  it.each<[string, () => Change]>([
    ['one dialect left out', () => toChange('create', [{ dialect: 'tuf', root: rootOf('tuf', {}) }])],
    [
      'one dialect twice',
      () =>
        toChange(
          'create',
          [...(['tuf', 'tuf', 'notary'] as const)].map((dialect) => ({ dialect, root: rootOf(dialect, {}) })),
        ),
    ],
    ['another certificate', () => proposed({}, { root: { keys: [spareCertificate], threshold: 1 } })],
    [
      'a certificate more',
      () => proposed({}, { root: { keys: [certificate, spareCertificate], threshold: 1 } }),
    ],
    [
      'a key of the service that is in both',
      () => proposed({}, { targets: { keys: [notaryKey('tuf targets of the service')], threshold: 1 } }),
    ],
    [
      'a key of the service that is no Ed25519 key',
      () => proposed({}, { targets: { keys: [spareCertificate], threshold: 1 } }),
    ],
    [
      'another life in the one than in the other',
      () =>
        toChange('create', [
          { dialect: 'tuf', root: rootOf('tuf', {}) },
          {
            dialect: 'notary',
            root: rootOf(
              'notary',
              {},
              {
                lifetimesMs: new Map([
                  ['root', DAY],
                  ['targets', DAY],
                ]),
              },
            ),
          },
        ]),
    ],
    [
      'a root for Notary clients that is not the first',
      () =>
        toChange('create', [
          { dialect: 'tuf', root: rootOf('tuf', {}) },
          { dialect: 'notary', root: rootOf('notary', {}, { highest: new Map([['root', 1]]) }) },
        ]),
    ],
  ])('with %s is refused', (_, lie) => {
    expect(() => verify(lie())).toThrow(refused);
  });

  it('with a certificate of another repository is refused, whoever asked for it', async () => {
    const other = await certified('other', 'registry.example.com/team/other');
    const roles = {
      root: { keys: [{ custody: 'client', dialect: 'notary', key: other.declared }] },
    } as const;
    const keys = [{ custody: 'client', key: mine.declared } as const, ...roles.root.keys];
    const asked: CreateRepositoryRequest = { dialects: ['tuf', 'notary'], roles: { root: { keys } } };
    const change = proposed({}, { root: { keys: [other], threshold: 1 } });
    expect(() => verifyCreation({ repository: REPOSITORY, request: asked, change, now: NOW })).toThrow(
      refused,
    );
  });

  it('with any byte changed is refused', () => {
    const change = proposed();
    fc.assert(
      fc.property(fc.nat(1), fc.nat(1_000_000), (document, position) => {
        expect(() => verify(flipped(change, document, position))).toThrow(refused);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the dialect notary, added', () => {
  const request = (): AddDialectsRequest => ({
    dialects: ['tuf', 'notary'],
    roles: { root: { keys: [{ custody: 'client', dialect: 'notary', key: certificate.declared }] } },
  });
  const present = (): Root => asRoot(rootOf('tuf', {}));
  const verify = (change: Change, tuf = present()): readonly VerifiedDocument[] =>
    verifyAddedDialect({ repository: REPOSITORY, request: request(), change, roots: { tuf }, now: NOW });
  const proposed = (keys: Partial<RepositoryKeys> = {}, more: Partial<EditTerms> = {}): Change =>
    toChange('dialects', [{ dialect: 'notary', root: rootOf('notary', keys, more) }]);

  it('may be signed where its root is what was asked for', () => {
    expect(verify(proposed())).toMatchObject([{ dialect: 'notary', keyIds: [certificate.keyId] }]);
  });

  it.each<[string, () => Change]>([
    ['another certificate', () => proposed({ root: { keys: [spareCertificate], threshold: 1 } })],
    ['a key more', () => proposed({ root: { keys: [certificate, spareCertificate], threshold: 1 } })],
    [
      'two keys for targets',
      () => proposed({ targets: { keys: [notaryKey('a'), notaryKey('b')], threshold: 1 } }),
    ],
    [
      'a key of the other dialect',
      () => proposed({ targets: { keys: [notaryKey('tuf targets of the service')], threshold: 1 } }),
    ],
    ['a root that is not the first', () => proposed({}, { highest: new Map([['root', 4]]) })],
    ['a name of another repository', () => ({ ...proposed(), repository: 'registry.example.com/x' })],
    ['another kind', () => ({ ...proposed(), kind: 'create' })],
    [
      'a root of the other dialect',
      () => toChange('dialects', [{ dialect: 'tuf', root: rootOf('tuf', {}) }]),
    ],
    [
      'a date in the future',
      () =>
        toChange(
          'dialects',
          [{ dialect: 'notary', root: rootOf('notary', {}, { nowMs: NOW + DAY }) }],
          NOW + DAY,
        ),
    ],
    [
      'another life than it says',
      () => ({ ...proposed(), times: { ...proposed().times, expires: { root: '2026-12-21T09:00:00Z' } } }),
    ],
    ['no word on its life', () => ({ ...proposed(), times: { ...proposed().times, expires: {} } })],
  ])('with %s is refused', (_, lie) => {
    expect(() => verify(lie())).toThrow(refused);
  });

  it('with a lower threshold than the other dialect has is refused', () => {
    const two = { keys: [mine, tufKey('other')], threshold: 2 };
    expect(() => verify(proposed(), asRoot(rootOf('tuf', { root: two })))).toThrow(refused);
  });

  it('with any byte changed is refused', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (position) => {
        expect(() => verify(flipped(proposed(), 0, position))).toThrow(refused);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a mirror', () => {
  const request: AddDialectsRequest = { dialects: ['tuf', 'notary'] };
  const source = (keys: readonly Key[] = [certificate], threshold = 1): Root =>
    asRoot(rootOf('notary', { root: { keys, threshold } }));
  const verify = (change: Change, roots: { notary?: Root; tuf?: Root } = { notary: source() }) =>
    verifyAddedDialect({ repository: REPOSITORY, request, change, roots, now: NOW });
  const proposed = (keys: Partial<RepositoryKeys> = {}, more: Partial<EditTerms> = {}): Change => {
    const root = { keys: [asTufKey(certificate)], threshold: 1 };
    return toChange('dialects', [{ dialect: 'tuf', root: rootOf('tuf', { root, ...keys }, more) }]);
  };

  it('may be signed where its root lists the keys of the certificates, and no others', () => {
    expect(verify(proposed())).toMatchObject([{ dialect: 'tuf', keyIds: [asTufKey(certificate).keyId] }]);
    // A later incarnation goes on above the versions of the one before.
    expect(verify(proposed({}, { highest: new Map([['root', 4]]) }))[0]?.version).toBe(5);
  });

  it.each<[string, () => Change]>([
    ['another key', () => proposed({ root: { keys: [asTufKey(spareCertificate)], threshold: 1 } })],
    [
      'a key more',
      () => proposed({ root: { keys: [asTufKey(certificate), tufKey('thief')], threshold: 1 } }),
    ],
    [
      'a key of the source that the service signs with',
      () => proposed({ targets: { keys: [tufKey('notary targets of the service')], threshold: 1 } }),
    ],
    [
      'two keys for timestamp',
      () => proposed({ timestamp: { keys: [tufKey('a'), tufKey('b')], threshold: 1 } }),
    ],
    ['another repository in it', () => proposed({}, { repository: 'registry.example.com/x' })],
  ])('with %s is refused', (_, lie) => {
    expect(() => verify(lie())).toThrow(refused);
  });

  it('with a lower threshold than its source is refused', () => {
    const two = [certificate, spareCertificate];
    const change = proposed({ root: { keys: two.map(asTufKey), threshold: 1 } });
    expect(() => verify(change, { notary: source(two, 2) })).toThrow(refused);
  });

  it('follows its source from the root that this client verified', () => {
    const tuf = asRoot(rootOf('tuf', { root: { keys: [asTufKey(certificate)], threshold: 1 } }));
    const next = nextRoot(
      tuf,
      { root: { keys: [asTufKey(spareCertificate)], threshold: 1 } },
      terms({ highest: new Map([['root', 1]]) }),
    );
    const change = toChange('dialects', [{ dialect: 'tuf', root: next }]);
    const notary = source([spareCertificate]);
    expect(verify(change, { notary, tuf })).toMatchObject([{ version: 2 }]);
    // Not to another root, and not with another key for targets on the way.
    expect(() => verify(change, { notary: source(), tuf })).toThrow(refused);
    const thief = { keys: [tufKey('thief')], threshold: 1 };
    const stolen = nextRoot(
      tuf,
      { root: { keys: [asTufKey(spareCertificate)], threshold: 1 }, targets: thief },
      terms({ highest: new Map([['root', 1]]) }),
    );
    expect(() => verify(toChange('dialects', [{ dialect: 'tuf', root: stolen }]), { notary, tuf })).toThrow(
      refused,
    );
  });
});
