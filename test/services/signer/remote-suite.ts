/** A trust service that holds no private key. Runs over every kind of database. */
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteKeyStore } from '@vidimus/key-store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CreateRepository } from '../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../support/each-database.ts';
import {
  bodyOf,
  Client,
  call,
  codeOf,
  digestOf,
  errorOf,
  managed,
  openCore,
  startMs,
  tagOf,
} from '../trust-server/core/core-for-test.ts';
import { dualManaged } from '../trust-server/core/dual-for-test.ts';
import { Followers, managedEntry } from '../trust-server/core/rotation/rotation-for-test.ts';
import { createRemoteBed, keyRows, type RemoteBed } from './remote-bed.ts';

export function remoteSuite(given: DatabaseForSuite): void {
  let bed: RemoteBed;
  beforeAll(async () => {
    bed = await createRemoteBed(given.database());
  });
  afterAll(() => bed.close());

  const make = async (name: string, body: CreateRepository = managed) => {
    const repository = `registry.example.com/remote/${name}`;
    await bodyOf(bed.core.service.createRepository(call, repository, body));
    await bodyOf(bed.core.service.putTag(call, repository, '1.0', tagOf('a')));
    return { repository, followers: await Followers.of(bed.core, repository, body.dialects?.length ?? 1) };
  };

  /** What a client sees that saw it before, and one that did not, both of the service that runs now. */
  const follow = async (warm: Client, repository: string) => {
    const tags = await warm.against(bed.core).targets();
    expect(await (await new Client(bed.core, repository).pin()).targets()).toEqual(tags);
    return tags;
  };

  describe('a repository whose keys are in a signer', () => {
    it('is made, signed and followed without a private key in the database', async () => {
      const { repository, followers } = await make('plain', dualManaged);
      expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      const rows = await keyRows(given.database(), repository);
      expect(rows.length).toBeGreaterThan(5);
      expect(rows.every(({ home, wrapped }) => home === 'remote' && wrapped === null)).toBe(true);
    });

    it('has every role rotated', async () => {
      const { repository, followers } = await make('rotated', dualManaged);
      for (const role of ['root', 'targets', 'snapshot', 'timestamp', 'revocations']) {
        const body = { to: [managedEntry], reason: 'yearly' };
        const rotated = await bodyOf(bed.core.service.rotateRole(call, repository, role, body));
        expect(rotated.role).toMatchObject({ custody: 'managed' });
        expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      }
    });
  });

  it('has the keys destroyed whose use ended', async () => {
    const { repository } = await make('destroyed');
    const [old] = (await bed.core.service.readRole(repository, 'timestamp')).keyIds;
    const rotation = { to: [managedEntry], reason: 'yearly' };
    await bodyOf(bed.core.service.rotateRole(call, repository, 'timestamp', rotation));
    const keys = bed.managedKeys();
    await bed.stopSigner();
    await expect(keys.destroyRetired(given.database())).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE' });
    await bed.startSigner();
    await keys.destroyRetired(given.database());
    expect(bed.audit().filter(({ event }) => event === 'destroyed')).toContainEqual(
      expect.objectContaining({ keyId: old, repository }),
    );
    const left = (await keyRows(given.database(), repository)).filter(({ home }) => home === 'remote');
    expect(left.every(({ retiredAt }) => retiredAt === null)).toBe(true);
    await bodyOf(bed.core.service.putTag(call, repository, '2.0', tagOf('b')));
  });

  describe('a signer that does not sign', () => {
    it('leaves reads as they are, and ends writes clearly', async () => {
      const { repository, followers } = await make('down');
      const before = await bed.core.service.readRepository(repository);
      await bed.stopSigner();
      const error = await errorOf(bed.core.service.putTag(call, repository, '2.0', tagOf('b')));
      expect(error.code).toBe('SIGNER_UNAVAILABLE');
      expect(await codeOf(bed.core.service.createRepository(call, `${repository}-new`, managed))).toBe(
        'SIGNER_UNAVAILABLE',
      );
      expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      expect(await bed.core.service.readRepository(repository)).toEqual(before);
      await bed.startSigner();
      await bodyOf(bed.core.service.putTag(call, repository, '2.0', tagOf('b')));
      expect(Object.keys((await followers.follow()).tags)).toEqual(['1.0', '2.0']);
    });

    it.each([
      ['nonsense', 200, 'nonsense'],
      ['another answer', 200, '{"ready":true}'],
      [
        'a signature by nobody',
        200,
        JSON.stringify({ keyId: 'ab'.repeat(32), scheme: 'ed25519', signature: 'AAAA' }),
      ],
      ['failures', 500, '{}'],
      ['without end', 200, 'x'.repeat(2_000_000)],
      ['nothing', undefined, ''],
    ])('because it answers %s, is told from one that does', async (_, status, text) => {
      const { repository } = await make(`odd-${status}-${text.length}`);
      const odd = await listenOdd(status, text);
      const remoteKeys = createRemoteKeyStore({ target: { kind: 'unix', path: odd.path }, timeoutMs: 200 });
      const core = openCore(given.database(), { clock: { nowMs: startMs }, remoteKeys });
      const before = await core.service.readRepository(repository);
      expect(await codeOf(core.service.putTag(call, repository, '2.0', tagOf('b')))).toBe(
        'SIGNER_UNAVAILABLE',
      );
      expect(await core.service.readRepository(repository)).toEqual(before);
      remoteKeys.close();
      odd.server.closeAllConnections();
      odd.server.close();
    });

    it('because nobody named it, is missed by name', async () => {
      const { repository } = await make('unnamed');
      const core = openCore(given.database(), { clock: { nowMs: startMs } });
      expect(await codeOf(core.service.putTag(call, repository, '2.0', tagOf('b')))).toBe(
        'SIGNER_UNAVAILABLE',
      );
    });
  });

  describe('a service that dies between a signature and its commit', () => {
    it.each([
      ['tuf', managed],
      ['both dialects', dualManaged],
    ])('publishes the next edit, wherever it died (%s)', async (name, body) => {
      const { repository } = await make(`killed-${body.dialects?.length ?? 1}`, body);
      const warm = await new Client(bed.core, repository).pin();
      bed.crashAfter(undefined);
      await bodyOf(bed.core.service.putTag(call, repository, 'whole', tagOf('a')));
      const whole = bed.signed();
      expect(whole, name).toBeGreaterThanOrEqual(3);
      for (let step = 1; step <= whole; step += 1) {
        bed.crashAfter(step);
        expect(await codeOf(bed.core.service.putTag(call, repository, `lost-${step}`, tagOf('b')))).not.toBe(
          'none',
        );
        bed = bed.restart();
        await bodyOf(bed.core.service.putTag(call, repository, `kept-${step}`, tagOf('c')));
        const tags = await follow(warm, repository);
        expect(tags).toHaveProperty([`kept-${step}`], digestOf('c'));
        expect(tags).not.toHaveProperty([`lost-${step}`]);
      }
      const { items } = await bed.core.service.readAudit({ repository }, { limit: 5 });
      expect(items[0]).toMatchObject({ action: 'tag.sign' });
    });

    it.each([
      ['tuf', managed, ['root', 'targets', 'timestamp', 'revocations']],
      ['both dialects', dualManaged, ['root', 'snapshot']],
    ])('rotates its roles, wherever it died (%s)', async (_, body, roles) => {
      const { repository } = await make(`rotating-${body.dialects?.length ?? 1}`, body);
      const warm = await new Client(bed.core, repository).pin();
      for (const role of roles) {
        for (let step = 1, isDone = false; !isDone; step += 1) {
          const before = await bed.core.service.readRole(repository, role);
          bed.crashAfter(step);
          const rotation = { to: [managedEntry], reason: `step ${step}` };
          isDone = (await codeOf(bed.core.service.rotateRole(call, repository, role, rotation))) === 'none';
          bed = bed.restart();
          if (!isDone) await bodyOf(bed.core.service.rotateRole(call, repository, role, rotation));
          const after = await bed.core.service.readRole(repository, role);
          expect(after.keyIds).not.toEqual(before.keyIds);
          expect(await follow(warm, repository)).toEqual({ '1.0': digestOf('a') });
        }
      }
    });

    it('has finished a rotation of root when it has started again', async () => {
      const { repository } = await make('begun');
      const warm = await new Client(bed.core, repository).pin();
      const before = await bed.core.service.readRole(repository, 'root');
      bed.crashAfter(1, 'root');
      const rotation = { to: [managedEntry], reason: 'yearly' };
      expect(await codeOf(bed.core.service.rotateRole(call, repository, 'root', rotation))).not.toBe('none');
      const [change] = (await bed.core.service.listChanges(repository, {}, { limit: 5 })).items;
      const id = change?.id ?? '';
      expect(await codeOf(bed.core.service.rejectChange(call, repository, id))).toBe('CHANGE_CLOSED');
      bed = bed.restart();
      await bed.core.service.start();
      await bed.core.service.stop();
      expect((await bed.core.service.readChange(repository, id)).state).toBe('published');
      expect((await bed.core.service.readRole(repository, 'root')).keyIds).not.toEqual(before.keyIds);
      expect(await follow(warm, repository)).toEqual({ '1.0': digestOf('a') });
    });

    it('renews a root, wherever it died', async () => {
      const { repository } = await make('renewed');
      const warm = await new Client(bed.core, repository).pin();
      const start = bed.core.clock.nowMs;
      const before = (await bed.core.service.readRepository(repository)).versions;
      bed.core.clock.nowMs += 300 * 86_400_000;
      bed.crashAfter(1, 'root');
      await bed.core.service.renew();
      expect(bed.signed()).toBe(1);
      bed = bed.restart();
      bed.core.clock.nowMs += 1_000;
      await bed.core.service.renew();
      const after = (await bed.core.service.readRepository(repository)).versions;
      expect(after.root).toBe((before.root ?? 0) + 1);
      expect(await follow(warm, repository)).toEqual({ '1.0': digestOf('a') });
      bed.core.clock.nowMs = start;
    });
  });
}

/** Something on a socket that is no signer; without a status it never answers. */
async function listenOdd(
  status: number | undefined,
  text: string,
): Promise<{ server: Server; path: string }> {
  const path = join(tmpdir(), `odd-${process.pid}-${Math.abs(hash(`${status} ${text}`))}.sock`);
  const server = createServer((request, response) => {
    request.resume();
    if (status !== undefined) response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { server, path };
}

function hash(text: string): number {
  return [...text].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) | 0, 7);
}
