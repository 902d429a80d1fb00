import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { exportAnchor, listAnchors, parseAnchorFile, pinAnchor } from '@vidimus/trust-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, makeTestBed, refusalOf, type TestBed } from '../../../support/trust-test-bed.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import { REPOSITORY, TufSimulator } from '../../../support/tuf-simulator.ts';

let bed: TestBed;
const rootKeyId = ed25519Key(`${REPOSITORY} root`).keyId;
const noAnchor = { anchor: undefined };

beforeEach(async () => {
  bed = await makeTestBed();
});
afterEach(async () => {
  await bed.close();
});

describe('a pin', () => {
  it('of a root is what a client without configured anchor starts from', async () => {
    const bytes = bed.simulator.bytes('root');
    const shown = await pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes });
    expect(shown).toEqual({
      repository: REPOSITORY,
      dialect: 'tuf',
      kind: 'root',
      keyIds: [rootKeyId],
      threshold: 1,
      root: { version: 1, sha256: sha256Hex(bytes) },
    });
    expect(await bed.start(noAnchor).refresh()).toMatchObject({ anchor: 'root' });
    expect(await listAnchors(bed.cache)).toEqual([shown]);
  });

  it('of keys goes before first use', async () => {
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'keyIds', keyIds: ['0'.repeat(64)], threshold: 1 });
    expect(await refusalOf(bed.start({ anchor: { kind: 'firstUse' } }).refresh())).toBe('ANCHOR_MISMATCH');
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'keyIds', keyIds: [rootKeyId], threshold: 1 });
    expect(await bed.start(noAnchor).refresh()).toMatchObject({ anchor: 'keys' });
  });

  it.each([
    ['not a root', () => bed.simulator.bytes('targets'), 'ANCHOR_INVALID'],
    ['no JSON', () => new Uint8Array(Buffer.from('hello')), 'ANCHOR_INVALID'],
    ['unsigned', () => bed.simulator.seal('root', (file) => file.signatures.splice(0)), 'ANCHOR_INVALID'],
    [
      'the root of another repository',
      () => new TufSimulator({ repository: 'registry.example.com/other' }).bytes('root'),
      'ANCHOR_INVALID',
    ],
  ])('of a root file that is %s is refused', async (_, make, code) => {
    expect(await refusalOf(pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes: make() }))).toBe(code);
    expect(await listAnchors(bed.cache)).toEqual([]);
  });

  it.each([
    ['no key', [], 1],
    ['a threshold of 0', [rootKeyId], 0],
    ['a threshold out of reach', [rootKeyId], 2],
    ['one key twice', [rootKeyId, rootKeyId], 2],
    ['a shortened key id', [rootKeyId.slice(0, 12)], 1],
    ['upper case', [rootKeyId.toUpperCase()], 1],
    ['half a threshold', [rootKeyId, '0'.repeat(64)], 1.5],
  ])('with %s is refused', async (_, keyIds, threshold) => {
    const pin = pinAnchor(bed.cache, REPOSITORY, { kind: 'keyIds', keyIds, threshold });
    expect(await refusalOf(pin)).toBe('ANCHOR_INVALID');
  });

  it('that cannot be read any more is an error, never first use', async () => {
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'keyIds', keyIds: [rootKeyId], threshold: 1 });
    const file = join(bed.cache.directory, sha256Hex(Buffer.from(REPOSITORY)), 'anchor.json');
    for (const content of ['', '{}', '{"version":1}', '{"version":2', 'null']) {
      await writeFile(file, content, { mode: 0o600 });
      const trust = bed.start({ anchor: { kind: 'firstUse' } });
      expect(await refusalOf(trust.refresh())).toBe('ANCHOR_INVALID');
    }
  });
});

describe('an exported anchor', () => {
  it('is the pin, for another machine', async () => {
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'keyIds', keyIds: [rootKeyId], threshold: 1 });
    const file = await exportAnchor(bed.cache, REPOSITORY);
    expect(JSON.parse(Buffer.from(file).toString())).toEqual({
      version: 1,
      kind: 'repository',
      repository: REPOSITORY,
      dialect: 'tuf',
      anchor: { keyIds: [rootKeyId], threshold: 1 },
    });
    expect(parseAnchorFile(file, REPOSITORY).pinned).toEqual({
      kind: 'keyIds',
      keyIds: [rootKeyId],
      threshold: 1,
    });
  });

  it('taken on first use is the root that was found', async () => {
    await bed.start({ anchor: { kind: 'firstUse' } }).refresh();
    const { pinned } = parseAnchorFile(await exportAnchor(bed.cache, REPOSITORY), REPOSITORY);
    expect(pinned?.kind === 'root' && Buffer.from(pinned.bytes)).toEqual(
      Buffer.from(bed.simulator.bytes('root')),
    );
    expect(await listAnchors(bed.cache)).toMatchObject([{ kind: 'firstUse', root: { version: 1 } }]);
  });

  it('is missing where nothing was pinned', async () => {
    expect(await refusalOf(exportAnchor(bed.cache, REPOSITORY))).toBe('ANCHOR_MISSING');
  });

  it('of another repository is refused', async () => {
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'keyIds', keyIds: [rootKeyId], threshold: 1 });
    const file = await exportAnchor(bed.cache, REPOSITORY);
    const read = Promise.resolve().then(() => parseAnchorFile(file, 'registry.example.com/other'));
    expect((await errorOf(read)).code).toBe('ANCHOR_INVALID');
  });
});
