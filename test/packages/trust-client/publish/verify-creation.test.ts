import { ed25519FromSeed, sha256Hex, toBase64, toHex } from '@vidimus/crypto';
import {
  type Change,
  type CreateRepositoryRequest,
  type SignedDocument,
  type SignedRecords,
  signDocuments,
  TrustClientError,
  verifyCreation,
} from '@vidimus/trust-client';
import {
  createRepository,
  type EditTerms,
  formatTime,
  type Key,
  type RepositoryKeys,
  tufDialect,
} from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';

const REPOSITORY = 'registry.example.com/team/app';
const NOW = Date.UTC(2026, 10, 21, 9, 0, 0);
const DAY = 86_400_000;

function keyOf(name: string): Key {
  const { publicRaw } = ed25519FromSeed(seedOf(name));
  return tufDialect.toKey({ keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(publicRaw) } });
}

function seedOf(name: string): Uint8Array {
  return new Uint8Array(Buffer.from(sha256Hex(Buffer.from(name)), 'hex'));
}

const mine = keyOf('mine');
const spare = keyOf('spare');
const request: CreateRepositoryRequest = {
  roles: {
    root: {
      threshold: 1,
      keys: [
        { custody: 'client', key: mine.declared },
        { custody: 'client', key: spare.declared },
      ],
    },
    timestamp: { expiresAfter: '12h' },
  },
};

const honestKeys: RepositoryKeys = {
  root: { keys: [mine, spare], threshold: 1 },
  targets: { keys: [keyOf('server targets')], threshold: 1 },
  snapshot: { keys: [keyOf('server snapshot')], threshold: 1 },
  timestamp: { keys: [keyOf('server timestamp')], threshold: 1 },
  revocations: { keys: [keyOf('server revocations')], threshold: 1 },
};

interface Lie {
  readonly keys?: Partial<RepositoryKeys>;
  readonly terms?: Partial<EditTerms>;
  readonly roles?: readonly ('root' | 'targets' | 'revocations')[];
  readonly change?: (change: Change) => Change;
}

/** What a server would answer; a lie changes one thing. */
function propose(lie: Lie = {}): Change {
  const terms: EditTerms = {
    repository: REPOSITORY,
    nowMs: NOW,
    lifetimesMs: new Map([
      ['root', 365 * DAY],
      ['targets', 90 * DAY],
      ['revocations', 30 * DAY],
    ]),
    highest: new Map(),
    ...lie.terms,
  };
  const made = createRepository({ ...honestKeys, ...lie.keys }, terms);
  const documents = (lie.roles ?? ['root']).map((role) => {
    const message = tufDialect.encode(made[role]);
    return {
      dialect: 'tuf',
      role,
      version: made[role].version,
      toSign: toBase64(message),
      sha256: sha256Hex(message),
      thresholds: [{ of: 'role' as const, threshold: 1, keyIds: [mine.keyId, spare.keyId] }],
      signatures: [],
      missing: 1,
    };
  });
  const change: Change = {
    id: '01A',
    repository: REPOSITORY,
    state: 'open',
    kind: 'create',
    edit: { method: 'PUT', path: `/v2/${REPOSITORY}/_trust`, body: request },
    times: { issued: formatTime(NOW), expires: {} },
    summary: '',
    diff: [],
    createdBy: '',
    createdAt: formatTime(NOW),
    expiresAt: formatTime(NOW + 7 * DAY),
    base: {},
    documents,
  };
  return lie.change?.(change) ?? change;
}

const verify = (change: Change) => verifyCreation({ repository: REPOSITORY, request, change, now: NOW });

