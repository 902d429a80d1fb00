/** A key is taken out of a repository: what was foretold is what happens. Runs over every kind of database. */
import { fromBase64, toHex } from '@vidimus/crypto';
import { keyKeys } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import type {
  Change,
  CreateRepository,
  KeyImpact,
  KeyRevoked,
  RevokeKey,
} from '../../../../../services/trust-server/src/schemas/index.ts';
import type { Outcome } from '../../../../../services/trust-server/src/service.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import {
  Client,
  type ClientKey,
  type CoreForTest,
  call,
  clientKey,
  codeOf,
  errorOf,
  managed,
  openCore,
  signRoot,
  tagOf,
} from '../core-for-test.ts';

let names = 0;

/** The documents that ask for a key's signature. */
const asking = ({ documents }: Change, { keyId }: ClientKey) =>
  documents.filter(({ thresholds }) => thresholds.some(({ keyIds }) => keyIds.includes(keyId)));

export function revocationSuite(given: DatabaseForSuite): void {
  let core: CoreForTest;
  beforeAll(() => {
    core = openCore(given.database(), { seed: `key revocation ${given.kind}` });
  });
  const fresh = (name: string): string => {
    names += 1;
    return `registry.example.com/revocation/${name}-${names}`;
  };
  const reason = 'laptop stolen';
  const client = ({ declared }: ClientKey) => ({ custody: 'client' as const, key: declared });
  const rootOf = (threshold: number, ...keys: readonly (ClientKey | 'managed')[]): CreateRepository => ({
    roles: {
      root: {
        threshold,
        keys: keys.map((key) => (key === 'managed' ? { custody: 'managed' as const } : client(key))),
      },
    },
  });

  async function create(
    name: string,
    body: CreateRepository,
    ...signers: readonly ClientKey[]
  ): Promise<string> {
    const repository = fresh(name);
    const made = await core.service.createRepository(call, repository, body);
    if (made.outcome === 'change') await sign(repository, made.change, ...signers);
    await core.service.putTag(call, repository, 'v1', tagOf('one'));
    return repository;
  }

  async function sign(repository: string, change: Change, ...signers: readonly ClientKey[]): Promise<Change> {
    const signatures = await Promise.all(
      signers.flatMap((key) =>
        asking(change, key).map(async ({ dialect, role, toSign }) => ({
          dialect,
          role,
          keyId: key.keyId,
          sig: toHex(await key.signer.sign(fromBase64(toSign))),
        })),
      ),
    );
    return await core.service.signChange(call, repository, change.id, { signatures });
  }

  const keyOf = async (repository: string, role: string): Promise<string> => {
    const { keyIds } = await core.service.readRole(repository, role);
    return keyIds[0] ?? '';
  };

  /** Looks, then revokes, and compares: of what both say nothing may differ. */
  async function revoke(
    repository: string,
    key: string,
    body: Omit<RevokeKey, 'reason'> = {},
  ): Promise<{ readonly impact: KeyImpact; readonly outcome: Outcome<KeyRevoked> }> {
    const { expect: _, ...wish } = body;
    const impact = await core.service.readKeyImpact(repository, key, wish);
    const outcome = await core.service.revokeKey(call, repository, key, { reason, ...body });
    for (const { role, threshold, keysLeft } of impact.roles) {
      if (outcome.outcome === 'change') break;
      const after = await core.service.readRole(repository, role);
      expect(after.keyIds).not.toContain(key);
      expect(after).toMatchObject({ threshold });
      expect(after.keyIds).toHaveLength(keysLeft);
    }
    if (outcome.outcome === 'done') {
      const { published: _, openChange, ...told } = outcome.body;
      expect(told).toEqual(impact);
      expect(openChange === undefined).toBe(impact.waitsFor.length === 0);
    } else {
      expect(outcome.change.documents.map(({ role, missing }) => ({ role, missing }))).toEqual(
        impact.waitsFor.map(({ role, missing }) => ({ role, missing })),
      );
    }
    return { impact, outcome };
  }

  describe('a managed key', () => {
    it.each(['root', 'targets', 'snapshot', 'timestamp', 'revocations'])(
      'of %s is replaced in one publish, which clients follow',
      async (role) => {
        const repository = await create('managed', managed);
        const follower = await new Client(core, repository).pin();
        const before = await follower.targets();
        const key = await keyOf(repository, role);
        const { impact } = await revoke(repository, key, { replacement: { custody: 'managed' } });
        expect(impact).toMatchObject({
          key,
          usable: true,
          needs: 'nothing',
          tagsOnlyByThisKey: [],
          waitsFor: [],
        });
        expect(impact.roles).toEqual([{ role, dialects: ['tuf'], threshold: 1, keysLeft: 1, breaks: false }]);
        expect(await follower.targets()).toEqual(before);
        const { items } = await core.service.readAudit({ repository }, { limit: 1 });
        expect(items[0]).toMatchObject({ action: 'key.revoke', after: { keyId: key, reason } });
        const [row] = await given
          .database()
          .db.select({ wrapped: keyKeys.wrapped, retiredAt: keyKeys.retiredAt })
          .from(keyKeys)
          .where(eq(keyKeys.keyId, key));
        expect(row?.wrapped).toBeNull();
        expect(row?.retiredAt).not.toBeNull();
        const shown = await core.service.readKey(repository, key);
        expect(shown).toMatchObject({
          keyId: key,
          custody: 'managed',
          roles: [],
          formerRoles: [role],
          reason,
        });
        expect(shown.revokedAt).toBeDefined();
      },
    );

    it.each(['root', 'targets', 'snapshot', 'timestamp', 'revocations'])(
      'of %s that nothing replaces is not taken out: nobody could sign the role',
      async (role) => {
        const repository = await create('alone', managed);
        const key = await keyOf(repository, role);
        const impact = await core.service.readKeyImpact(repository, key, {});
        expect(impact).toMatchObject({ usable: false, needs: 'replacement' });
        const { versions } = await core.service.readRepository(repository);
        for (const force of [false, true]) {
          const refused = await errorOf(core.service.revokeKey(call, repository, key, { reason, force }));
          expect(refused.code).toBe('WOULD_BREAK');
          expect(refused.detail['impact']).toEqual(impact);
          expect(String(refused.detail['wayOut'])).toContain('replacement');
        }
        expect((await core.service.readRepository(repository)).versions).toEqual(versions);
        expect(await core.service.readKey(repository, key)).not.toHaveProperty('revokedAt');
      },
    );
  });

  describe('a client’s root key', () => {
    const [alice, dana, carol, spare] = ['alice', 'dana', 'carol', 'spare'].map((name) =>
      clientKey(`revocation ${name}`),
    ) as [ClientKey, ClientKey, ClientKey, ClientKey];

    it('beside one of the service goes at once', async () => {
      const repository = await create('mixed', rootOf(1, 'managed', alice));
      const { impact, outcome } = await revoke(repository, alice.keyId);
      expect(outcome.outcome).toBe('done');
      expect(impact).toMatchObject({ usable: true, waitsFor: [] });
      await (await new Client(core, repository).pin()).refresh();
    });

    it('waits for the remaining threshold', async () => {
      const repository = await create('remaining', rootOf(2, alice, dana, carol), alice, dana);
      const { impact, outcome } = await revoke(repository, carol.keyId);
      expect(impact.waitsFor).toEqual([
        { role: 'root', missing: 2, mayStillSign: [alice.keyId, dana.keyId].sort() },
      ]);
      if (outcome.outcome !== 'change') throw new Error('it should wait');
      const { problems } = await core.service.readRepository(repository);
      expect(problems.map(({ code }) => code)).toEqual(['KEY_REVOKED_LISTED', 'CHANGE_OPEN']);
      // Asked again, it is the same change.
      const again = await core.service.revokeKey(call, repository, carol.keyId, { reason });
      expect(again.outcome === 'change' && again.change.id).toBe(outcome.change.id);
      const follower = await new Client(core, repository).pin();
      const published = await sign(repository, outcome.change, alice, dana);
      expect(published.state).toBe('published');
      expect((await core.service.readRole(repository, 'root')).keyIds).toEqual(
        [alice.keyId, dana.keyId].sort(),
      );
      await follower.refresh();
      expect(await codeOf(core.service.revokeKey(call, repository, carol.keyId, { reason }))).toBe(
        'KEY_UNKNOWN',
      );
    });

    it('that the next root cannot do without goes by force alone, signed by itself', async () => {
      const repository = await create('chain', rootOf(2, alice, dana), alice, dana);
      const replacement = client(spare);
      const impact = await core.service.readKeyImpact(repository, alice.keyId, { replacement });
      expect(impact).toMatchObject({ usable: false, needs: 'force' });
      const refused = await errorOf(
        core.service.revokeKey(call, repository, alice.keyId, { reason, replacement }),
      );
      expect(refused.code).toBe('WOULD_BREAK');
      expect(refused.message).toContain('hand-over');
      const forced = await revoke(repository, alice.keyId, { replacement, force: true });
      if (forced.outcome.outcome !== 'change') throw new Error('it should wait');
      expect((await sign(repository, forced.outcome.change, alice, dana)).state).toBe('open');
      const { change } = forced.outcome;
      expect((await sign(repository, change, spare)).state).toBe('published');
    });

    it('leaves a threshold that is met, and another one where that is said', async () => {
      const met = await create('met', rootOf(2, 'managed', alice, dana), alice);
      const { impact } = await revoke(met, alice.keyId);
      expect(impact.waitsFor).toEqual([{ role: 'root', missing: 1, mayStillSign: [dana.keyId] }]);
      const repository = await create('threshold', rootOf(2, 'managed', alice), alice);
      const asked = (wish: object) => core.service.readKeyImpact(repository, alice.keyId, wish);
      expect(await asked({})).toMatchObject({ usable: false, needs: 'threshold' });
      // The root before it asks for two signatures: the key has to sign its own end.
      expect(await asked({ threshold: 1 })).toMatchObject({ usable: false, needs: 'force' });
      const lowered = await revoke(repository, alice.keyId, { force: true });
      expect(lowered.impact.roles).toMatchObject([{ role: 'root', threshold: 1, keysLeft: 1 }]);
      if (lowered.outcome.outcome !== 'change') throw new Error('it should wait');
      expect((await sign(repository, lowered.outcome.change, alice)).state).toBe('published');
    });

    it('takes open changes with it that carry its signature', async () => {
      const repository = await create('open', rootOf(2, alice, dana, carol), alice, dana);
      const waiting = await core.service.revokeKey(call, repository, dana.keyId, { reason: 'first' });
      if (waiting.outcome !== 'change') throw new Error('it should wait');
      const signatures = [await signRoot(waiting.change, alice)];
      await core.service.signChange(call, repository, waiting.change.id, { signatures });
      const impact = await core.service.readKeyImpact(repository, alice.keyId, {});
      expect(impact.openChanges).toEqual([waiting.change.id]);
      expect(await codeOf(core.service.revokeKey(call, repository, alice.keyId, { reason }))).toBe(
        'CHANGE_CONFLICT',
      );
    });
  });

  describe('a client’s targets key', () => {
    const keys = ['tess', 'tom', 'tina'].map((name) => clientKey(`revocation ${name}`));
    const [tess, tom, tina] = keys as [ClientKey, ClientKey, ClientKey];

    it('waits for the others, who sign the targets without it', async () => {
      const repository = fresh('targets');
      const body: CreateRepository = {
        roles: {
          root: { keys: [{ custody: 'managed' }] },
          targets: { threshold: 2, keys: keys.map(client) },
        },
      };
      const made = await core.service.createRepository(call, repository, body);
      if (made.outcome === 'change') await sign(repository, made.change, tess, tom);
      const tag = await core.service.putTag(call, repository, 'v1', tagOf('one'));
      if (tag.outcome !== 'change') throw new Error('it should wait');
      await sign(repository, tag.change, tess, tom);
      const follower = await new Client(core, repository).pin();
      const before = await follower.targets();
      const { impact, outcome } = await revoke(repository, tina.keyId);
      expect(impact).toMatchObject({
        tagsOnlyByThisKey: [],
        waitsFor: [{ role: 'targets', missing: 2, mayStillSign: [tess.keyId, tom.keyId].sort() }],
      });
      if (outcome.outcome !== 'change') throw new Error('it should wait');
      expect(await follower.targets()).toEqual(before);
      expect((await sign(repository, outcome.change, tess, tom)).state).toBe('published');
      expect(await follower.targets()).toEqual(before);
      expect((await core.service.readRole(repository, 'targets')).keyIds).toEqual(
        [tess.keyId, tom.keyId].sort(),
      );
    });
  });

  describe('a revocation is refused', () => {
    const key = clientKey('refused');
    it('for what is no key here, or no replacement for it', async () => {
      const repository = await create('refused', rootOf(1, 'managed', key));
      const targets = await keyOf(repository, 'targets');
      const of = (id: string, body: Omit<RevokeKey, 'reason'>) =>
        codeOf(core.service.revokeKey(call, repository, id, { reason, ...body }));
      expect(await of('0'.repeat(64), {})).toBe('KEY_UNKNOWN');
      expect(await of(key.keyId, { replacement: client(key) })).toBe('KEY_INVALID');
      const { declared } = clientKey('weak');
      const weak = { ...declared, keyval: { public: '01'.padEnd(64, '0') } };
      expect(await of(key.keyId, { replacement: { custody: 'client', key: weak } })).toBe('KEY_INVALID');
      expect(await of(targets, { replacement: client(key) })).toBe('KEY_INVALID');
      expect(await of(targets, { replacement: client(clientKey('other')), force: true })).not.toBe('none');
      expect(await of(key.keyId, { force: true })).toBe('BODY_INVALID');
      expect(await of(key.keyId, { expect: { break: 1 } })).toBe('IMPACT_CHANGED');
      expect(await of(key.keyId, { threshold: 2 })).toBe('WOULD_BREAK');
      expect(await of(key.keyId, { expect: { break: 0 } })).toBe('none');
      // It never comes back.
      expect(await of(targets, { replacement: client(key) })).toBe('KEY_INVALID');
    });

    it('and a dry run changes nothing', async () => {
      const repository = await create('dry', rootOf(1, 'managed', key));
      const before = await core.service.readRepository(repository);
      const dry = { ...call, dryRun: true };
      const outcome = await core.service.revokeKey(dry, repository, key.keyId, { reason });
      expect(outcome).toMatchObject({ outcome: 'done', impact: { versions: { root: 2 } } });
      expect(await core.service.readRepository(repository)).toEqual(before);
    });
  });
}
