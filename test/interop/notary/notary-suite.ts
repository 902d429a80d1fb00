/** What people do with `notary`, done by the real program against a trust server, whichever it is. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Between, standBetween } from '../../support/notary-clients/between.ts';
import { createNotaryCli, type NotaryCli } from '../../support/notary-clients/notary-cli.ts';
import { wireVersion } from '../../support/notary-clients/read-wire.ts';
import { makeSignerKey, type SignerKey } from '../../support/notary-clients/signer-key.ts';
import type { TrustServer } from '../../support/notary-clients/trust-server.ts';

/** Every test has a repository of its own; the server is there inside hooks and tests only. */
export function describeNotary(server: () => TrustServer): void {
  const machines: NotaryCli[] = [];
  /** Somebody who may create repositories; readers have no login. */
  const publisher = (url = server().url): NotaryCli => {
    const { ca, login } = server();
    const machine = createNotaryCli({ server: url, ca, login });
    machines.push(machine);
    return machine;
  };
  const reader = (url = server().url, ca = server().ca): NotaryCli => {
    const machine = createNotaryCli({ server: url, ca });
    machines.push(machine);
    return machine;
  };
  const created = async (repository: string): Promise<NotaryCli> => {
    const machine = publisher();
    await machine.done('init', repository, '-p');
    return machine;
  };
  afterAll(() => {
    for (const machine of machines) machine.close();
  });

  describe('targets', () => {
    it('are added, published, listed, looked up, verified and removed', async () => {
      const repository = 'registry.example.com/notary/targets';
      const [owner, other] = [publisher(), reader()];
      const first = owner.file('first', 'first');
      await owner.done('init', repository);
      await owner.done('add', repository, 'v1', first);
      expect(await owner.done('status', repository)).toMatch(/create\s+targets\s+target\s+v1/);
      await owner.done('publish', repository);
      expect(await owner.done('status', repository)).toContain('No unpublished changes');
      expect(await other.list(repository)).toEqual([listed('v1', 'first')]);
      // Nothing to warn of, such as something that ends within half a year.
      expect((await other.run('list', repository)).stderr).toBe('');
      expect(await other.done('lookup', repository, 'v1')).toContain(`sha256:${sha256('first')} 5`);
      await other.done('verify', repository, 'v1', '-i', first, '-q');
      expect(await other.fails('verify', repository, 'v1', '-i', other.file('other', 'other'))).toContain(
        'not present in the trusted collection',
      );

      const digest = ['--sha256', sha256('second')];
      await owner.done('addhash', repository, 'v2', '6', ...digest, '-p');
      expect(await other.list(repository)).toEqual([listed('v1', 'first'), listed('v2', 'second')]);
      await owner.done('add', repository, 'v3', first);
      await owner.done('reset', repository, '--all');
      await owner.done('remove', repository, 'v1', '-p');
      expect(await other.list(repository)).toEqual([listed('v2', 'second')]);
      expect(await other.fails('lookup', repository, 'v1')).toContain('No valid trust data for v1');
    });

    it('may carry whatever the program itself can sign: odd names and custom data', async () => {
      const repository = 'registry.example.com/notary/odd';
      const owner = await created(repository);
      const file = owner.file('content', 'content');
      const name = 'a<b>&"q"\\w é 日本';
      await owner.done(
        'add',
        repository,
        name,
        file,
        '--custom',
        owner.file('c.json', '{"a":1,"b":[3,null]}'),
      );
      await owner.done('publish', repository);
      expect(await reader().list(repository)).toEqual([listed(name, 'content')]);
      // Signed over other bytes than everybody would verify: the program's own mistake, said in words.
      const unsorted = owner.file('unsorted.json', '{"b":1,"a":2}');
      expect(await owner.fails('add', repository, 'v2', file, '--custom', unsorted, '-p')).toMatch(/targets/);
      expect(await reader().list(repository)).toHaveLength(1);
    });

    it('are signed anew on witness', async () => {
      const repository = 'registry.example.com/notary/witness';
      const owner = await created(repository);
      await owner.done('add', repository, 'v1', owner.file('first', 'first'), '-p');
      const before = await wireVersion(server(), repository, 'targets');
      await owner.done('witness', repository, 'targets', '-p');
      expect(await wireVersion(server(), repository, 'targets')).toBe(before + 1);
      expect(await reader().list(repository)).toEqual([listed('v1', 'first')]);
    });

    it('are gone for everybody after delete --remote, and the name can be taken again', async () => {
      const repository = 'registry.example.com/notary/deleted';
      const sibling = `${repository}-sibling`;
      const [owner, neighbour] = [await created(repository), await created(sibling)];
      await owner.done('add', repository, 'v1', owner.file('first', 'first'), '-p');
      await neighbour.done('add', sibling, 'v1', neighbour.file('first', 'first'), '-p');
      expect(await reader().list(repository)).toHaveLength(1);
      await owner.done('delete', repository, '--remote');
      expect(await reader().fails('list', repository)).toContain('does not have trust data');
      expect(await reader().list(sibling)).toHaveLength(1);
      const next = await created(repository);
      await next.done('add', repository, 'v2', next.file('second', 'second'), '-p');
      expect(await reader().list(repository)).toEqual([listed('v2', 'second')]);
    });

    it('are nobody’s to publish in a new repository without a login', async () => {
      const repository = 'registry.example.com/notary/anonymous';
      expect(await reader().fails('init', repository, '-p')).toContain('not authorized');
      expect(await wireVersion(server(), repository, 'root')).toBe(0);
    });
  });

  describe('delegations', () => {
    let alice: SignerKey;
    let bob: SignerKey;
    beforeAll(async () => {
      [alice, bob] = await Promise.all([makeSignerKey('alice'), makeSignerKey('bob', 'rsa')]);
    });
    /** A repository to which its delegates can publish: without the snapshot key they could not. */
    const shared = async (repository: string): Promise<NotaryCli> => {
      const owner = await created(repository);
      await owner.done('key', 'rotate', repository, 'snapshot', '-r');
      return owner;
    };
    /** A machine that holds nothing but one delegate's key. */
    const delegate = async (role: string, key: SignerKey): Promise<NotaryCli> => {
      const machine = publisher();
      await machine.done('key', 'import', machine.file('key.pem', key.privateKey), '--role', role);
      return machine;
    };

    it('are added, signed by their holders, listed, narrowed and removed', async () => {
      const repository = 'registry.example.com/notary/delegations';
      const owner = await shared(repository);
      const [aliceCert, bobCert] = [
        owner.file('a.pem', alice.certificate),
        owner.file('b.pem', bob.certificate),
      ];
      const add = ['delegation', 'add', repository, 'targets/releases'];
      await owner.done(...add, aliceCert, bobCert, '--all-paths', '-p');
      await owner.done('delegation', 'add', repository, 'targets/qa', bobCert, '--paths', 'qa-', '-p');
      const rows = await reader().done('delegation', 'list', repository);
      expect(rows).toMatch(/targets\/qa\s+qa-\s/);
      expect(rows).toMatch(/targets\/releases\s+"" <all paths>\s/);

      const [first, second] = [await delegate('targets/releases', alice), await delegate('targets/qa', bob)];
      const roles = (role: string) => ['--roles', role, '-p'];
      await first.done('add', repository, 'v1', first.file('1', 'first'), ...roles('targets/releases'));
      await second.done('add', repository, 'qa-1', second.file('2', 'second'), ...roles('targets/qa'));
      expect(await reader().list(repository)).toEqual([
        listed('qa-1', 'second', 'targets/qa'),
        listed('v1', 'first', 'targets/releases'),
      ]);

      const bobId = /targets\/qa\s+qa-\s+([0-9a-f]{64})/.exec(rows)?.[1] ?? 'none';
      expect(rows.split(bobId)).toHaveLength(3);
      await owner.done('delegation', 'remove', repository, 'targets/releases', bobId, '-p');
      expect((await reader().done('delegation', 'list', repository)).split(bobId)).toHaveLength(2);

      await owner.done('delegation', 'remove', repository, 'targets/qa', '--yes', '-p');
      expect(await reader().list(repository)).toEqual([listed('v1', 'first', 'targets/releases')]);
      const again = second.run('add', repository, 'qa-2', second.file('2', 'second'), ...roles('targets/qa'));
      expect((await again).exit).not.toBe(0);
      expect(await reader().done('delegation', 'list', repository)).not.toContain('targets/qa');
    });

    it('may delegate further', async () => {
      const repository = 'registry.example.com/notary/nested';
      const owner = await shared(repository);
      const cert = owner.file('a.pem', alice.certificate);
      await owner.done('delegation', 'add', repository, 'targets/team', cert, '--all-paths', '-p');
      const team = await delegate('targets/team', alice);
      const nested = 'targets/team/nightly';
      await team.done(
        'delegation',
        'add',
        repository,
        nested,
        team.file('b.pem', bob.certificate),
        '--paths',
        'n-',
        '-p',
      );
      const nightly = await delegate(nested, bob);
      await nightly.done('add', repository, 'n-1', nightly.file('1', 'night'), '--roles', nested, '-p');
      await team.done('add', repository, 'day', team.file('2', 'day'), '--roles', 'targets/team', '-p');
      expect(await reader().list(repository)).toEqual([
        listed('day', 'day', 'targets/team'),
        listed('n-1', 'night', nested),
      ]);
      await team.done('witness', repository, 'targets/team', '-p');
      expect(await reader().list(repository)).toHaveLength(2);
      const keyId = /targets\/team\/nightly\s+n-\s+([0-9a-f]{64})/.exec(
        await reader().done('delegation', 'list', repository),
      )?.[1];
      await team.done('delegation', 'purge', repository, '--key', keyId ?? 'none', '-p');
      expect(await reader().list(repository)).toEqual([listed('day', 'day', 'targets/team')]);
      await team.done('delegation', 'remove', repository, nested, '--yes', '-p');
      expect(await reader().list(repository)).toEqual([listed('day', 'day', 'targets/team')]);
    });

    it('lose a key everywhere on purge', async () => {
      const repository = 'registry.example.com/notary/purge';
      const owner = await shared(repository);
      const [aliceCert, bobCert] = [
        owner.file('a.pem', alice.certificate),
        owner.file('b.pem', bob.certificate),
      ];
      await owner.done(
        'delegation',
        'add',
        repository,
        'targets/one',
        aliceCert,
        bobCert,
        '--all-paths',
        '-p',
      );
      await owner.done('delegation', 'add', repository, 'targets/two', bobCert, '--all-paths', '-p');
      const before = await owner.done('delegation', 'list', repository);
      const keyId = /targets\/two\s+\S+ <all paths>\s+([0-9a-f]{64})/.exec(before)?.[1];
      expect(keyId).toBeDefined();
      await owner.done('delegation', 'purge', repository, '--key', keyId ?? '', '-p');
      const after = await reader().done('delegation', 'list', repository);
      expect(after).not.toContain(keyId);
      const holder = await delegate('targets/one', alice);
      await holder.done('add', repository, 'v1', holder.file('1', 'first'), '--roles', 'targets/one', '-p');
      expect(await reader().list(repository)).toEqual([listed('v1', 'first', 'targets/one')]);
    });
  });

  describe('keys', () => {
    /** One after the other, each on the state the one before left. */
    const rotations: readonly (readonly string[])[] = [
      ['snapshot', '-r'],
      ['timestamp', '-r'],
      ['targets'],
      ['root'],
      ['snapshot'],
      ['targets'],
      ['snapshot', '-r'],
      ['root'],
      ['timestamp', '-r'],
    ];

    it('of every role rotate, and clients with a warm cache or an old root follow', async () => {
      const repository = 'registry.example.com/notary/rotate';
      const owner = await created(repository);
      const [warm, old] = [reader(), reader()];
      await owner.done('add', repository, 'v0', owner.file('v0', 'content 0'), '-p');
      const expected = [listed('v0', 'content 0')];
      for (const client of [warm, old]) expect(await client.list(repository)).toEqual(expected);
      let count = 0;
      for (const rotation of rotations) {
        count += 1;
        await owner.done('key', 'rotate', repository, ...rotation);
        await owner.done('add', repository, `v${count}`, owner.file('v', `content ${count}`), '-p');
        expected.push(listed(`v${count}`, `content ${count}`));
        expect(await warm.list(repository)).toEqual(expected);
      }
      expect(await wireVersion(server(), repository, 'root')).toBe(1 + rotations.length);
      expect(await old.list(repository)).toEqual(expected);
      expect(await reader().list(repository)).toEqual(expected);
    });
  });

  describe('an attacker or another publisher in between', () => {
    let between: Between;
    beforeAll(async () => {
      between = await standBetween(server());
    });
    afterAll(() => between?.close());

    it('cannot replay an older timestamp to a client that knows a newer one', async () => {
      const repository = 'registry.example.com/notary/replay';
      const owner = await created(repository);
      const victim = reader(between.url, between.ca);
      await owner.done('add', repository, 'v1', owner.file('v1', 'first'), '-p');
      await victim.list(repository);
      const older = between.last('timestamp.json');
      await owner.done('remove', repository, 'v1', '-p');
      expect(await victim.list(repository)).toEqual([]);
      between.replay(older);
      expect(await victim.fails('list', repository)).toContain('is lower than current version');
      between.honest();
      expect(await victim.list(repository)).toEqual([]);
    });

    it.each(['server', 'client'])(
      'loses a race with a reason in words (%s-held snapshot key)',
      async (held) => {
        const repository = `registry.example.com/notary/race-${held}`;
        const owner = await created(repository);
        if (held === 'server') await owner.done('key', 'rotate', repository, 'snapshot', '-r');
        const slow = createNotaryCli({ server: between.url, ca: between.ca, login: server().login });
        machines.push(slow);
        slow.adoptKeys(owner);
        between.beforeNextUpload(() =>
          owner.done('add', repository, 'fast', owner.file('fast', 'fast'), '-p'),
        );
        const add = ['add', repository, 'slow', slow.file('slow', 'slow'), '-p'];
        expect(await slow.fails(...add)).toMatch(/version \d+ is already published/);
        await slow.done('publish', repository);
        expect(await reader().list(repository)).toEqual([listed('fast', 'fast'), listed('slow', 'slow')]);
      },
    );
  });
}

function listed(target: string, content: string, role = 'targets') {
  return { target, sha256: sha256(content), role };
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