describe('a proposed creation', () => {
  it('that says what was requested may be signed', () => {
    const [root, ...rest] = verify(propose());
    expect(rest).toEqual([]);
    expect(root).toMatchObject({
      dialect: 'tuf',
      role: 'root',
      version: 1,
      keyIds: [mine.keyId, spare.keyId],
    });
  });

  it('may be a later incarnation, whose versions go on', () => {
    const [root] = verify(propose({ terms: { highest: new Map([['root', 4]]) } }));
    expect(root?.version).toBe(5);
  });

  it.each<[string, Lie]>([
    [
      'a key of the server in root',
      { keys: { root: { keys: [mine, spare, keyOf('server root')], threshold: 1 } } },
    ],
    ['one key less', { keys: { root: { keys: [mine], threshold: 1 } } }],
    ['another key', { keys: { root: { keys: [mine, keyOf('thief')], threshold: 1 } } }],
    ['another threshold', { keys: { root: { keys: [mine, spare], threshold: 2 } } }],
    ['two targets keys', { keys: { targets: { keys: [keyOf('a'), keyOf('b')], threshold: 1 } } }],
    [
      'a threshold nobody asked for',
      { keys: { snapshot: { keys: [keyOf('a'), keyOf('b')], threshold: 2 } } },
    ],
    ['another repository', { terms: { repository: 'registry.example.com/team/other' } }],
    [
      'a longer life',
      {
        terms: {
          lifetimesMs: new Map([
            ['root', 3_650 * DAY],
            ['targets', DAY],
          ]),
        },
      },
    ],
    ['another time than it says', { terms: { nowMs: NOW + 60_000 } }],
    [
      'a name of another repository',
      { change: (change) => ({ ...change, repository: 'registry.example.com/x' }) },
    ],
    ['another kind', { change: (change) => ({ ...change, kind: 'role' }) }],
    ['no root', { roles: ['targets'] }],
    ['a document that is no part of it', { change: withRole('snapshot') }],
    ['a role twice', { roles: ['root', 'root'] }],
    ['another dialect', { change: withDialect('notary') }],
    ['a dialect that nobody knows', { change: withDialect('cosign') }],
    ['bytes that are no document', { change: withBytes('aGVsbG8=') }],
    ['bytes that are no base64', { change: withBytes('*') }],
    [
      'another hash',
      {
        change: (change) => ({
          ...change,
          documents: change.documents.map((d) => ({ ...d, sha256: '0'.repeat(64) })),
        }),
      },
    ],
  ])('with %s is refused', (_, lie) => {
    expect(() => verify(propose(lie))).toThrow(expect.objectContaining({ code: 'CHANGE_MISMATCH' }));
  });

  it('dated in the future is refused', () => {
    const ahead = NOW + DAY;
    const lie = propose({
      terms: { nowMs: ahead },
      change: (change) => ({ ...change, times: { ...change.times, issued: formatTime(ahead) } }),
    });
    expect(() => verify(lie)).toThrow(expect.objectContaining({ code: 'CHANGE_MISMATCH' }));
  });

  it('shows the keys of revocations where targets is signed here', () => {
    const own: CreateRepositoryRequest = {
      roles: {
        ...request.roles,
        targets: { keys: [{ custody: 'client', key: keyOf('my targets').declared }] },
      },
    };
    const keys = { targets: { keys: [keyOf('my targets')], threshold: 1 } };
    const check = (change: Change) =>
      verifyCreation({ repository: REPOSITORY, request: own, change, now: NOW });
    expect(check(propose({ keys, roles: ['root', 'targets'] })).map(({ role }) => role)).toEqual([
      'root',
      'targets',
    ]);
    const two = { ...keys, revocations: { keys: [keyOf('x'), keyOf('y')], threshold: 1 } };
    expect(() => check(propose({ keys: two, roles: ['root', 'targets'] }))).toThrow(TrustClientError);
  });
});

function withRole(role: string) {
  return (change: Change): Change => ({
    ...change,
    documents: change.documents.flatMap((document) => [document, { ...document, role }]),
  });
}

function withDialect(dialect: string) {
  return (change: Change): Change => ({
    ...change,
    documents: change.documents.map((document) => ({ ...document, dialect })),
  });
}

function withBytes(toSign: string) {
  return (change: Change): Change => ({
    ...change,
    documents: change.documents.map((document) => ({ ...document, toSign })),
  });
}

describe('signing what was verified', () => {
  function memoryRecords(): SignedRecords & { readonly log: string[] } {
    const kept = new Map<string, SignedDocument>();
    const log: string[] = [];
    return {
      log,
      find: async (version) => kept.get(JSON.stringify(version)),
      remember: async (version, document) => {
        log.push(`${version.role} ${version.version} ${document.change}`);
        kept.set(JSON.stringify(version), document);
      },
    };
  }
  const { signer } = ed25519FromSeed(seedOf('mine'));
  const keys = [{ keyId: mine.keyId, signer }];

  it('gives hex signatures by the keys that the document lists', async () => {
    const records = memoryRecords();
    const documents = verify(propose());
    const stranger = { keyId: keyOf('stranger').keyId, signer };
    const signatures = await signDocuments({
      repository: REPOSITORY,
      change: { id: '01A' },
      documents,
      keys: [...keys, stranger],
      records,
    });
    expect(signatures.map(({ role, keyId }) => [role, keyId])).toEqual([['root', mine.keyId]]);
    const sig = Buffer.from(signatures[0]?.sig ?? '', 'hex');
    expect(mine.usable?.verify(documents[0]?.message ?? new Uint8Array(), sig)).toBe(true);
    expect(records.log).toEqual(['root 1 01A']);
  });

  it('signs the same again, and never another document of the same version', async () => {
    const records = memoryRecords();
    const first = verify(propose());
    const sign = (
      change: { id: string; insteadOf?: string[] },
      documents = first,
      replacementConfirmed = false,
    ) => signDocuments({ repository: REPOSITORY, change, documents, keys, records, replacementConfirmed });
    await sign({ id: '01A' });
    await sign({ id: '01A' });
    const later = NOW + 1_000;
    const second = verifyCreation({
      repository: REPOSITORY,
      request,
      now: later,
      change: propose({
        terms: { nowMs: later },
        change: (change) => ({ ...change, id: '01B', times: { ...change.times, issued: formatTime(later) } }),
      }),
    });
    const refused = expect.objectContaining({ code: 'SIGNED_ALREADY' });
    await expect(sign({ id: '01B' }, second)).rejects.toEqual(refused);
    await expect(sign({ id: '01B', insteadOf: ['01A'] }, second)).rejects.toEqual(refused);
    await expect(sign({ id: '01B', insteadOf: ['01Z'] }, second, true)).rejects.toEqual(refused);
    expect(await sign({ id: '01B', insteadOf: ['01A'] }, second, true)).toHaveLength(1);
  });

  it('lets no signature out before it is remembered', async () => {
    const records: SignedRecords = {
      find: async () => undefined,
      remember: async () => {
        throw new Error('disk full');
      },
    };
    const signing = signDocuments({
      repository: REPOSITORY,
      change: { id: '01A' },
      documents: verify(propose()),
      keys,
      records,
    });
    await expect(signing).rejects.toThrow('disk full');
  });
});
