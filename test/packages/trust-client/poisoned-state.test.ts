/** What a client remembers beside the metadata must not be erased by what a publisher signs. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeTestBed, type TestBed } from '../../support/trust-test-bed.ts';
import { DAY, map } from '../../support/tuf-simulator.ts';

let bed: TestBed;

beforeEach(async () => {
  bed = await makeTestBed();
});
afterEach(async () => {
  await bed.close();
});

it('T40 keeps the last time seen although a target lists a hash of any length', async () => {
  const { simulator } = bed;
  map(simulator.document('targets'), 'targets', 'latest', 'hashes')['odd'] = 'x'.repeat(600);
  simulator.publishAll();
  const settings = { staleForMs: DAY };
  await bed.start(settings).lookUp('latest');
  simulator.now += DAY / 2;
  simulator.publish();
  await bed.start(settings).lookUp('latest');
  simulator.now -= DAY / 4;
  await bed.start(settings).refresh();
  expect(bed.warnings).toContain('CLOCK_BEHIND');
});
