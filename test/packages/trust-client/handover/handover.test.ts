import { sha256Hex } from '@vidimus/crypto';
import { pinAnchor, type RepositorySettings } from '@vidimus/trust-client';
import { encodeHandover, type Handover, readRecoveryKeys, tufDialect } from '@vidimus/tuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoveryOf } from '../../../support/directory-simulator.ts';
import { errorOf, refusalOf } from '../../../support/trust-test-bed.ts';
import { ed25519Key, type TestKey } from '../../../support/tuf-keys.ts';
import { DAY, REPOSITORY, TufSimulator } from '../../../support/tuf-simulator.ts';
import { type DirectoryBed, openDirectoryBed } from '../directory/directory-bed.ts';

const spare = ed25519Key('spare');
const fresh = ed25519Key('a root key in place of the lost one');
const recovery = () => readRecoveryKeys(JSON.parse(JSON.stringify(recoveryOf([spare]))));

let bed: DirectoryBed;
let old: Uint8Array;
beforeEach(async () => {
  bed = await openDirectoryBed();
  old = bed.repository.bytes('root');
});
afterEach(async () => {
  await bed.close();
});

/** The lost root's repository goes on with a root that no old key signed, as a new incarnation does. */
function replaceRoot(keys: readonly TestKey[] = [fresh]): Uint8Array {
  bed.repository.setRole('root', keys);
  bed.repository.document('root')['version'] = bed.repository.version('root') + 1;
  bed.repository.write('root', (file) => file.signatures.splice(keys.length));
  return bed.repository.bytes('root');
}

function statement(
  to: Uint8Array,
  change: Partial<Handover> = {},
  keys: readonly TestKey[] = [spare],
): Uint8Array {
  const version = Number(tufDialect.open(to, to.length).signed['version']);
  const message = encodeHandover({
    repository: REPOSITORY,
    dialect: 'tuf',
    from: { version: version - 1, sha256: sha256Hex(old) },
    to: { version, sha256: sha256Hex(to) },
    issued: bed.repository.now,
    expires: bed.repository.now + 7 * DAY,
    reason: 'the key is lost',
    ...change,
  });
  return tufDialect.seal(
    message,
    keys.map((key) => ({ keyId: key.keyId, value: key.sign(message) })),
  );
}

const direct = (): Partial<RepositorySettings> => ({ server: bed.server.url, isUsualServer: false });

