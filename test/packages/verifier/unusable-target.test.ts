/** A tag that is vouched for by something that no registry can be asked for. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { helloImage } from '../../support/image-builder.ts';
import { map } from '../../support/tuf-simulator.ts';
import { makeVerifierBed, type VerifierBed, verdict } from './verifier-bed.ts';

const image = helloImage('one');
let bed: VerifierBed;

beforeEach(async () => {
  bed = await makeVerifierBed({ withoutRevocations: true });
  bed.sign('1.0', image);
});
afterEach(async () => {
  await bed.close();
});

describe('a tag that is signed without its SHA-256', () => {
  const settings = { foreign: true };

  it.each([
    ['by another hash', { sha512: '07'.repeat(64) }, /by sha512 and not by sha256/],
    ['by no hash that is known', { blake2b: '07'.repeat(32) }, /by blake2b and not by sha256/],
  ])('but %s, is refused and not looked for in the registry', async (_, hashes, reason) => {
    map(bed.simulator.document('targets'), 'targets', '1.0')['hashes'] = hashes;
    bed.publish();
    const verification = await bed.verify(':1.0', { settings });
    expect(verdict(verification)).toBe('deny NOT_COVERED');
    expect(verification.decision.failures[0]?.facts['message']).toMatch(reason);
    expect(verification.facts.trust.state).toBe('unknown');
  });

  it('beside one that has it, which stays allowed', async () => {
    bed.sign('odd', helloImage('odd'));
    map(bed.simulator.document('targets'), 'targets', 'odd')['hashes'] = { sha512: '07'.repeat(64) };
    bed.publish();
    expect(verdict(await bed.verify(':1.0', { settings }))).toBe('allow');
    expect(verdict(await bed.verify(`@${image.digest}`, { settings }))).toBe('allow');
  });
});
