/**
 * Every role rotated over REST, between the hands of the service and of people, alone and two of three: whoever follows
 * the repository goes on without being told.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServiceBed, type ServiceBed } from '../../support/service-bed.ts';
import { codeOf } from '../../support/service-calls.ts';
import { type Crowd, gather } from './followers.ts';
import { type DialectName, entriesOf, type Person, personFor } from './people.ts';
import { type Administrator, administer } from './trust-calls.ts';

/** One rotation; `managed` is the service, other names are people. */
interface Turn {
  readonly to: readonly string[];
  readonly threshold: number;
}

/** Each on what the one before left; every role begins and ends with the service. */
const turns: readonly Turn[] = [
  { to: ['managed'], threshold: 1 },
  { to: ['ann'], threshold: 1 },
  { to: ['ben'], threshold: 1 },
  { to: ['ben', 'cat', 'dan'], threshold: 2 },
  { to: ['cat'], threshold: 1 },
  { to: ['managed', 'cat', 'dan'], threshold: 2 },
  { to: ['managed'], threshold: 1 },
];
/** Two of three suffice: dan never signs. */
const present = ['ann', 'ben', 'cat'];

const managed = { custody: 'managed' };
const reason = 'yearly';
const tags = ['1.0', 'r-1'];

describe.each(['embedded', 'postgres'] as const)('rotations (%s)', (kind) => {
  let bed: ServiceBed;
  let url: string;
  beforeAll(async () => {
    bed = createServiceBed();
    const options = kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
    url = (await bed.start(options)).url;
  });
  afterAll(() => bed.close());

  describe.each<{ readonly dialects: readonly DialectName[] }>([
    { dialects: ['tuf'] },
    { dialects: ['tuf', 'notary'] },
  ])('in $dialects', ({ dialects }) => {
    const repository = `registry.example.com/rotation/${dialects.join('-')}`;
    let admin: Administrator;
    let crowd: Crowd;
    let moves = 0;
    const expected: Record<string, string> = {};
    beforeAll(async () => {
      admin = administer(url, repository);
      await admin.publish('PUT', '', { dialects, roles: { root: { keys: [managed] } } });
      const signers = [{ name: 'the service', keys: [managed] }];
      await admin.publish('PUT', '/delegations/releases', { signers, threshold: 1, paths: ['r-*'] });
      await move('targets');
      await move('releases');
      crowd = await gather(url, repository, dialects);
      expect(await crowd.see(tags)).toEqual(crowd.all(expected));
    });
    afterAll(() => crowd?.close());

    /** The tag of a role is another image from now on. */
    const move = async (role: string, people: readonly Person[] = []): Promise<void> => {
      const tag = role === 'releases' ? 'r-1' : '1.0';
      moves += 1;
      expected[tag] = await admin.sign(tag, `move ${moves} in ${repository}`, role, people);
    };
    /** @param holders - of root, where people hold it; answers those of the role who are there to sign */
    const rotate = async (
      role: string,
      { to, threshold }: Turn,
      holders: readonly Person[] = [],
    ): Promise<readonly Person[]> => {
      const person = (name: string) => personFor({ repository, dialects, role }, name);
      const people = present.map(person);
      const entries = to.flatMap((name) => (name === 'managed' ? [managed] : entriesOf(person(name))));
      const body = { to: entries, threshold, reason };
      const before = await admin.role(role);
      await admin.publish('POST', `/roles/${role}/rotations`, body, [...people, ...holders]);
      const after = await admin.role(role);
      const custody = !to.includes('managed') ? 'client' : to.length === 1 ? 'managed' : 'mixed';
      expect(after).toMatchObject({ custody, threshold, independentCustodians: to.length });
      expect(after.keyIds).not.toEqual(before.keyIds);
      return people;
    };

    it.each(['targets', 'releases', 'root', 'revocations'])(
      '%s goes from hand to hand, and everybody follows',
      async (role) => {
        for (const turn of turns) {
          const people = await rotate(role, turn);
          expect(await crowd.see(tags), JSON.stringify(turn)).toEqual(crowd.all(expected));
          await move(role === 'releases' ? role : 'targets', people);
          expect(await crowd.see(tags), JSON.stringify(turn)).toEqual(crowd.all(expected));
        }
      },
    );

    it.each(['snapshot', 'timestamp'])(
      '%s gets other keys of the service, and nobody else’s',
      async (role) => {
        await rotate(role, { to: ['managed'], threshold: 1 });
        await move('targets');
        expect(await crowd.see(tags)).toEqual(crowd.all(expected));
        const to = entriesOf(personFor({ repository, dialects, role }, 'ann'));
        const refused = await admin.call('POST', `/roles/${role}/rotations`, { to, reason });
        expect([refused.status, codeOf(refused)]).toEqual([400, 'CUSTODY_INVALID']);
      },
    );

    it('every other role gets keys by a root of which two of three people sign', async () => {
      const holders = await rotate('root', { to: ['ann', 'ben', 'dan'], threshold: 2 });
      const others = ['targets', 'snapshot', 'timestamp', 'revocations'];
      for (const role of others) {
        await rotate(role, { to: ['managed'], threshold: 1 }, holders);
        await move('targets');
        expect(await crowd.see(tags), role).toEqual(crowd.all(expected));
      }
      await rotate('root', { to: ['managed'], threshold: 1 });
      expect(await crowd.see(tags)).toEqual(crowd.all(expected));
    });
  });
});
