import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { createTrustClient, type RepositoryTrust } from '@vidimus/trust-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unusedUrl } from '../../support/hostile-trust-server.ts';
import { errorOf, makeTestBed, refusalOf, type TestBed } from '../../support/trust-test-bed.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import { DAY, map, REPOSITORY, TufSimulator } from '../../support/tuf-simulator.ts';

const HOUR = DAY / 24;
let bed: TestBed;

beforeEach(async () => {
  bed = await makeTestBed();
});
afterEach(async () => {
  await bed.close();
});

/** The newest of the repository in place of which the old files are served again. */
function replay(files: ReadonlyMap<string, Uint8Array>): void {
  for (const [name, bytes] of files) bed.simulator.files.set(name, bytes);
}

const tufDirectory = (): string => join(bed.cache.directory, sha256Hex(Buffer.from(REPOSITORY)), 'tuf');

async function versionOf(trust: RepositoryTrust): Promise<number> {
  return (await trust.refresh()).versions.timestamp;
}

describe('refresh and look-up', () => {
  it('asks for what is new, in order, and for nothing else', async () => {
    const trust = bed.start();
    await trust.refresh();
    expect(bed.server.seen()).toEqual(['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json']);
    await trust.lookUp('latest');
    expect(bed.server.seen()).toEqual([]);
    await bed.start().refresh();
    expect(bed.server.seen()).toEqual(['2.root.json', 'timestamp.json']);
  });

  it('says which digest a tag is, who vouches, and the facts around it', async () => {
    const trust = bed.start();
    expect(trust.state).toBeUndefined();
    const found = await trust.lookUp('latest');
    expect(found?.target.hashes.get('sha256')).toBe(sha256Hex(Buffer.from('content of latest')));
    expect(found?.chain.map((link) => [link.role, link.version, link.threshold])).toEqual([
      ['targets', 1, 1],
    ]);
    expect(trust.state).toMatchObject({
      server: `${bed.server.url}/`,
      dialect: 'tuf',
      anchor: 'root',
      versions: { root: 1, timestamp: 1, snapshot: 1, targets: 1 },
      expires: {
        root: bed.simulator.now + 365 * DAY,
        timestamp: bed.simulator.now + DAY,
        snapshot: bed.simulator.now + 7 * DAY,
        targets: bed.simulator.now + 90 * DAY,
      },
      refreshedAt: bed.simulator.now,
      issued: bed.simulator.now,
      offline: false,
      stale: false,
    });
    expect(await trust.lookUp('constructor')).toBeUndefined();
  });

  it('lists what is vouched for', async () => {
    const { targets } = await bed.start().list();
    expect(targets.map(({ target }) => target.path)).toEqual(['latest']);
  });

  it('shares one refresh among callers at the same time', async () => {
    const trust = bed.start();
    await Promise.all([trust.refresh(), trust.lookUp('latest'), trust.lookUp('other'), trust.list()]);
    expect(bed.server.seen()).toHaveLength(4);
  });

  it('refreshes again once what it holds has expired', async () => {
    const trust = bed.start();
    await trust.refresh();
    bed.simulator.now += 2 * DAY;
    bed.simulator.publish();
    expect(await trust.lookUp('latest')).toBeDefined();
    expect(trust.state?.versions.timestamp).toBe(2);
  });

  it('opens a repository once, under its normalised name alone', () => {
    const client = createTrustClient({
      cache: bed.cache,
      now: () => 0,
      settingsFor: () => ({ server: bed.server.url }),
    });
    expect(client.open(REPOSITORY)).toBe(client.open(REPOSITORY));
    client.close();
  });

  it.each(['../../x', 'a/../../b', '/etc', 'registry.example.com/../x', 'registry.example.com/a\0b', ''])(
    'T20: refuses the repository name %j',
    async (name) => {
      const client = createTrustClient({
        cache: bed.cache,
        now: () => 0,
        settingsFor: () => ({ server: bed.server.url }),
      });
      expect(() => client.open(name)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
      expect(await refusalOf(bed.cache.open(name))).toBe('OPTIONS_INVALID');
    },
  );
});

describe('what a server may not get away with', () => {
  it('has no trust data', async () => {
    bed.simulator.files.delete('timestamp.json');
    expect(await refusalOf(bed.start().refresh())).toBe('NO_TRUST_DATA');
  });

  it.each([401, 410, 500, 503])('answers %s: not usable, without a cache', async (status) => {
    bed.server.answer = (_, response) => response.writeHead(status).end();
    expect(['UNUSABLE', 'UNAUTHORIZED']).toContain(await refusalOf(bed.start().refresh()));
  });

  it.each([401, 410])('answers %s: no outage, so the cache does not stand in', async (status) => {
    await bed.start().refresh();
    bed.server.answer = (_, response) => response.writeHead(status).end();
    expect(['UNUSABLE', 'UNAUTHORIZED']).toContain(await refusalOf(bed.start().refresh()));
  });

  it('serves the metadata of another repository', async () => {
    const other = new TufSimulator({ repository: 'registry.example.com/team/other' });
    bed.simulator.files.clear();
    replay(other.files);
    const bytes = other.bytes('root');
    expect(await refusalOf(bed.start({ anchor: { kind: 'root', bytes } }).refresh())).toBe('BINDING');
  });

  it('leaves out what binds metadata to its repository, unless the repository is foreign', async () => {
    for (const role of ['root', 'timestamp', 'snapshot', 'targets']) {
      const document = bed.simulator.document(role);
      delete document['x-vidimus-repository'];
      delete document['x-vidimus-role'];
    }
    bed.simulator.write('root');
    bed.simulator.write('targets');
    bed.simulator.publish();
    const anchor = { kind: 'root', bytes: bed.simulator.bytes('root') } as const;
    expect(await refusalOf(bed.start({ anchor }).refresh())).toBe('BINDING');
    expect(await versionOf(bed.start({ anchor, foreign: true }))).toBe(2);
  });

  it('lets a timestamp live longer than the anchor allows', async () => {
    expect(await refusalOf(bed.start({ maxTimestampLifetimeMs: HOUR }).refresh())).toBe('LIFETIME');
  });

  it('T9: a bad next root is neither believed nor kept, now or after a restart', async () => {
    await bed.start().refresh();
    bed.simulator.next('root', (file) => {
      map(file, 'signed')['version'] = 2;
      map(file, 'signed')['expires'] = '2099-01-01T00:00:00Z';
    });
    expect(await refusalOf(bed.start().refresh())).toBe('THRESHOLD');
    expect(await readdir(tufDirectory())).not.toContain('2.root.json');
    bed.simulator.files.delete('2.root.json');
    expect((await bed.start().refresh()).versions.root).toBe(1);
  });

  it('T11: a restarted client remembers, and refuses what is older', async () => {
    const old = new Map(bed.simulator.files);
    bed.simulator.publishAll();
    bed.simulator.publishAll();
    await bed.start().refresh();
    replay(old);
    expect(await refusalOf(bed.start().refresh())).toBe('ROLLBACK');
  });

  it('T39: remembers across a root rotation and a restart when the newest timestamp was issued', async () => {
    const [old, kept] = [ed25519Key('old timestamp'), ed25519Key('kept timestamp')];
    const { simulator } = bed;
    simulator.setRole('timestamp', [old, kept]);
    simulator.next('root');
    simulator.publishAll();
    const before = new Map([...simulator.files].filter(([name]) => !name.endsWith('root.json')));
    simulator.now += HOUR;
    simulator.publishAll();
    await bed.start().refresh();
    simulator.setRole('timestamp', [kept]);
    simulator.next('root');
    replay(before);
    expect(await refusalOf(bed.start().refresh())).toBe('ROLLBACK');
    simulator.publishAll();
    expect((await bed.start().refresh()).versions.root).toBe(3);
  });

  it('T12: a newer timestamp with an older snapshot is not kept, and the next good one works', async () => {
    bed.simulator.publishAll();
    await bed.start().refresh();
    const { simulator } = bed;
    const kept = await readFile(join(tufDirectory(), 'timestamp.json'));
    simulator.document('timestamp')['version'] = 9;
    map(simulator.document('timestamp'), 'meta')['snapshot.json'] = { version: 1 };
    simulator.write('timestamp');
    expect(await refusalOf(bed.start().refresh())).toBe('ROLLBACK');
    expect(await readFile(join(tufDirectory(), 'timestamp.json'))).toEqual(kept);
    simulator.document('timestamp')['version'] = 2;
    simulator.publish();
    expect(await versionOf(bed.start())).toBe(3);
  });
});

describe('T40: time', () => {
  it('takes the last time seen for now when the clock is behind it', async () => {
    const old = new Map(bed.simulator.files);
    bed.simulator.now += 3 * DAY;
    bed.simulator.publish();
    await bed.start().refresh();
    // A new cache of metadata beside the remembered time: only the clock could tell that `old` is expired.
    await rm(tufDirectory(), { recursive: true });
    replay(old);
    bed.simulator.now -= 3 * DAY;
    expect(await refusalOf(bed.start().refresh())).toBe('EXPIRED');
    expect(bed.warnings).toContain('CLOCK_BEHIND');
  });

  it('does not remember a time at which nothing held', async () => {
    await bed.start().refresh();
    bed.simulator.now += 400 * DAY;
    expect(await refusalOf(bed.start().refresh())).toBe('EXPIRED');
    bed.simulator.now -= 400 * DAY;
    expect(await versionOf(bed.start())).toBe(1);
  });
});

describe('without the server', () => {
  const away = async (): Promise<string> => await unusedUrl();

  it('judges an unexpired cache, with a warning', async () => {
    await bed.start().refresh();
    const refreshedAt = bed.simulator.now;
    bed.simulator.now += HOUR;
    const trust = bed.start({ server: await away() });
    expect(await trust.lookUp('latest')).toBeDefined();
    expect(trust.state).toMatchObject({ offline: true, stale: false, refreshedAt });
    expect(bed.warnings).toContain('OFFLINE');
  });

  it.each([500, 503])('takes an answer of %s for an outage', async (status) => {
    await bed.start().refresh();
    bed.server.answer = (_, response) => response.writeHead(status).end();
    expect(await bed.start().refresh()).toMatchObject({ offline: true });
    expect(await refusalOf(bed.start({ online: true }).refresh())).toBe('UNUSABLE');
  });

  it('does not, where that is forbidden', async () => {
    await bed.start().refresh();
    expect(await refusalOf(bed.start({ server: await away(), online: true }).refresh())).toBe('UNREACHABLE');
  });

  it('refuses an expired cache', async () => {
    await bed.start().refresh();
    bed.simulator.now += DAY;
    expect(await refusalOf(bed.start({ server: await away() }).lookUp('latest'))).toBe('UNREACHABLE');
  });

  it('refuses an empty cache', async () => {
    expect(await refusalOf(bed.start({ server: await away() }).refresh())).toBe('UNREACHABLE');
  });

  it('refuses a cache that does not verify', async () => {
    await bed.start().refresh();
    await writeFile(join(tufDirectory(), 'targets.json'), '{"signed":{},"signatures":[]}', { mode: 0o600 });
    expect(await refusalOf(bed.start({ server: await away() }).refresh())).toBe('UNREACHABLE');
  });

  it('answers beyond expiry, within staleFor, only what it verified before', async () => {
    bed.simulator.target('targets', 'other', 'other content');
    bed.simulator.publishAll();
    const staleForMs = 6 * HOUR;
    await bed.start({ staleForMs }).lookUp('latest');
    bed.simulator.now += DAY + 5 * HOUR;
    const trust = bed.start({ server: await away(), staleForMs });
    expect(await trust.lookUp('latest')).toBeDefined();
    expect(trust.state).toMatchObject({ offline: true, stale: true });
    expect(bed.warnings).toContain('STALE');
    expect(await refusalOf(trust.lookUp('other'))).toBe('UNREACHABLE');
    expect((await trust.list()).targets.map(({ target }) => target.path)).toEqual(['latest']);
    bed.simulator.now += HOUR;
    expect(await refusalOf(trust.lookUp('latest'))).toBe('UNREACHABLE');
  });
});

describe('anchors', () => {
  const rootKey = () => ed25519Key(`${REPOSITORY} root`);

  it('without one names the line to run', async () => {
    const trust = bed.start({ anchor: undefined });
    const error = await errorOf(trust.refresh());
    expect(error.code).toBe('ANCHOR_MISSING');
    expect(error).toHaveProperty('hint', expect.stringContaining(`vidimus anchor pin ${REPOSITORY} `));
    expect(bed.server.seen()).toEqual([]);
  });

  it('by keys: takes a root that enough of them signed', async () => {
    const keyIds = [rootKey().keyId, ed25519Key('spare').keyId];
    const trust = bed.start({ anchor: { kind: 'keyIds', keyIds, threshold: 1 } });
    expect(await trust.refresh()).toMatchObject({ anchor: 'keys' });
    const strict = bed.start({ anchor: { kind: 'keyIds', keyIds, threshold: 2 } });
    expect(await refusalOf(strict.refresh())).toBe('ANCHOR_MISMATCH');
  });

  it('by first use, where configuration says so, and then for good', async () => {
    const anchor = { kind: 'firstUse' } as const;
    expect(await bed.start({ anchor }).refresh()).toMatchObject({ anchor: 'firstUse' });
    expect(bed.warnings).toContain('FIRST_USE');
    // Somebody else's repository of the same name, for a client whose metadata was deleted.
    await rm(tufDirectory(), { recursive: true });
    const impostor = new TufSimulator({ repository: REPOSITORY });
    impostor.setRole('root', [ed25519Key('impostor')]);
    impostor.write('root');
    bed.simulator.files.set('1.root.json', impostor.bytes('root'));
    impostor.next('root');
    bed.simulator.files.set('2.root.json', impostor.bytes('root'));
    expect(await refusalOf(bed.start({ anchor }).refresh())).toBe('THRESHOLD');
  });

  it('by first use that a person confirmed, without asking again', async () => {
    await bed.start({ anchor: undefined, firstUseConfirmed: true }).refresh();
    expect(await bed.start({ anchor: undefined }).refresh()).toMatchObject({ anchor: 'firstUse' });
  });

  it('takes no first use from a refresh that failed', async () => {
    bed.simulator.files.delete('1.targets.json');
    await refusalOf(bed.start({ anchor: { kind: 'firstUse' } }).refresh());
    expect(await refusalOf(bed.start({ anchor: undefined }).refresh())).toBe('ANCHOR_MISSING');
  });

  it('discards, with a warning, a cached root that a new pin does not lead to', async () => {
    await bed.start().refresh();
    const moved = new TufSimulator({ repository: REPOSITORY });
    moved.setRole('root', [ed25519Key('new owner')]);
    moved.write('root');
    replay(moved.files);
    const trust = bed.start({ anchor: { kind: 'root', bytes: moved.bytes('root') } });
    expect((await trust.refresh()).versions.root).toBe(1);
    expect(bed.warnings).toContain('CACHED_ROOT_DISCARDED');
  });
});

describe('revocations', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;

  it('are known, with reasons', async () => {
    bed.simulator.delegate('targets', 'revocations', { paths: ['sha256:*'], terminating: true });
    const targets = map(bed.simulator.document('revocations'), 'targets');
    targets[digest] = { length: 0, hashes: { sha256: 'ab'.repeat(32) }, custom: { reason: 'CVE', at: 7 } };
    bed.simulator.publishAll();
    const list = await bed.start().lookUpRevocations();
    expect(list.status === 'known' && [...list.entries.values()]).toEqual([{ digest, reason: 'CVE' }]);
  });

  it('are unknown, never clean, where a repository of ours has lost the role', async () => {
    expect(await bed.start().lookUpRevocations()).toMatchObject({ status: 'unknown', code: 'ROLE_UNKNOWN' });
  });

  it('are absent where a foreign repository has none', async () => {
    expect(await bed.start({ foreign: true }).lookUpRevocations()).toEqual({
      status: 'absent',
      because: 'foreign',
    });
  });

  it.each([
    ['missing', () => bed.simulator.files.delete('2.revocations.json'), 'MISSING'],
    [
      'badly signed',
      () => {
        bed.simulator.listHashes = false;
        bed.simulator.signers.set('revocations', [ed25519Key('thief')]);
        bed.simulator.write('revocations');
        bed.simulator.publish();
      },
      'THRESHOLD',
    ],
    [
      'expired',
      () => {
        bed.simulator.now += 40 * DAY;
        bed.simulator.publish();
      },
      'EXPIRED',
    ],
    [
      'behind a login page',
      () => bed.simulator.files.set('2.revocations.json', Buffer.from('<html></html>')),
      'UNUSABLE',
    ],
  ])('are unknown where the role is %s', async (_, spoil, code) => {
    bed.simulator.delegate('targets', 'revocations', { paths: ['sha256:*'], terminating: true });
    bed.simulator.publishAll();
    spoil();
    expect(await bed.start().lookUpRevocations()).toMatchObject({ status: 'unknown', code });
  });
});
