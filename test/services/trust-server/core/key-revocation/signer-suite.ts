/**
 * The key of a signer is taken out of delegations: what the service can sign goes out at once, the rest waits. Runs
 * over every kind of database.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyImpact, RevokeKey } from '../../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import {
  bodyOf,
  Client,
  type CoreForTest,
  call,
  changeOf,
  clientKey,
  codeOf,
  digestOf,
  errorOf,
  managed,
  openCore,
  tagOf,
} from '../core-for-test.ts';
import { heldBy, type Party, party, signBy } from '../delegations/delegations-for-test.ts';

const reason = 'laptop stolen';
const alice = party('alice');
const bob = party('bob');
const carol = party('carol');
const keyOf = ({ tuf }: Party): string => tuf.keyId;

let names = 0;

export function signerSuite(given: DatabaseForSuite): void {
  let core: CoreForTest;
  beforeAll(() => {
    core = openCore(given.database(), { seed: `signer revocation ${given.kind}` });
  });

  /** A repository whose `releases` these parties sign, with one tag in it. */
  async function open(threshold: number, parties: readonly Party[]) {
    names += 1;
    const repository = `registry.example.com/signer/app-${names}`;
    const { service } = core;
    await bodyOf(service.createRepository(call, repository, managed));
    const warm = await new Client(core, repository).pin();
    const put = await changeOf(
      service.putDelegation(call, repository, 'releases', heldBy(parties, { threshold, paths: ['1.*'] })),
    );
    const signers = parties.slice(0, threshold);
    for (const each of signers) await signBy(core, put, each);
    const tag = await changeOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'releases' }));
    for (const each of signers) await signBy(core, tag, each);
    await warm.refresh();
    /** What clients find: a role that is not signed as its delegator asks answers nothing. */
    const seen = async (): Promise<object> => {
      const cold = await new Client(core, repository).pin();
      const [one, two] = await Promise.all([warm, cold].map((client) => client.targets().catch(codeOfError)));
      expect(one).toEqual(two);
      return one ?? {};
    };
    expect(await seen()).toEqual({ '1.0': digestOf('a') });
    const revoke = async (who: Party, wish: Omit<RevokeKey, 'reason'> = {}) => {
      const keyId = keyOf(who);
      const impact: KeyImpact = await service.readKeyImpact(repository, keyId, wish);
      const done = await bodyOf(service.revokeKey(call, repository, keyId, { reason, ...wish }));
      const { published: _, openChange, ...told } = { openChange: undefined, ...done };
      expect(told).toEqual(impact);
      return { impact, openChange };
    };
    return { service, repository, seen, revoke };
  }

  const codeOfError = (error: unknown): object => ({
    code: typeof error === 'object' && error !== null && 'code' in error ? error.code : String(error),
  });

  describe('a signer’s key', () => {
    it('that the file can do without goes at once', async () => {
      const { seen, revoke } = await open(2, [alice, bob, carol]);
      const { impact, openChange } = await revoke(carol);
      expect(impact).toMatchObject({
        signer: 'carol',
        roles: [{ role: 'releases', dialects: ['tuf'], threshold: 2, keysLeft: 2, breaks: false }],
        tagsOnlyByThisKey: [],
        usable: true,
        needs: 'nothing',
        waitsFor: [],
      });
      expect(openChange).toBeUndefined();
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
    });

    it('that the file rests on goes at once; its tags come back when the others sign', async () => {
      const { service, repository, seen, revoke } = await open(2, [alice, bob, carol]);
      const { impact, openChange } = await revoke(alice);
      expect(impact).toMatchObject({
        usable: true,
        tagsOnlyByThisKey: ['1.0'],
        waitsFor: [{ role: 'releases', missing: 2, mayStillSign: ['bob', 'carol'] }],
      });
      expect(await seen()).toEqual({ code: 'THRESHOLD' });
      const change = await service.readChange(repository, openChange ?? '');
      expect(change).toMatchObject({ kind: 'resign', documents: [{ role: 'releases', missing: 2 }] });
      await signBy(core, change, bob);
      expect((await signBy(core, change, carol)).state).toBe('published');
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
    });

    it('takes the open changes with it that it signed', async () => {
      const { service, repository, revoke } = await open(2, [alice, bob, carol]);
      const tag = await changeOf(
        service.putTag(call, repository, '1.1', { ...tagOf('b'), role: 'releases' }),
      );
      await signBy(core, tag, alice);
      const { impact } = await revoke(alice);
      expect(impact.openChanges).toEqual([tag.id]);
      expect((await service.readChange(repository, tag.id)).state).toBe('stale');
      expect(await codeOf(signBy(core, tag, bob))).toBe('CHANGE_CLOSED');
    });

    it('goes by force when another person agrees', async () => {
      const { repository, seen } = await open(2, [alice, bob]);
      const rules = [{ repositories: '**', calls: ['force' as const], approvers: 1 }];
      const careful = openCore(given.database(), {
        seed: `careful ${given.kind}`,
        clock: core.clock,
        approvals: rules,
      });
      const { service } = careful;
      const body = { reason, force: true };
      const by = (name: string) => ({ ...call, actor: `oidc:idp.example.com/${name}` });
      const change = await changeOf(service.revokeKey(by('ann'), repository, keyOf(alice), body));
      // Bob has signed what is there: nobody but the other person is asked.
      expect(change).toMatchObject({ kind: 'key', documents: [] });
      expect(await service.readRole(repository, 'releases')).toMatchObject({ threshold: 2 });
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      expect(await codeOf(service.approveChange(by('ann'), repository, change.id))).toBe('DENIED');
      expect((await service.approveChange(by('dan'), repository, change.id)).state).toBe('published');
      expect(await new Client(careful, repository).pin().then((client) => client.targets())).toEqual({
        '1.0': digestOf('a'),
      });
      expect(await service.readRole(repository, 'releases')).toMatchObject({ threshold: 1 });
    });

    it('that is the only one needs a replacement, whose holder signs what is there', async () => {
      const { service, repository, seen, revoke } = await open(1, [alice]);
      const keyId = keyOf(alice);
      expect(await service.readKeyImpact(repository, keyId, {})).toMatchObject({
        usable: false,
        needs: 'replacement',
      });
      const refused = await errorOf(service.revokeKey(call, repository, keyId, { reason, force: true }));
      expect(refused.code).toBe('WOULD_BREAK');
      // The service would vouch for what nobody but the thief may have signed.
      const ours = { replacement: { custody: 'managed' as const } };
      const unvouched = await errorOf(service.revokeKey(call, repository, keyId, { reason, ...ours }));
      expect(unvouched.code).toBe('WOULD_BREAK');
      expect(await seen()).toEqual({ '1.0': digestOf('a') });

      const fresh = clientKey('alice, new');
      const { impact, openChange } = await revoke(alice, {
        replacement: { custody: 'client', key: fresh.declared },
      });
      expect(impact).toMatchObject({
        tagsOnlyByThisKey: ['1.0'],
        waitsFor: [{ role: 'releases', missing: 1, mayStillSign: [fresh.keyId] }],
      });
      expect(await seen()).toEqual({ code: 'THRESHOLD' });
      const change = await service.readChange(repository, openChange ?? '');
      expect((await signBy(core, change, { ...alice, tuf: fresh })).state).toBe('published');
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      expect(await service.readKey(repository, fresh.keyId)).toMatchObject({ signer: 'alice' });
    });

    it('beside one of the service is gone without anybody noticing', async () => {
      names += 1;
      const repository = `registry.example.com/signer/mixed-${names}`;
      const { service } = core;
      await bodyOf(service.createRepository(call, repository, managed));
      const body = heldBy([alice], { threshold: 1, paths: ['1.*'] });
      const both = {
        ...body,
        signers: [...body.signers, { name: 'ci', keys: [{ custody: 'managed' as const }] }],
      };
      await bodyOf(service.putDelegation(call, repository, 'releases', both));
      await bodyOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'releases' }));
      const client = await new Client(core, repository).pin();
      const done = await bodyOf(service.revokeKey(call, repository, keyOf(alice), { reason }));
      expect(done).toMatchObject({ tagsOnlyByThisKey: [], waitsFor: [], published: { releases: 3 } });
      expect(await client.targets()).toEqual({ '1.0': digestOf('a') });
    });
  });
}
