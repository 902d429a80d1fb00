/** What tuf-conformance asks in test_basic, test_expiration, test_keys and test_quoting_issues. */
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ed25519Key, p256Key, rsaKey, type TestKey } from '../support/tuf-keys.ts';
import { DAY, type FileMap, item, map } from '../support/tuf-simulator.ts';
import { type ConformanceBed, makeConformanceBed } from './conformance-bed.ts';

let bed: ConformanceBed;
const roles: readonly string[] = ['root', 'timestamp', 'snapshot', 'targets'];
const firstRefresh = ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'];

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

/** New versions of everything, one of them signed by nobody. */
function publishSpoilt(role: string, spoil: (file: FileMap) => void): void {
  const { simulator } = bed;
  simulator.next('root', role === 'root' ? spoil : undefined);
  simulator.next('targets', role === 'targets' ? spoil : undefined);
  simulator.publish();
  if (role === 'snapshot') simulator.write('snapshot', spoil);
  simulator.writeTimestamp();
  if (role === 'timestamp') simulator.write('timestamp', spoil);
}

const unsign = (file: FileMap): void => void file.signatures.splice(0);

/** Which versions are stored when everything before a role went to 2. */
function upTo(role: string): number[] {
  return roles.map((each) => (roles.indexOf(each) < roles.indexOf(role) ? 2 : 1));
}

describe('basic', () => {
  it('asks in exactly this order, and stores what it was given', async () => {
    expect(await bed.init()).toBe(0);
    expect(bed.server.seen()).toEqual([]);
    expect(await bed.refresh()).toBe(0);
    expect(bed.server.seen()).toEqual(firstRefresh);
    for (const role of roles) {
      expect(await bed.stored(role)).toEqual(Buffer.from(bed.simulator.bytes(role)));
    }
  });

  it('refreshes before a download, even of what is not there', async () => {
    await bed.init();
    expect(await bed.download('missing')).toBe(1);
    expect(bed.server.seen()).toEqual(firstRefresh);
    expect(await bed.trusted()).toEqual([1, 1, 1, 1]);
  });

  it.each<[string, (file: FileMap) => void]>([
    ['without a version', (file) => delete file.signed['version']],
    ['without signatures', unsign],
  ])('takes no initial root %s, and asks nobody', async (_, spoil) => {
    await bed.init(bed.simulator.seal('root', spoil));
    expect(await bed.refresh()).toBe(1);
    expect(bed.server.seen()).toEqual([]);
  });

  it.each(roles)('refuses an unsigned %s and keeps exactly what came before it', async (role) => {
    await begin();
    bed.simulator.listHashes = false;
    publishSpoilt(role, unsign);
    expect(await bed.refresh()).toBe(1);
    expect(await bed.trusted()).toEqual(upTo(role));
  });

  it.each(['root', 'snapshot', 'targets'])(
    'refuses a %s that is version 3 where 2 was asked for',
    async (role) => {
      await begin();
      const { simulator } = bed;
      simulator.listHashes = false;
      publishSpoilt('', unsign);
      simulator.document(role)['version'] = 3;
      simulator.files.set(`2.${role}.json`, simulator.seal(role));
      simulator.document(role)['version'] = 2;
      if (role === 'snapshot') simulator.writeTimestamp();
      expect(await bed.refresh()).toBe(1);
      expect(await bed.trusted()).toEqual(upTo(role));
    },
  );

  it('keeps the old timestamp when a new one has the same version', async () => {
    await begin();
    const before = await bed.stored('timestamp');
    bed.simulator.document('timestamp')['x-more'] = 'other content';
    bed.simulator.write('timestamp');
    expect(await bed.refresh()).toBe(0);
    expect(await bed.stored('timestamp')).toEqual(before);
    expect(bed.server.seen()).toEqual(['2.root.json', 'timestamp.json']);
  });

  it.each(['snapshot', 'targets'])('refuses a %s whose hash is not the listed one', async (role) => {
    await begin();
    publishSpoilt('', unsign);
    bed.simulator.files.set(`2.${role}.json`, Buffer.concat([bed.simulator.bytes(role), Buffer.from(' ')]));
    expect(await bed.refresh()).toBe(1);
    expect(await bed.trusted()).toEqual(upTo(role));
  });

  it('stores bytes as received, with a blank at the end', async () => {
    const spaced = Buffer.concat([bed.simulator.bytes('timestamp'), Buffer.from(' ')]);
    bed.simulator.files.set('timestamp.json', spaced);
    await begin();
    expect(await bed.stored('timestamp')).toEqual(spaced);
  });

  it('accepts fields it does not know, and a misleading keyid_hash_algorithms', async () => {
    const odd = ed25519Key('odd', { extra: { nested: [1, { a: null }] }, keyid_hash_algorithms: ['sha512'] });
    await begin();
    bed.simulator.setRole('targets', [odd]);
    bed.simulator.document('root')['x-field'] = { deep: true };
    map(bed.simulator.document('root'), 'roles', 'targets')['x-field'] = 1;
    bed.simulator.next('root');
    bed.simulator.publishAll();
    expect(await bed.refresh()).toBe(0);
    expect(await bed.trusted()).toEqual([2, 2, 2, 2]);
  });

  it.each(['timestamp', 'snapshot', 'targets'])('fails where %s is not there', async (role) => {
    await begin();
    publishSpoilt('', unsign);
    bed.simulator.files.delete(bed.simulator.fileName(role));
    expect(await bed.refresh()).toBe(1);
    expect(await bed.trusted()).toEqual(upTo(role));
  });

  it('refuses a snapshot served as timestamp, signed by the right keys', async () => {
    await begin();
    const { simulator } = bed;
    const key = ed25519Key('both');
    simulator.setRole('timestamp', [key]);
    simulator.setRole('snapshot', [key]);
    simulator.next('root');
    simulator.publish();
    simulator.files.set('timestamp.json', simulator.bytes('snapshot'));
    expect(await bed.refresh()).toBe(1);
    expect((await bed.trusted())[0]).toBe(2);
  });
});

