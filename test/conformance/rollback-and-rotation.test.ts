/** What tuf-conformance asks in test_rollback and test_updater_key_rotations. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ed25519Key } from '../support/tuf-keys.ts';
import { map } from '../support/tuf-simulator.ts';
import { type ConformanceBed, makeConformanceBed } from './conformance-bed.ts';

let bed: ConformanceBed;

beforeEach(async () => {
  bed = await makeConformanceBed();
});
afterEach(async () => {
  await bed.close();
});

async function begin(): Promise<void> {
  expect(await bed.init()).toBe(0);
  expect(await bed.refresh()).toBe(0);
  bed.server.seen();
}

function setVersion(role: string, version: number): void {
  bed.simulator.document(role)['version'] = version;
}

describe('rollback', () => {
  it('of the timestamp is refused', async () => {
    bed.simulator.publish();
    await begin();
    setVersion('timestamp', 1);
    bed.simulator.write('timestamp');
    expect(await bed.refresh()).toBe(1);
    expect((await bed.trusted())[1]).toBe(2);
  });

  it.each([true, false])('of the snapshot is refused; hashes listed: %s', async (listHashes) => {
    bed.simulator.listHashes = listHashes;
    bed.simulator.publish();
    await begin();
    setVersion('snapshot', 1);
    setVersion('timestamp', 3);
    bed.simulator.write('snapshot');
    bed.simulator.writeTimestamp();
    expect(await bed.refresh()).toBe(1);
    expect((await bed.trusted()).slice(1, 3)).toEqual([2, 2]);
    expect(bed.server.seen().at(-1)).toBe('timestamp.json');
  });

  it.each([true, false])(
    'of targets is refused even from a stale local snapshot; hashes: %s',
    async (listHashes) => {
      bed.simulator.listHashes = listHashes;
      bed.simulator.publishAll();
      await begin();
      setVersion('targets', 1);
      bed.simulator.publish();
      expect(await bed.refresh()).toBe(1);
      expect(await bed.trusted()).toEqual([1, 3, 2, 2]);
    },
  );

  it('by leaving a role out of snapshot is refused', async () => {
    bed.simulator.delegate('targets', 'extra');
    bed.simulator.publishAll();
    await begin();
    delete map(bed.simulator.document('snapshot'), 'meta')['extra.json'];
    bed.simulator.documents.delete('extra');
    bed.simulator.publish();
    expect(await bed.refresh()).toBe(1);
    expect((await bed.trusted())[2]).toBe(2);
  });

  it.each(['timestamp', 'snapshot'] as const)('after a new %s key is recovery', async (role) => {
    for (const each of ['timestamp', 'snapshot', 'targets']) setVersion(each, 99);
    bed.simulator.publishAll();
    await begin();
    expect(await bed.trusted()).toEqual([1, 100, 100, 100]);
    bed.simulator.setRole(role, [ed25519Key('fresh')]);
    if (role === 'snapshot') bed.simulator.setRole('timestamp', [ed25519Key('fresh too')]);
    bed.simulator.next('root');
    for (const each of ['timestamp', 'snapshot', 'targets']) setVersion(each, 0);
    bed.simulator.publishAll();
    expect(await bed.refresh()).toBe(0);
    expect(await bed.trusted()).toEqual([2, 1, 1, 1]);
  });
});

describe('root rotation', () => {
  const keys = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ed25519Key(`root ${n}`));
  const pick = (...numbers: number[]) => numbers.flatMap((n) => keys[n] ?? []);

  interface Step {
    readonly keys: readonly number[];
    readonly threshold: number;
    readonly signers: readonly number[];
  }
  const step = (threshold: number, own: readonly number[], signers: readonly number[]): Step => ({
    keys: own,
    threshold,
    signers,
  });

  it.each<[string, readonly Step[], number]>([
    ['1-of-1', [step(1, [0], [0]), step(1, [1], [0, 1])], 2],
    ['1-of-1 with unused signatures', [step(1, [0], [0]), step(1, [1], [0, 1, 2])], 2],
    ['3-of-5, any three', [step(3, [0, 1, 2, 3, 4], [0, 2, 4]), step(3, [0, 1, 2, 3, 5], [1, 2, 3])], 2],
    ['one key replaced', [step(3, [0, 1, 2, 3, 4], [0, 1, 2]), step(3, [7, 1, 2, 3, 4], [1, 2, 3])], 2],
    [
      'all keys through an intermediate',
      [step(2, [0, 1, 2], [0, 1]), step(2, [1, 2, 3], [1, 2]), step(2, [2, 3, 4], [2, 3])],
      3,
    ],
    ['all keys at once', [step(2, [0, 1], [0, 1]), step(2, [2, 3], [0, 1, 2, 3])], 2],
    ['threshold up', [step(1, [0, 1], [0]), step(2, [0, 1], [0, 1])], 2],
    ['threshold down', [step(2, [0, 1], [0, 1]), step(1, [0, 1], [0, 1])], 2],
    ['a key added', [step(1, [0], [0]), step(1, [0, 1], [0])], 2],
    ['the old signature is missing', [step(1, [0], [0]), step(1, [1], [1])], 1],
    ['the new signature is missing', [step(1, [0], [0]), step(1, [1], [0])], 1],
    ['new threshold short', [step(1, [0], [0]), step(3, [0, 1, 2, 3, 4], [0, 1])], 1],
    ['old threshold short', [step(3, [0, 1, 2, 3, 4], [0, 1, 2]), step(1, [0], [0, 1])], 1],
    ['new threshold not reached after it rose', [step(1, [0, 1], [0]), step(2, [0, 1], [0])], 1],
    ['old threshold not reached after it fell', [step(2, [0, 1], [0, 1]), step(1, [0, 1], [0])], 1],
  ])('%s', async (_, steps, reached) => {
    const { simulator } = bed;
    for (const [index, { keys: own, threshold, signers }] of steps.entries()) {
      simulator.setRole('root', pick(...own), threshold);
      simulator.signers.set('root', pick(...signers));
      setVersion('root', index + 1);
      const root = simulator.seal('root', (file) => {
        const ids = new Set(pick(...signers).map((key) => key.keyId));
        file.signatures = file.signatures.filter(({ keyid }) => ids.has(String(keyid)));
      });
      simulator.files.set(`${index + 1}.root.json`, root);
    }
    expect(await bed.init()).toBe(0);
    expect(await bed.refresh()).toBe(reached === steps.length ? 0 : 1);
    expect((await bed.trusted())[0]).toBe(reached);
  });

  it.each(['timestamp', 'snapshot', 'targets'] as const)(
    'of %s: the new key signs, the old one no more',
    async (role) => {
      await begin();
      const former = bed.simulator.signers.get(role) ?? [];
      bed.simulator.setRole(role, pick(0, 1), 2);
      bed.simulator.next('root');
      bed.simulator.publishAll();
      expect(await bed.refresh()).toBe(0);
      bed.simulator.signers.set(role, [...former, ...pick(0)]);
      bed.simulator.publishAll();
      expect(await bed.refresh()).toBe(1);
    },
  );
});
