/**
 * Somebody has a key that was revoked, and stands between clients and server. Who has seen that the key is gone believes
 * nothing it signed: not the files of yesterday, not those among the files of today, nothing new.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServiceBed, type ServiceBed } from '../../support/service-bed.ts';
import { digestOf } from '../../support/service-calls.ts';
import { forge, mixInYesterday, serveYesterday } from './attacks.ts';
import { all, ask, askCold, openRevocable } from './victims.ts';

describe.each(['embedded', 'postgres'] as const)('a revoked key (%s)', (kind) => {
  let bed: ServiceBed;
  let url: string;
  beforeAll(async () => {
    bed = createServiceBed();
    const options = kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
    url = (await bed.start(options)).url;
  });
  afterAll(() => bed.close());

  it.each(['timestamp', 'targets', 'releases'])('of %s signs nothing that anybody believes', async (role) => {
    const world = await openRevocable(bed, url, role);
    const { relay, warm, memory, expected, tag, mallory } = world;
    expect(await ask(warm)).toEqual(all(warm, expected));
    await world.revoke();
    expect(await ask(warm)).toEqual(all(warm, expected));
    const sight = await world.sight();
    const refused = all(warm, expect.any(String));
    const expectRefusals = async (): Promise<void> => {
      expect(await ask(warm)).toEqual(refused);
      expect(await askCold(sight)).toEqual(refused);
    };
    const expectTruth = async (): Promise<void> => {
      relay.obey();
      expect(await ask(warm)).toEqual(all(warm, expected));
      expect(await askCold(sight)).toEqual(all(warm, expected));
    };

    relay.obey(serveYesterday(memory));
    expect(await ask(warm)).toEqual(refused);
    // A delegation is not in root: who knows nothing newer cannot know that it changed.
    if (role !== 'releases') expect(await askCold(sight)).toEqual(refused);
    await expectTruth();

    await world.move();
    relay.obey(mixInYesterday(memory, role));
    await expectRefusals();
    await expectTruth();

    if (role === 'timestamp') return;
    await world.move();
    relay.obey(forge(role, tag, digestOf('evil'), mallory));
    await expectRefusals();
    await expectTruth();
  });
});