describe('a hand-over of a repository whose root was pinned', () => {
  beforeEach(async () => {
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes: old }, 'tuf', { recovery: recovery() });
    await bed.start(direct()).refresh();
  });

  it('is needed: without it the new root is refused', async () => {
    replaceRoot();
    expect(await refusalOf(bed.start(direct()).refresh())).toBe('THRESHOLD');
  });

  it('is shown first, and changes nothing by that', async () => {
    const to = replaceRoot();
    const checked = await bed.start(direct()).checkHandover(statement(to));
    expect(checked.signedBy).toEqual([spare.keyId]);
    expect(checked.from.document.version).toBe(1);
    expect(checked.to.document.roles.root.keyIds).toEqual([fresh.keyId]);
    expect(await refusalOf(bed.start(direct()).refresh())).toBe('THRESHOLD');
  });

  it('leads to the new root, once accepted', async () => {
    const to = replaceRoot();
    await bed.start(direct()).acceptHandover(statement(to));
    expect(await bed.start(direct()).refresh()).toMatchObject({ anchor: 'root', versions: { root: 2 } });
  });

  it('is accepted once', async () => {
    const to = replaceRoot();
    await bed.start(direct()).acceptHandover(statement(to));
    const again = await errorOf(bed.start(direct()).acceptHandover(statement(to)));
    expect([again.code, again.message]).toEqual([
      'ANCHOR_MISMATCH',
      expect.stringContaining('accepted here before'),
    ]);
  });

  it('does not lead back to what was left', async () => {
    const to = replaceRoot();
    await bed.start(direct()).acceptHandover(statement(to));
    await bed.start(direct()).refresh();
    const back = statement(old, {
      from: { version: 2, sha256: sha256Hex(to) },
      to: { version: 1, sha256: sha256Hex(old) },
    });
    const error = await errorOf(bed.start(direct()).acceptHandover(back));
    expect([error.code, error.message]).toEqual(['ANCHOR_MISMATCH', expect.stringContaining('leads back')]);
  });

  it.each<[string, (to: Uint8Array) => Uint8Array, string]>([
    ['by a stranger', (to) => statement(to, {}, [ed25519Key('stranger')]), 'THRESHOLD'],
    ['by the lost root key itself', (to) => statement(to, {}, bed.rootKeys), 'THRESHOLD'],
    ['that is expired', (to) => statement(to, { issued: 0, expires: DAY }), 'EXPIRED'],
    ['of another repository', (to) => statement(to, { repository: 'registry.example.com/b' }), 'BINDING'],
    [
      'that leaves another root',
      (to) => statement(to, { from: { version: 1, sha256: 'ab'.repeat(32) } }),
      'ROOT_CHAIN',
    ],
    [
      'to a root the server does not have',
      (to) => statement(to, { to: { version: 7, sha256: 'ab'.repeat(32) } }),
      'MISSING',
    ],
    [
      'to another root than the server has',
      (to) => statement(to, { to: { version: 2, sha256: 'ab'.repeat(32) } }),
      'HASH_MISMATCH',
    ],
    ['that is no statement', () => old, 'WRONG_TYPE'],
  ])('%s is refused, and nothing changes', async (_, make, code) => {
    const to = replaceRoot();
    expect(await refusalOf(bed.start(direct()).acceptHandover(make(to)))).toBe(code);
    expect(await refusalOf(bed.start(direct()).refresh())).toBe('THRESHOLD');
  });

  it('to a root of another repository is refused', async () => {
    const other = new TufSimulator({ repository: 'registry.example.com/other' });
    other.next('root');
    const foreign = other.bytes('root');
    bed.repository.files.set('2.root.json', foreign);
    const file = statement(foreign);
    expect(await refusalOf(bed.start(direct()).acceptHandover(file))).toBe('BINDING');
  });

  it('leaves the newest root that the old keys signed, also one that this client has not seen', async () => {
    bed.repository.next('root');
    old = bed.repository.bytes('root');
    const to = replaceRoot();
    await bed.start(direct()).acceptHandover(statement(to));
    expect(await bed.start(direct()).refresh()).toMatchObject({ versions: { root: 3 } });
  });

  it('counts for the anchor that it replaced, not for another one', async () => {
    const anchor = { kind: 'root', bytes: old } as const;
    const configured = { ...direct(), anchor };
    const to = replaceRoot();
    await bed.start(configured).acceptHandover(statement(to));
    expect(await bed.start(configured).refresh()).toMatchObject({ versions: { root: 2 } });
    const keyIds = bed.rootKeys.map(({ keyId }) => keyId);
    const others = { ...direct(), anchor: { kind: 'keyIds', keyIds, threshold: 1 } as const };
    expect(await refusalOf(bed.start(others).refresh())).toBe('THRESHOLD');
  });
});

