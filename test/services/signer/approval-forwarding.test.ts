/** A signer that demands approvals, behind a service that passes on what approvers signed of the exact documents. */
import { createPublicKey } from 'node:crypto';
import { ed25519FromSeed, sha256 } from '@vidimus/crypto';
import { approvalMessage } from '@vidimus/key-store';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type {
  ApproveChange,
  Change,
  CreateRepository,
} from '../../../services/trust-server/src/schemas/index.ts';
import { type DatabaseForSuite, describeEachDatabase } from '../../support/each-database.ts';
import { bodyOf, changeOf, codeOf, managed } from '../trust-server/core/core-for-test.ts';
import { dualManaged } from '../trust-server/core/dual-for-test.ts';
import { Followers, managedEntry } from '../trust-server/core/rotation/rotation-for-test.ts';
import { createRemoteBed, type RemoteBed } from './remote-bed.ts';

const person = (name: string) => {
  const { signer } = ed25519FromSeed(sha256(new TextEncoder().encode(name)));
  const key = Buffer.from(signer.publicKey.spkiDer);
  const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
    .export({ format: 'pem', type: 'spki' })
    .toString();
  return { name, signer, publicKey };
};
const alice = person('alice');
const bob = person('bob');
const mallory = person('mallory');
const repositories = 'registry.example.com/approved/**';
const author = { actor: 'oidc:issuer.example/author', requestId: 'r' };
const approver = (name: string) => ({ actor: `oidc:issuer.example/${name}`, requestId: 'r' });
const rotation = { to: [managedEntry], reason: 'a test' };

async function signed(
  change: Change,
  who: typeof alice,
  spoil: Partial<{ repository: string; version: number; sha256: string }> = {},
): Promise<ApproveChange> {
  const signatures = [];
  for (const { dialect, role, version, sha256 } of change.documents) {
    const message = approvalMessage({
      ...{ repository: change.repository, dialect, role, version, sha256 },
      ...spoil,
    });
    const sig = Buffer.from(await who.signer.sign(message)).toString('base64');
    signatures.push({ dialect, role, publicKey: who.publicKey, sig });
  }
  return { signatures };
}

describeEachDatabase('approvals for a signer', (given: DatabaseForSuite) => {
  // An operator demands approvals once the repositories are there: a first root is nobody's change.
  const config: { approvals: unknown[] } = { approvals: [] };
  let bed: RemoteBed;
  beforeAll(async () => {
    bed = await createRemoteBed(given.database(), config, [{ repositories, calls: ['root'], approvers: 2 }]);
  });
  afterAll(() => bed.close());

  const propose = async (name: string, body: CreateRepository = managed) => {
    config.approvals = [];
    await bed.stopSigner();
    await bed.startSigner();
    const { service } = bed.core;
    const repository = `registry.example.com/approved/${name}`;
    await bodyOf(service.createRepository(author, repository, body));
    const followers = await Followers.of(bed.core, repository, body.dialects?.length ?? 1);
    const approvers = [alice, bob].map(({ name: person, publicKey }) => ({ name: person, publicKey }));
    config.approvals = [{ repositories: [repositories], edits: ['root'], approvers, threshold: 2 }];
    await bed.stopSigner();
    await bed.startSigner();
    const change = await changeOf(service.rotateRole(author, repository, 'root', rotation));
    const approve = (who: string, body?: ApproveChange) =>
      service.approveChange(approver(who), repository, change.id, body);
    return { repository, followers, change, approve };
  };

  it.each([
    ['one dialect', 'single', managed],
    ['both dialects', 'dual', dualManaged],
  ])('reach it with the last person, in %s', async (_, name, body) => {
    const { repository, followers, change, approve } = await propose(name, body);
    expect((await approve('alice', await signed(change, alice))).state).toBe('open');
    expect((await approve('bob', await signed(change, bob))).state).toBe('published');
    const roots = bed.audit().filter((line) => line['event'] === 'signed' && line['role'] === 'root');
    expect(roots.at(-1)).toMatchObject({ repository, approvedBy: ['alice', 'bob'] });
    await followers.follow();
    expect((await bed.core.service.readRepository(repository)).versions['root']).toBe(2);
  });

  it('are missed by it, and can be added by somebody who approved without', async () => {
    const { repository, change, approve } = await propose('added');
    await approve('alice');
    const tooFew = approve('bob', await signed(change, bob));
    await expect(tooFew).rejects.toMatchObject({
      code: 'SIGNER_UNAVAILABLE',
      detail: { signer: 'APPROVAL_NEEDED' },
    });
    const waiting = await bed.core.service.readChange(repository, change.id);
    expect([waiting.state, waiting.approvals?.missing]).toEqual(['open', 1]);
    expect((await approve('alice', await signed(change, alice))).approvals?.missing).toBe(1);
    expect((await approve('bob', await signed(change, bob))).state).toBe('published');
  });

  it('count only for the keys that it knows', async () => {
    const { change, approve } = await propose('stranger');
    await approve('alice', await signed(change, alice));
    expect(await codeOf(approve('mallory', await signed(change, mallory)))).toBe('SIGNER_UNAVAILABLE');
    expect((await approve('bob', await signed(change, bob))).state).toBe('published');
  });

  it('are no signatures of the change, and show in no document', async () => {
    const { change, approve } = await propose('apart');
    const { documents } = await approve('alice', await signed(change, alice));
    expect(documents).toEqual(change.documents);
  });

  it('are refused where they are for something else, or cannot be read, and then nothing is kept', async () => {
    const { repository, change, approve } = await propose('wrong');
    const right = await signed(change, alice);
    const [first] = right.signatures ?? [];
    if (first === undefined) throw new Error('no document');
    const wrong = [
      await signed(change, alice, { repository: 'registry.example.com/approved/other' }),
      await signed(change, alice, { version: 3 }),
      await signed(change, alice, { sha256: 'ab'.repeat(32) }),
      { signatures: [{ ...first, role: 'targets' }] },
      { signatures: [{ ...first, publicKey: bob.publicKey }] },
      { signatures: [{ ...first, publicKey: 'no PEM' }] },
      { signatures: [{ ...first, sig: '!' }] },
    ];
    for (const body of wrong) expect(await codeOf(approve('alice', body))).toBe('SIGNATURE_INVALID');
    const after = await bed.core.service.readChange(repository, change.id);
    expect(after.approvals).toMatchObject({ by: [], missing: 2 });
  });

  it('do not make one person two', async () => {
    const { change, approve } = await propose('once');
    await approve('alice', await signed(change, alice));
    expect((await approve('alice', await signed(change, bob))).approvals?.missing).toBe(1);
    expect(await codeOf(approve('author', await signed(change, bob)))).toBe('DENIED');
  });
});