describe('expiration', () => {
  const past = '2020-01-01T00:00:00Z';

  it('of the final root ends the refresh, the root is kept', async () => {
    await begin();
    bed.simulator.next('root');
    bed.simulator.document('root')['version'] = 3;
    bed.simulator.document('root')['expires'] = past;
    bed.simulator.write('root');
    bed.simulator.publish();
    expect(await bed.refresh()).toBe(1);
    expect((await bed.trusted()).slice(0, 3)).toEqual([3, 1, 1]);
  });

  it.each(['timestamp', 'snapshot', 'targets'])('of %s ends the refresh there', async (role) => {
    await begin();
    const { simulator } = bed;
    simulator.listHashes = false;
    publishSpoilt('', unsign);
    simulator.document(role)['expires'] = past;
    simulator.write(role);
    if (role === 'snapshot') simulator.writeTimestamp();
    expect(await bed.refresh()).toBe(1);
    expect(await bed.trusted()).toEqual(upTo(role));
  });

  it('of what is stored does not hinder an update', async () => {
    await begin();
    bed.simulator.now += 400 * DAY;
    expect(await bed.refresh()).toBe(1);
    bed.simulator.next('root');
    bed.simulator.publishAll();
    expect(await bed.refresh()).toBe(0);
    expect(await bed.trusted()).toEqual([2, 2, 2, 2]);
  });
});

describe('keys', () => {
  const five = [1, 2, 3, 4, 5].map((n) => ed25519Key(`snapshot ${n}`));

  async function withSnapshotRole(
    keys: readonly TestKey[],
    threshold: number,
    spoil?: (file: FileMap) => void,
  ) {
    await begin();
    bed.simulator.setRole('snapshot', keys, threshold);
    bed.simulator.next('root');
    bed.simulator.publish();
    if (spoil) {
      bed.simulator.write('snapshot', spoil);
      bed.simulator.writeTimestamp();
    }
    return await bed.refresh();
  }

  it('a threshold of 3 is not met by 2', async () => {
    expect(await withSnapshotRole(five, 3, (file) => file.signatures.splice(2))).toBe(1);
    expect((await bed.trusted())[0]).toBe(2);
  });

  it('a root that asks for more keys than it has is a root; the snapshot fails', async () => {
    expect(await withSnapshotRole(five, 6)).toBe(1);
    expect((await bed.trusted()).slice(0, 3)).toEqual([2, 2, 0]);
  });

  it('one key named and signing nine times is one key', async () => {
    const key = ed25519Key('nine');
    await begin();
    bed.simulator.setRole('snapshot', [key], 6);
    map(bed.simulator.document('root'), 'roles', 'snapshot')['keyids'] = Array(9).fill(key.keyId);
    bed.simulator.next('root');
    bed.simulator.publish();
    bed.simulator.write('snapshot', (file) => {
      file.signatures = Array(9).fill(file.signatures[0]);
    });
    bed.simulator.writeTimestamp();
    expect(await bed.refresh()).toBe(1);
    expect((await bed.trusted())[2]).not.toBe(2);
  });

  it('a second signature of one key id makes the file invalid', async () => {
    const twice = (file: FileMap): void => void file.signatures.push({ ...item(file, 'signatures', 0) });
    expect(await withSnapshotRole(five, 1, twice)).toBe(1);
  });

  it.each<[string, TestKey]>([
    ['ed25519', ed25519Key('a')],
    ['ecdsa', p256Key('a')],
    ['rsa', rsaKey()],
  ])('%s verifies when right, not when wrong', async (_, key) => {
    expect(await withSnapshotRole([key], 1)).toBe(0);
    bed.simulator.publish();
    const wrong = bed.simulator.seal('timestamp');
    bed.simulator.write('snapshot', (file) => {
      item(file, 'signatures', 0)['sig'] = String(
        item(JSON.parse(Buffer.from(wrong).toString()), 'signatures', 0)['sig'],
      );
    });
    bed.simulator.writeTimestamp();
    expect(await bed.refresh()).toBe(1);
  });

  it.each(['00', ''])('a further signature %j that is wrong does no harm', async (sig) => {
    const add = (file: FileMap): void => void file.signatures.push({ keyid: five[4]?.keyId ?? '', sig });
    expect(await withSnapshotRole(five.slice(0, 1), 1, add)).toBe(0);
  });
});

describe('quoting: role names', () => {
  it.each([
    ['?', '%3F'],
    ['#', '%23'],
    ['/delegatedrole', '%2Fdelegatedrole'],
    ['../delegatedrole', '..%2Fdelegatedrole'],
  ])('%s stay quoted and inside', async (name, quoted) => {
    bed.simulator.delegate('targets', name, { paths: ['*'] });
    bed.simulator.publishAll();
    await begin();
    expect(await bed.download('missing')).toBe(1);
    expect(bed.server.requests.at(-1)).toBe(`GET /metadata/2.${quoted}.json`);
    expect((await readdir(bed.metadata)).filter((file) => file.endsWith('.json'))).toHaveLength(5);
    expect((await readdir(dirname(bed.metadata))).sort()).toEqual([
      'initial_root.json',
      'metadata',
      'targets',
    ]);
  });
});
