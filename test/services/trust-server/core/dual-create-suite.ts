/** Creating a repository in both dialects at once. Runs over every kind of database. */
import { fromBase64, sha256Hex } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import type { TrustedState } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import type { CreateRepository } from '../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import {
  bodyOf,
  call,
  changeOf,
  clientKey,
  codeOf,
  day,
  digestOf,
  errorOf,
  managed,
  openCore,
  startMs,
  tagOf,
} from './core-for-test.ts';
import {
  BothReaders,
  type CertifiedKey,
  certifiedKey,
  dualManaged,
  heldInBoth,
  signNotaryRoot,
  signRoot,
} from './dual-for-test.ts';

const alice = clientKey('alice');
const bob = clientKey('bob');

export function dualCreateSuite(given: DatabaseForSuite): void {
  const core = (options = {}) =>
    openCore(given.database(), { seed: `dual create ${given.kind}`, ...options });
  const nameOf = (name: string): string => `registry.example.com/dual-create/${name}`;

  describe('a repository in both dialects with everything managed', () => {
    it('is there at once, and both kinds of clients verify it', async () => {
      const opened = core();
      const repository = nameOf('managed');
      const outcome = await opened.service.createRepository(call, repository, dualManaged);
      expect(outcome).toMatchObject({
        outcome: 'done',
        created: true,
        body: { dialects: ['tuf', 'notary'] },
      });
      const readers = await BothReaders.open(opened, repository);
      expect(await readers.tags()).toEqual({});
      const { root, targets, timestamp } = await readers.notary.refresh();
      expect([root, targets, timestamp].map(({ document }) => document.version)).toEqual([1, 1, 1]);
      expect(targets.document.delegations?.roles).toEqual([]);
      expect(timestamp.document.expires).toBe(startMs + day);
    });

    it('lives for as long as Notary clients do not warn of, and in the other dialect as it was asked to', async () => {
      const opened = core();
      const repository = nameOf('lifetimes');
      await opened.service.createRepository(call, repository, dualManaged);
      await opened.service.putTag(call, repository, '1.0', tagOf('a'));
      const readers = await BothReaders.open(opened, repository);
      const daysOf = (state: TrustedState) =>
        [state.targets, state.snapshot].map(({ document }) => (document.expires - startMs) / day);
      expect(daysOf(await readers.notary.refresh())).toEqual([1_095, 1_095]);
      expect(daysOf(await readers.tuf.refresh())).toEqual([90, 7]);
    });

    it('has keys of its own in each dialect and role, and a certificate of ten years for root', async () => {
      const opened = core();
      const repository = nameOf('own-keys');
      await opened.service.createRepository(call, repository, dualManaged);
      const readers = await BothReaders.open(opened, repository);
      const roots = [(await readers.tuf.refresh()).root, (await readers.notary.refresh()).root];
      const material = roots.flatMap(({ document }) =>
        [...document.keys.values()].map(({ usable }) => usable?.materialId),
      );
      expect(new Set(material).size).toBe(8);
      const [, notary] = roots;
      const [keyId = ''] = notary?.document.roles.root.keyIds ?? [];
      expect(notary?.document.keys.get(keyId)?.declared['keytype']).toBe('ecdsa-x509');
      const other = notary && [...notary.document.keys.values()].filter((key) => key.keyId !== keyId);
      expect(other?.map(({ declared }) => declared['keytype'])).toEqual(['ed25519', 'ed25519', 'ed25519']);
    });

    it('is the same when asked for again in any order of dialects, another one otherwise', async () => {
      const { service } = core();
      const repository = nameOf('again');
      await service.createRepository(call, repository, dualManaged);
      const again = await service.createRepository(call, repository, {
        ...dualManaged,
        dialects: ['notary', 'tuf'],
      });
      expect(again).toMatchObject({ outcome: 'done', created: false });
      expect(await codeOf(service.createRepository(call, repository, managed))).toBe('REPOSITORY_EXISTS');
    });

    it('is shown by a dry run and not made', async () => {
      const { service } = core();
      const repository = nameOf('dry');
      const outcome = await service.createRepository({ ...call, dryRun: true }, repository, dualManaged);
      expect(outcome).toMatchObject({ outcome: 'done', body: { dialects: ['tuf', 'notary'] } });
      expect(await service.readNotary(repository, { role: 'root' })).toBeUndefined();
      expect(await service.hasRepository(repository)).toBe(false);
    });

    it('needs the root master key for both', async () => {
      const { service } = core({ rootMaster: false });
      expect(await codeOf(service.createRepository(call, nameOf('rootless'), dualManaged))).toBe(
        'SIGNER_UNAVAILABLE',
      );
    });

    it('begins its notary root at 1 in each incarnation, and the other roles above what was', async () => {
      const opened = core();
      const repository = nameOf('incarnations');
      await opened.service.createRepository(call, repository, dualManaged);
      await bodyOf(opened.service.putTag(call, repository, '1.0', tagOf('a')));
      await opened.service.endRepository(call, repository);
      expect(await opened.service.readNotary(repository, { role: 'timestamp' })).toBeUndefined();
      await opened.service.createRepository(call, repository, dualManaged);
      const readers = await BothReaders.open(opened, repository, 2);
      expect(await readers.tags()).toEqual({});
      const { root, targets, snapshot, timestamp } = await readers.notary.refresh();
      const versions = [root, targets, snapshot, timestamp].map(({ document }) => document.version);
      expect(versions).toEqual([1, 3, 3, 3]);
    });
  });

  describe('a repository in both dialects with a client-held root', () => {
    const propose = async (name: string, threshold = 1) => {
      const opened = core();
      const repository = nameOf(name);
      const carol = await certifiedKey(`carol ${name}`, repository);
      const dave = await certifiedKey(`dave ${name}`, repository);
      const body =
        threshold === 1 ? heldInBoth([alice], [carol]) : heldInBoth([alice, bob], [carol, dave], threshold);
      const change = await changeOf(opened.service.createRepository(call, repository, body));
      return { ...opened, opened, repository, body, carol, dave, change };
    };

    it('is one change with a root for each dialect', async () => {
      const { change, carol } = await propose('shape');
      expect(change.documents).toMatchObject([
        { dialect: 'tuf', role: 'root', version: 1, missing: 1, thresholds: [{ keyIds: [alice.keyId] }] },
        { dialect: 'notary', role: 'root', version: 1, missing: 1, thresholds: [{ keyIds: [carol.keyId] }] },
      ]);
      const [, document] = change.documents;
      const message = fromBase64(document?.toSign ?? '');
      expect(sha256Hex(message)).toBe(document?.sha256);
      const file = notaryDialect.seal(message, []);
      const root = notaryDialect.decode('root', notaryDialect.open(file, file.length));
      expect(root.roles.root).toEqual({ keyIds: [carol.keyId], threshold: 1 });
      expect(change.diff.map(({ what }) => what)).toEqual([
        'create in the dialect tuf with 1 keys, threshold 1',
        'create in the dialect notary with 1 keys, threshold 1',
      ]);
    });

    it.each([
      ['tuf', 'notary'],
      ['notary', 'tuf'],
    ] as const)('waits for both: signed in %s first, then in %s', async (first, last) => {
      const { service, opened, repository, change, carol } = await propose(`order-${first}-${last}`);
      const signatures = [await signRoot(change, alice), await signNotaryRoot(change, carol)];
      if (first === 'notary') signatures.reverse();
      const [one, two] = signatures.map((signature) => ({ signatures: [signature] }));
      if (one === undefined || two === undefined) throw new Error('two signatures');
      expect((await service.signChange(call, repository, change.id, one)).state).toBe('open');
      expect(await service.readNotary(repository, { role: 'root' })).toBeUndefined();
      const done = await service.signChange(call, repository, change.id, two);
      expect(done.state).toBe('published');
      const readers = await BothReaders.open(opened, repository);
      await bodyOf(service.putTag(call, repository, '1.0', tagOf('a')));
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
      const served = (await readers.notary.refresh()).root.envelope.message;
      expect(Buffer.from(served).toString('base64')).toBe(change.documents[1]?.toSign);
    });

    it('needs the threshold of each dialect', async () => {
      const { service, repository, change, carol, dave } = await propose('threshold', 2);
      expect(change.documents.map(({ missing }) => missing)).toEqual([2, 2]);
      const sign = async (key: typeof alice | CertifiedKey) => {
        const signature = 'pkcs8' in key ? await signNotaryRoot(change, key) : await signRoot(change, key);
        return await service.signChange(call, repository, change.id, { signatures: [signature] });
      };
      await sign(alice);
      await sign(bob);
      expect((await sign(carol)).documents.map(({ missing }) => missing)).toEqual([0, 1]);
      expect((await sign(dave)).state).toBe('published');
    });

    it('counts the service’s own key in each dialect', async () => {
      const { service } = core();
      const repository = nameOf('mixed');
      const carol = await certifiedKey('carol mixed', repository);
      const { roles } = heldInBoth([alice], [carol], 2);
      const keys = [...(roles?.root?.keys ?? []), { custody: 'managed' as const }];
      const body: CreateRepository = { dialects: ['tuf', 'notary'], roles: { root: { threshold: 2, keys } } };
      const change = await changeOf(service.createRepository(call, repository, body));
      expect(change.documents.map(({ missing }) => missing)).toEqual([1, 1]);
      const signatures = [await signRoot(change, alice), await signNotaryRoot(change, carol)];
      expect((await service.signChange(call, repository, change.id, { signatures })).state).toBe('published');
      const root = await service.readNotary(repository, { role: 'root' });
      const file = notaryDialect.open(root?.bytes ?? new Uint8Array(), 1_000_000);
      expect(file.signatures).toHaveLength(2);
    });

    it.each([
      ['a signature for the other dialect', (sig: string) => ({ dialect: 'tuf' as const, sig })],
      ['hex where base64 belongs', (sig: string) => ({ sig: Buffer.from(fromBase64(sig)).toString('hex') })],
      ['base64 without padding', (sig: string) => ({ sig: sig.replace(/=+$/, '') })],
      [
        'a signature of other bytes',
        (sig: string) => ({ sig: `${sig.startsWith('A') ? 'B' : 'A'}${sig.slice(1)}` }),
      ],
    ])('refuses %s', async (what, spoil) => {
      const { service, repository, change, carol } = await propose(`bad-${what.replaceAll(' ', '-')}`);
      const signature = await signNotaryRoot(change, carol);
      const signatures = [{ ...signature, ...spoil(signature.sig) }];
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures }))).toBe(
        'SIGNATURE_INVALID',
      );
      expect((await service.readChange(repository, change.id)).documents[1]?.missing).toBe(1);
    });

    it('is the same change when asked for again, and names the dead one it replaces', async () => {
      const { service, repository, change, body, carol, clock } = await propose('asked-again');
      expect(await changeOf(service.createRepository(call, repository, body))).toEqual(change);
      clock.nowMs += 7 * day;
      const next = await changeOf(service.createRepository(call, repository, body));
      expect(next.insteadOf).toEqual([change.id]);
      const signatures = [await signRoot(next, alice), await signNotaryRoot(next, carol)];
      expect((await service.signChange(call, repository, next.id, { signatures })).state).toBe('published');
    });
  });

  describe('a creation is refused', () => {
    const refusal = async (name: string, toBody: (repository: string) => Promise<CreateRepository>) => {
      const { service } = core();
      const repository = nameOf(`refused-${name}`);
      const error = await errorOf(service.createRepository(call, repository, await toBody(repository)));
      expect(await codeOf(service.readRepository(repository))).toBe('REPOSITORY_UNKNOWN');
      return error;
    };

    it('in the dialect notary alone, which Notary clients make', async () => {
      const error = await refusal('alone', async () => ({ ...dualManaged, dialects: ['notary'] }));
      expect(error.code).toBe('BODY_INVALID');
      expect(error.message).toContain('Notary client');
    });

    it('with the same dialect twice', async () => {
      expect((await refusal('twice', async () => ({ ...dualManaged, dialects: ['tuf', 'tuf'] }))).code).toBe(
        'BODY_INVALID',
      );
    });

    it('when one dialect lacks root keys, and says which', async () => {
      const noNotary = await refusal('no-notary', async () => heldInBoth([alice], []));
      expect(noNotary).toMatchObject({ code: 'THRESHOLD_INVALID', detail: { dialect: 'notary', keys: 0 } });
      const noTuf = await refusal('no-tuf', async (repository) =>
        heldInBoth([], [await certifiedKey('carol', repository)]),
      );
      expect(noTuf).toMatchObject({ code: 'THRESHOLD_INVALID', detail: { dialect: 'tuf', keys: 0 } });
      const one = await refusal('one-of-two', async (repository) =>
        heldInBoth([alice, bob], [await certifiedKey('carol', repository)], 2),
      );
      expect(one).toMatchObject({ code: 'THRESHOLD_INVALID', detail: { dialect: 'notary', keys: 1 } });
    });

    it.each([
      [
        'is for another repository',
        (name: string) => certifiedKey('carol', `${name}-other`),
        'another repository',
      ],
      [
        'has expired',
        (name: string) =>
          certifiedKey('carol', name, { notBefore: startMs - 9 * day, notAfter: startMs - day }),
        'expired',
      ],
      [
        'is not valid yet',
        (name: string) => certifiedKey('carol', name, { notBefore: startMs + 2 * day }),
        'not valid yet',
      ],
    ])('when the certificate of a root key %s', async (what, toKey, reason) => {
      const error = await refusal(what.replaceAll(' ', '-'), async (repository) =>
        heldInBoth([alice], [await toKey(repository)]),
      );
      expect(error).toMatchObject({ code: 'KEY_INVALID', detail: { role: 'root', dialect: 'notary' } });
      expect(error.message).toContain(reason);
    });

    it('when a root key of the dialect notary is no certificate', async () => {
      const bare = {
        keytype: 'ed25519',
        keyval: { private: null, public: Buffer.alloc(32, 7).toString('base64') },
      };
      const error = await refusal('bare', async () => ({
        dialects: ['tuf', 'notary'],
        roles: {
          root: {
            keys: [
              { custody: 'client', key: alice.declared },
              { custody: 'client', dialect: 'notary', key: bare },
            ],
          },
        },
      }));
      expect(error.code).toBe('KEY_INVALID');
    });

    it('when a key is written in the other dialect, or of one that was not asked for', async () => {
      const swapped = await refusal('swapped', async () => ({
        dialects: ['tuf', 'notary'],
        roles: {
          root: {
            keys: [
              { custody: 'client', key: alice.declared },
              { custody: 'client', dialect: 'notary', key: alice.declared },
            ],
          },
        },
      }));
      expect(swapped).toMatchObject({ code: 'KEY_INVALID', detail: { dialect: 'notary' } });
      const unasked = await refusal('unasked', async (repository) => ({
        ...heldInBoth([alice], [await certifiedKey('carol', repository)]),
        dialects: ['tuf'],
      }));
      expect(unasked).toMatchObject({ code: 'KEY_INVALID', detail: { dialect: 'notary' } });
    });

    it('when one certificate is listed twice to reach the threshold', async () => {
      const error = await refusal('listed-twice', async (repository) => {
        const carol = await certifiedKey('carol', repository);
        return heldInBoth([alice, bob], [carol, carol], 2);
      });
      expect(error.code).toBe('KEY_INVALID');
    });

    it('when two certificates hide one key', async () => {
      const error = await refusal('one-key', async (repository) =>
        heldInBoth(
          [alice, bob],
          [
            await certifiedKey('carol', repository),
            await certifiedKey('carol', repository, { notAfter: startMs + day }),
          ],
          2,
        ),
      );
      expect(error.code).toBe('KEY_INVALID');
    });
  });
}
