/**
 * Somebody has a key that was revoked, and stands between clients and server. Who has seen that the key is gone believes
 * nothing it signed: not the files of yesterday, not those among the files of today, nothing new.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServiceBed, type ServiceBed } from '../../support/service-bed.ts';
import { digestOf } from '../../support/service-calls.ts';
import { forge, mixInYesterday, serveYesterday } from './attacks.ts';
import { closeAll, createFollowers, type Follower, readRoots } from './followers.ts';
import { type DialectName, entriesOf, type Person, personFor } from './people.ts';
import { type Relay, startRelay } from './relay.ts';
import { type Administrator, administer } from './trust-calls.ts';

const dialects: readonly DialectName[] = ['tuf', 'notary'];
const managed = { custody: 'managed' };
const reason = 'laptop stolen';
const tags = ['1.0', 'r-1'];

type Followers = ReadonlyMap<string, Follower>;

describe.each(['embedded', 'postgres'] as const)('a revoked key (%s)', (kind) => {
  let bed: ServiceBed;
  let url: string;
  beforeAll(async () => {
    bed = createServiceBed();
    const options = kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
    url = (await bed.start(options)).url;
  });
  afterAll(() => bed.close());

  /** What each of them makes of what it is served. */
  const asked = async (followers: Followers) =>
    Object.fromEntries(
      await Promise.all(
        [...followers].map(async ([name, follower]) => {
          const seen = await follower.see(tags).catch(() => 'refused' as const);
          return [name, seen] as const;
        }),
      ),
    );
  const all = (followers: Followers, what: unknown) =>
    Object.fromEntries([...followers.keys()].map((name) => [name, what]));

  /** A repository in both dialects where a role is signed by one key, and clients that know it through a relay. */
  const open = async (role: string) => {
    const repository = `registry.example.com/revoked/${role}`;
    const admin = administer(url, repository);
    const [mallory, ben] = ['mallory', 'ben'].map((name) => personFor({ repository, dialects, role }, name));
    if (mallory === undefined || ben === undefined) throw new Error('people');
    await admin.publish('PUT', '', { dialects, roles: { root: { keys: [managed] } } });
    const isHeld = (name: string) => role === name && role !== 'timestamp';
    const signers = isHeld('releases')
      ? [{ name: 'mallory', keys: entriesOf(mallory) }]
      : [{ name: 'the service', keys: [managed] }];
    const releases = { signers, threshold: 1, paths: ['r-*'] };
    await admin.publish('PUT', '/delegations/releases', releases, [mallory]);
    if (isHeld('targets')) {
      const body = { to: entriesOf(mallory), reason };
      await admin.publish('POST', '/roles/targets/rotations', body, [mallory]);
    }
    const people = [mallory, ben];
    const expected: Record<string, string> = {
      '1.0': await admin.sign('1.0', `1.0 of ${repository}`, 'targets', people),
      'r-1': await admin.sign('r-1', `r-1 of ${repository}`, 'releases', people),
    };
    const relay = await startRelay(url);
    const warm = createFollowers(await sightOf(relay, repository, 1), dialects);
    bed.afterwards(relay.close);
    bed.afterwards(async () => closeAll(warm));
    expect(await asked(warm)).toEqual(all(warm, expected));
    const memory = new Map(relay.memory);
    return { repository, admin, relay, warm, memory, expected, mallory, ben, people };
  };

  const sightOf = async (relay: Relay, repository: string, version: number) => ({
    url: relay.url,
    repository,
    roots: await readRoots(url, repository, dialects, version),
  });

  /** Takes the only key of a role out in each dialect; somebody else has it from then on. */
  const revoke = async (
    admin: Administrator,
    role: string,
    replacement: (dialect: DialectName) => object,
    people: readonly Person[],
  ): Promise<void> => {
    for (const dialect of dialects) {
      const { keyId } = await admin.keyOf(role, dialect);
      const body = { reason, replacement: replacement(dialect) };
      await admin.publish('POST', `/keys/${keyId}/revocation`, body, people);
    }
  };

  it.each(['timestamp', 'targets', 'releases'])('of %s signs nothing that anybody believes', async (role) => {
    const { repository, admin, relay, warm, memory, expected, mallory, ben, people } = await open(role);
    const next = (dialect: DialectName) => entriesOf(ben, dialect)[0] ?? managed;
    await revoke(admin, role, role === 'timestamp' ? () => managed : next, people);
    expect(await asked(warm)).toEqual(all(warm, expected));

    const { root = 1 } = await admin.versions();
    const sight = await sightOf(relay, repository, root);
    /** Clients whose first root is that of today, and what they make of it. */
    const askCold = async () => {
      const cold = createFollowers(sight, dialects);
      try {
        return await asked(cold);
      } finally {
        closeAll(cold);
      }
    };
    const expectRefusals = async (): Promise<void> => {
      expect(await asked(warm)).toEqual(all(warm, 'refused'));
      expect(await askCold()).toEqual(all(warm, 'refused'));
    };
    const expectGood = async (): Promise<void> => {
      relay.obey();
      expect(await asked(warm)).toEqual(all(warm, expected));
      expect(await askCold()).toEqual(all(warm, expected));
    };

    relay.obey(serveYesterday(memory));
    expect(await asked(warm)).toEqual(all(warm, 'refused'));
    // A delegation is not in root: who knows nothing newer cannot know that it changed.
    if (role !== 'releases') expect(await askCold()).toEqual(all(warm, 'refused'));
    await expectGood();

    const tag = role === 'releases' ? 'r-1' : '1.0';
    const move = async (): Promise<void> => {
      expected[tag] = await admin.sign(
        tag,
        `${tag} of ${repository} after ${expected[tag]}`,
        role === 'releases' ? role : 'targets',
        people,
      );
    };
    await move();
    relay.obey(mixInYesterday(memory, role));
    await expectRefusals();
    await expectGood();

    if (role === 'timestamp') return;
    await move();
    relay.obey(forge(role, tag, digestOf('evil'), mallory));
    await expectRefusals();
    await expectGood();
  });
});
