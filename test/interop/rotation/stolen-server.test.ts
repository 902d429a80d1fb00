/**
 * Somebody has broken into the server as well: its own keys sign every file around the one that a revoked key signs, so
 * that nothing but that signature is wrong. Whoever has seen the key go refuses it for that.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServiceBed, type ServiceBed } from '../../support/service-bed.ts';
import { digestOf } from '../../support/service-calls.ts';
import { type ChainKey, forgeChain } from './forged-chain.ts';
import type { DialectName } from './people.ts';
import type { Rule } from './relay.ts';
import { type StolenKey, stealServiceKeys } from './stolen-service-keys.ts';
import { all, ask, askCold, dialects, openRevocable, type Told } from './victims.ts';

const evil = digestOf('evil');
const unsigned = expect.stringMatching(/0 of 1 needed signatures|signed by 0\/1 keys|did not meet threshold/);

describe('a revoked key beside the keys of the server', () => {
  let bed: ServiceBed;
  let url: string;
  let environment: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    bed = createServiceBed();
    const { options } = await bed.postgres();
    environment = options.environment ?? {};
    url = (await bed.start(options)).url;
  });
  afterAll(() => bed.close());

  const steal = (repository: string): Promise<readonly StolenKey[]> =>
    stealServiceKeys(environment['DATABASE_URL'] ?? '', environment['VIDIMUS_MASTER_KEY'] ?? '', repository);
  const one = <Key extends ChainKey>(keys: readonly Key[], dialect: DialectName): Key => {
    const found = keys.find((key) => key.dialect === dialect);
    if (found === undefined) throw new Error(`no key of ${dialect}`);
    return found;
  };
  const ofRole = (keys: readonly StolenKey[], role: string) => keys.filter((key) => key.role === role);
  const each = async (rule: (dialect: DialectName) => Promise<Rule>): Promise<Rule> => {
    const rules = await Promise.all(dialects.map(rule));
    return (path, honest) => rules.map((apply) => apply(path, honest)).find((served) => served !== undefined);
  };

  it('of timestamp makes no newer timestamp', async () => {
    const world = await openRevocable(bed, url, 'timestamp');
    const { repository, relay, warm, tag, expected } = world;
    const stolen = ofRole(await steal(repository), 'timestamp');
    await world.revoke();
    expect(await ask(warm)).toEqual(all(warm, expected));
    const lie = { url, repository, role: 'timestamp', tag, digest: evil };
    relay.obey(await each((dialect) => forgeChain(lie, dialect, { timestamp: one(stolen, dialect) })));
    expect(await ask(warm)).toEqual(all(warm, unsigned));
    expect(await askCold(await world.sight())).toEqual(all(warm, unsigned));
  });

  it.each(['targets', 'releases'])('of %s makes no newer tags', async (role) => {
    const world = await openRevocable(bed, url, role);
    const { repository, relay, warm, tag, expected, mallory } = world;
    const lie = { url, repository, role, tag, digest: evil };
    const attack = async (): Promise<Rule> => {
      const stolen = await steal(repository);
      return await each((dialect) =>
        forgeChain(lie, dialect, {
          lying: one(mallory.keys, dialect),
          snapshot: one(ofRole(stolen, 'snapshot'), dialect),
          timestamp: one(ofRole(stolen, 'timestamp'), dialect),
        }),
      );
    };
    // Before the revocation everybody would have believed it.
    relay.obey(await attack());
    expect(await askCold(await world.sight())).toEqual(all(warm, { ...expected, [tag]: evil }));
    relay.obey();
    await world.revoke();
    expect(await ask(warm)).toEqual(all(warm, expected));
    relay.obey(await attack());
    const told: Readonly<Record<string, Told>> = {
      ...all(warm, unsigned),
      // It leaves out what a delegation lists that it cannot verify, and says so.
      ...(role === 'releases' && { notary: { '1.0': expected['1.0'] ?? '' } }),
    };
    expect(await ask(warm)).toEqual(told);
    expect(await askCold(await world.sight())).toEqual(told);
  });
});