describe('who may hand over', () => {
  it('is nobody where nobody was named', async () => {
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes: old });
    await bed.start(direct()).refresh();
    const file = statement(replaceRoot());
    expect(await refusalOf(bed.start(direct()).acceptHandover(file))).toBe('ANCHOR');
  });

  it('is who the root that is left named before', async () => {
    bed.repository.document('root')['x-vidimus-recovery'] = recoveryOf([spare]);
    bed.repository.next('root');
    old = bed.repository.bytes('root');
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes: old });
    await bed.start(direct()).refresh();
    await bed.start(direct()).acceptHandover(statement(replaceRoot()));
    expect(await bed.start(direct()).refresh()).toMatchObject({ versions: { root: 3 } });
  });

  it('is not who only the new root names', async () => {
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes: old });
    await bed.start(direct()).refresh();
    bed.repository.document('root')['x-vidimus-recovery'] = recoveryOf([spare]);
    const file = statement(replaceRoot());
    expect(await refusalOf(bed.start(direct()).acceptHandover(file))).toBe('ANCHOR');
  });

  it('is who the directory named when the repository was taken up, and still names', async () => {
    bed.name(bed.rootKeys, { recovery: recoveryOf([spare]) });
    await bed.pin();
    await bed.start().refresh();
    const to = replaceRoot();
    bed.name([fresh], { recovery: recoveryOf([spare]) });
    await bed.start().acceptHandover(statement(to));
    expect(await bed.start().refresh()).toMatchObject({ anchor: 'directory', versions: { root: 2 } });
  });

  it.each<[string, readonly TestKey[], readonly TestKey[], string]>([
    ['was added later', [], [spare], 'ANCHOR'],
    ['was exchanged', [ed25519Key('another')], [spare], 'ANCHOR'],
    ['was taken back', [spare], [ed25519Key('another')], 'ANCHOR'],
  ])(
    'is nobody who %s in the directory: whoever writes entries gains nothing',
    async (_, before, after, code) => {
      const named = (keys: readonly TestKey[]) => (keys.length === 0 ? {} : { recovery: recoveryOf(keys) });
      bed.name(bed.rootKeys, named(before));
      await bed.pin();
      await bed.start().refresh();
      const to = replaceRoot();
      bed.name([fresh], named(after));
      expect(await refusalOf(bed.start().acceptHandover(statement(to)))).toBe(code);
    },
  );

  it('cannot lead to a root that the directory does not name', async () => {
    bed.name(bed.rootKeys, { recovery: recoveryOf([spare]) });
    await bed.pin();
    await bed.start().refresh();
    const file = statement(replaceRoot());
    expect(await refusalOf(bed.start().acceptHandover(file))).toBe('ANCHOR_MISMATCH');
  });

  it('has nothing to hand over to a client that never used the repository: the directory decides', async () => {
    const to = replaceRoot();
    bed.name([fresh], { recovery: recoveryOf([spare]) });
    await bed.pin();
    expect(await refusalOf(bed.start().acceptHandover(statement(to)))).toBe('ANCHOR_MISMATCH');
    expect(await bed.start().refresh()).toMatchObject({ versions: { root: 2 } });
  });
});

describe('an anchor file that carries hand-overs', () => {
  it('has them accepted without asking, at the next refresh, and is silent afterwards', async () => {
    bed.name(bed.rootKeys, { recovery: recoveryOf([spare]) });
    await bed.pin();
    await bed.start().refresh();
    const to = replaceRoot();
    bed.name([fresh], { recovery: recoveryOf([spare]) });
    expect(await refusalOf(bed.start().refresh())).toBe('THRESHOLD');
    await bed.pin({ handovers: [statement(to)] });
    expect(await bed.start().refresh()).toMatchObject({ anchor: 'directory', versions: { root: 2 } });
    expect(bed.warnings.splice(0)).toEqual(['HANDOVER_ACCEPTED']);
    await bed.start().refresh();
    expect(bed.warnings).toEqual([]);
  });

  it('says nothing to a machine that it is not meant for', async () => {
    bed.name(bed.rootKeys, { recovery: recoveryOf([spare]) });
    const to = replaceRoot();
    bed.name([fresh], { recovery: recoveryOf([spare]) });
    await bed.pin({
      handovers: [statement(to), statement(to, { from: { version: 1, sha256: 'ab'.repeat(32) } })],
    });
    for (let refreshes = 0; refreshes < 3; refreshes += 1) {
      expect(await bed.start().refresh()).toMatchObject({ versions: { root: 2 } });
    }
    bed.repository.next('root');
    await bed.start().refresh();
    expect(bed.warnings).toEqual([]);
  });

  it('has none accepted that does not hold, and goes on from what it trusted', async () => {
    bed.name(bed.rootKeys, { recovery: recoveryOf([spare]) });
    const other = new TufSimulator();
    other.next('root');
    const next = other.bytes('root');
    await bed.pin({ handovers: [statement(next, {}, [ed25519Key('stranger')])] });
    await bed.start().refresh();
    bed.warnings.splice(0);
    expect(await bed.start().refresh()).toMatchObject({ versions: { root: 1 } });
    expect(bed.warnings).toEqual(['HANDOVER_IGNORED']);
  });
});
