import { createPublicKey } from 'node:crypto';
import { ed25519FromSeed, sha256, sha256Hex } from '@vidimus/crypto';
import { approvalMessage, type MadeKey } from '@vidimus/key-store';
import { describe, expect, it } from 'vitest';
import {
  type Changes,
  codeOf,
  createSignerBed,
  place,
  REPOSITORY,
  request,
  root,
  targets,
  timestamp,
} from './signer-bed.ts';

const person = (name: string) => ed25519FromSeed(sha256(Buffer.from(name)));
const alice = person('alice');
const bob = person('bob');
const carol = person('carol');
type Person = typeof alice;

function publicPem(someone: Person): string {
  const key = createPublicKey({
    key: Buffer.from(someone.signer.publicKey.spkiDer),
    format: 'der',
    type: 'spki',
  });
  return key.export({ format: 'pem', type: 'spki' }).toString();
}

const approvers = [
  { name: 'alice', publicKey: publicPem(alice) },
  { name: 'bob', publicKey: publicPem(bob) },
];

const config = (
  edits: readonly string[],
  threshold = 1,
  repositories = ['registry.example.com/team/**'],
) => ({
  approvals: [{ repositories, edits, approvers, threshold }],
});

async function approve(
  someone: Person,
  role: string,
  version: number,
  document: Uint8Array,
  repository = REPOSITORY,
) {
  const message = approvalMessage({ repository, dialect: 'tuf', role, version, sha256: sha256Hex(document) });
  const signature = Buffer.from(await someone.signer.sign(message)).toString('base64');
  return { keyId: someone.signer.publicKey.materialId, signature };
}

describe('edits that approvers must have signed', () => {
  it('are refused without, and signed with an approval', async () => {
    const bed = await createSignerBed(config(['root']));
    const made = await bed.signer.makeKey(place('root'));
    const document = root(made);
    const sign = (approvals: Awaited<ReturnType<typeof approve>>[]) =>
      bed.signer.sign(request(made, place('root'), document, approvals));
    expect(await codeOf(() => sign([]))).toBe('APPROVAL_NEEDED');
    expect(bed.audit().at(-1)).toMatchObject({ event: 'refused', code: 'APPROVAL_NEEDED' });
    expect(await codeOf(async () => sign([await approve(carol, 'root', 1, document)]))).toBe(
      'APPROVAL_NEEDED',
    );
    expect(await codeOf(async () => sign([await approve(alice, 'root', 1, document)]))).toBe('done');
    expect(bed.audit().at(-1)).toMatchObject({ event: 'signed', approvedBy: ['alice'] });
  });

  it('are refused with the approval of another document', async () => {
    const { signer } = await createSignerBed(config(['root']));
    const made = await signer.makeKey(place('root'));
    const document = root(made);
    const other = root(made, { expiresIn: 48 });
    const wrong = [
      await approve(alice, 'root', 1, other),
      await approve(alice, 'root', 2, document),
      await approve(alice, 'targets', 1, document),
      await approve(alice, 'root', 1, document, 'registry.example.com/team/other'),
    ];
    for (const approval of wrong) {
      expect(await codeOf(() => signer.sign(request(made, place('root'), document, [approval])))).toBe(
        'APPROVAL_NEEDED',
      );
    }
  });

  it('need as many people as the rule says, each once', async () => {
    const { signer } = await createSignerBed(config(['targets'], 2));
    const made = await signer.makeKey(place('targets'));
    const document = targets();
    const mine = await approve(alice, 'targets', 1, document);
    const sign = (approvals: (typeof mine)[]) =>
      signer.sign(request(made, place('targets'), document, approvals));
    expect(await codeOf(() => sign([mine, mine]))).toBe('APPROVAL_NEEDED');
    const his = await approve(bob, 'targets', 1, document);
    expect(await codeOf(() => sign([mine, his]))).toBe('done');
  });

  it('are not those that only renew a document', async () => {
    const { signer } = await createSignerBed(config(['targets']));
    const made = await signer.makeKey(place('targets'));
    const sign = async (changes: Changes & { tags?: string[] }, ...people: Person[]) => {
      const document = targets(changes);
      const approvals = people.map((someone) => approve(someone, 'targets', changes.version ?? 1, document));
      return await codeOf(async () =>
        signer.sign(request(made, place('targets'), document, await Promise.all(approvals))),
      );
    };
    expect(await sign({}, alice)).toBe('done');
    expect(await sign({ version: 2, expiresIn: 48, issuedIn: 0 })).toBe('done');
    expect(await sign({ version: 3, tags: ['v1', 'v2'] })).toBe('APPROVAL_NEEDED');
    expect(await sign({ version: 3, tags: ['v1', 'v2'] }, bob)).toBe('done');
  });

  it('may be those alone that change who signs', async () => {
    const { signer } = await createSignerBed(config(['delegations']));
    const made = await signer.makeKey(place('targets'));
    const sign = async (version: number, delegates: boolean, tags: string[], someone?: Person) => {
      const document = targets({ version, delegates, tags });
      const approvals = someone === undefined ? [] : [await approve(someone, 'targets', version, document)];
      return await codeOf(() => signer.sign(request(made, place('targets'), document, approvals)));
    };
    expect(await sign(1, false, ['v1'], alice)).toBe('done');
    expect(await sign(2, false, ['v2'])).toBe('done');
    expect(await sign(3, true, ['v2'])).toBe('APPROVAL_NEEDED');
    expect(await sign(3, true, ['v2'], bob)).toBe('done');
  });

  it('are none in roles and repositories that no rule names', async () => {
    const bed = await createSignerBed(config(['root', 'targets', 'delegations']));
    const key = await bed.signer.makeKey(place('timestamp'));
    expect(await codeOf(() => bed.signer.sign(request(key, place('timestamp'), timestamp())))).toBe('done');
    const free = await createSignerBed(config(['targets'], 1, ['registry.example.com/team']));
    const made: MadeKey = await free.signer.makeKey(place('targets'));
    expect(await codeOf(() => free.signer.sign(request(made, place('targets'), targets())))).toBe('done');
  });

  it('are those in a repository with the name of the prefix, too, as globs have it', async () => {
    const { signer } = await createSignerBed(config(['targets'], 1, [`${REPOSITORY}/**`]));
    const made = await signer.makeKey(place('targets'));
    const wanted = request(made, place('targets'), targets());
    expect(await codeOf(() => signer.sign(wanted))).toBe('APPROVAL_NEEDED');
  });
});

describe('the configuration of the signer', () => {
  it.each([
    ['a threshold above the approvers', config(['root'], 3)],
    [
      'one key twice',
      {
        approvals: [
          {
            repositories: ['**'],
            edits: ['root'],
            threshold: 2,
            approvers: [approvers[0], { ...approvers[0], name: 'bob' }],
          },
        ],
      },
    ],
    [
      'a key that is none',
      { approvals: [{ repositories: ['**'], edits: ['root'], approvers: [{ name: 'a', publicKey: 'x' }] }] },
    ],
    ['a pattern that means nothing', config(['root'], 1, ['registry.example.com/*/app'])],
    ['an unknown member', { approval: [] }],
    ['a life without end', { maxDays: { timestamp: 100_000 } }],
  ])('refuses %s', async (_, wrong) => {
    expect(await codeOf(() => createSignerBed(wrong))).toBe('CONFIG_INVALID');
  });
});
