import { pinAnchor, TrustClientError } from '@vidimus/trust-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nameIn, revokeIn, rootsOf } from '../../../support/directory-simulator.ts';
import { errorOf, refusalOf } from '../../../support/trust-test-bed.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import { DAY, map, REPOSITORY } from '../../../support/tuf-simulator.ts';
import { type DirectoryBed, openDirectoryBed, saved } from './directory-bed.ts';

const other = ed25519Key('other');
let bed: DirectoryBed;
beforeEach(async () => {
  bed = await openDirectoryBed();
});
afterEach(async () => {
  await bed.close();
});

describe('a client that pinned the directory', () => {
  it('needs nothing else: keys and server come from there', async () => {
    bed.name();
    await bed.pin();
    const trust = bed.start();
    expect(await trust.refresh()).toMatchObject({
      server: `${bed.server.url}/`,
      anchor: 'directory',
      directory: { name: 'acme', root: 1 },
    });
    expect(await trust.lookUp('latest')).toBeDefined();
    expect(bed.warnings).toEqual([]);
  });

  it('by configuration needs no cache', async () => {
    bed.name();
    expect(await bed.start({}, bed.anchor()).refresh()).toMatchObject({ anchor: 'directory' });
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISSING');
  });

  it('asks the server that somebody named for the repository instead', async () => {
    bed.name(bed.rootKeys, { trustServer: 'https://nowhere.example.com' });
    await bed.pin();
    expect(await bed.start({ server: bed.server.url, isUsualServer: false }).refresh()).toMatchObject({
      server: `${bed.server.url}/`,
    });
  });

  it('refuses a repository that the directory names differently, and keeps nothing of it', async () => {
    bed.name([other]);
    await bed.pin();
    const error = await errorOf(bed.start().refresh());
    expect(error.code).toBe('ANCHOR_MISMATCH');
    expect(await refusalOf(bed.start({ firstUseConfirmed: true }).refresh())).toBe('ANCHOR_MISMATCH');
    expect(await refusalOf(bed.start({ anchor: { kind: 'firstUse' } }).refresh())).toBe('ANCHOR_MISMATCH');
  });

  it.each(['pinned', 'configured', 'taken on first use'])(
    'refuses it also when it was %s before',
    async (how) => {
      const root = { kind: 'root', bytes: bed.repository.bytes('root') } as const;
      const server = { server: bed.server.url, isUsualServer: false };
      if (how === 'pinned') await pinAnchor(bed.cache, REPOSITORY, root);
      if (how === 'taken on first use')
        await bed.start({ ...server, anchor: { kind: 'firstUse' } }).refresh();
      const configured = how === 'configured' ? { anchor: root } : {};
      expect(await bed.start({ ...server, ...configured }).refresh()).toBeDefined();
      bed.name([other]);
      await bed.pin();
      expect(await refusalOf(bed.start({ ...server, ...configured }).refresh())).toBe('ANCHOR_MISMATCH');
    },
  );

  it('takes one that both it and the configuration name only if both are met', async () => {
    bed.name();
    await bed.pin();
    const anchor = { kind: 'keyIds', keyIds: [other.keyId], threshold: 1 } as const;
    expect(await refusalOf(bed.start({ anchor }).refresh())).toBe('ANCHOR_MISMATCH');
    const keyIds = bed.rootKeys.map(({ keyId }) => keyId);
    expect(await bed.start({ anchor: { ...anchor, keyIds } }).refresh()).toMatchObject({
      anchor: 'directory',
    });
  });

  it('refuses what the directory does not name, unless it is pinned or configured', async () => {
    bed.name(bed.rootKeys, {}, 'registry.example.com/elsewhere/**');
    await bed.pin();
    const server = { server: bed.server.url, isUsualServer: false };
    for (const settings of [{}, { anchor: { kind: 'firstUse' } as const }, { firstUseConfirmed: true }]) {
      expect(await refusalOf(bed.start({ ...server, ...settings }).refresh())).toBe('ANCHOR_MISSING');
    }
    const root = { kind: 'root', bytes: bed.repository.bytes('root') } as const;
    expect(await bed.start({ ...server, anchor: root }).refresh()).toMatchObject({ anchor: 'root' });
    await pinAnchor(bed.cache, REPOSITORY, root);
    expect(await bed.start(server).refresh()).toMatchObject({ anchor: 'root' });
    expect(await refusalOf(bed.start({ ...server, anchor: { kind: 'directory' } }).refresh())).toBe(
      'ANCHOR_MISSING',
    );
  });

  it('reads one dialect as the directory names it, and no other', async () => {
    nameIn(
      bed.directory,
      'registry.example.com/**',
      rootsOf(bed.rootKeys, 1, { trustServer: bed.server.url }, 'notary'),
    );
    bed.directory.publishAll();
    await bed.pin();
    expect(await refusalOf(bed.start({ dialect: 'tuf' }).refresh())).toBe('ANCHOR_MISMATCH');
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISMATCH');
    expect(bed.server.seen()).not.toContain('timestamp.json');
  });

  it('of which there is none is told so by a repository that relies on it', async () => {
    const error = await errorOf(bed.start({ anchor: { kind: 'directory' } }).refresh());
    expect(error.code).toBe('ANCHOR_MISSING');
    expect(error instanceof TrustClientError && error.hint).toContain('anchor pin');
  });
});

describe('the directory itself', () => {
  beforeEach(async () => {
    bed.name();
    await bed.pin();
  });

  it('must be there: unreachable without a cache nothing is judged', async () => {
    await bed.directoryServer.close();
    expect(await refusalOf(bed.start().refresh())).toBe('UNREACHABLE');
    expect(bed.server.seen()).toEqual([]);
  });

  it('goes on from its cache until that expires', async () => {
    await bed.start().refresh();
    await bed.directoryServer.close();
    expect(await bed.start().refresh()).toMatchObject({ anchor: 'directory', offline: false });
    expect(bed.warnings).toEqual(['directory OFFLINE']);
    bed.repository.now += 2 * DAY;
    bed.repository.publishAll();
    expect(await refusalOf(bed.start({ staleForMs: 30 * DAY }).refresh())).toBe('UNREACHABLE');
  });

  it.each<[string, number, string]>([
    ['a web page', 200, 'UNUSABLE'],
    ['an error', 500, 'UNUSABLE'],
    ['a demand for a token', 401, 'UNAUTHORIZED'],
    ['nothing', 404, 'UNUSABLE'],
  ])(
    'that answers with %s says nothing about a repository, not that there is none',
    async (_, status, code) => {
      bed.directoryServer.answer = (_request, response) => {
        response.writeHead(status, { 'content-type': 'text/html' }).end('<html>');
      };
      expect(await refusalOf(bed.start().refresh())).toBe(code);
    },
  );

  it('is refused when rolled back', async () => {
    const replay = saved(bed.directory);
    bed.name([other]);
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISMATCH');
    replay();
    expect(await refusalOf(bed.start().refresh())).toBe('ROLLBACK');
  });

  it('is refused when frozen', async () => {
    await bed.start().refresh();
    bed.repository.now += 2 * DAY;
    bed.repository.publishAll();
    expect(await refusalOf(bed.start().refresh())).toBe('EXPIRED');
  });

  it('with another root is refused', async () => {
    await bed.pin();
    const anchor = bed.anchor({ pinned: { kind: 'keyIds', keyIds: [other.keyId], threshold: 1 } });
    expect(await refusalOf(bed.start({}, anchor).refresh())).toBe('ANCHOR_MISMATCH');
  });

  it('speaks through top-level targets alone: delegated roles name no keys', async () => {
    bed.directory.document('targets')['targets'] = {};
    bed.directory.delegate('targets', 'policies', { paths: ['**', '*/*', 'registry.example.com/*'] });
    const entry = rootsOf(bed.rootKeys, 1, { trustServer: bed.server.url });
    nameIn(bed.directory, 'registry.example.com/**', entry);
    const targets = map(bed.directory.document('targets'), 'targets');
    bed.directory.document('policies')['targets'] = targets;
    bed.directory.document('targets')['targets'] = {};
    bed.directory.publishAll();
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISSING');
  });

  it.each<[string, (entry: Record<string, unknown>) => void, string]>([
    ['an unknown member', (entry) => Object.assign(entry, { since: 'now' }), 'MALFORMED'],
    [
      'keys nobody can meet',
      (entry) => Object.assign(entry, { roots: { tuf: { keyIds: [], threshold: 1 } } }),
      'MALFORMED',
    ],
  ])('with %s in the entry is refused', async (_, spoil, code) => {
    const entry = rootsOf(bed.rootKeys);
    spoil(entry);
    nameIn(bed.directory, 'registry.example.com/**', entry);
    bed.directory.publishAll();
    expect(await refusalOf(bed.start().refresh())).toBe(code);
  });

  it('with two entries that speak equally is refused', async () => {
    for (const pattern of ['registry.example.com/te*/ap*', 'registry.example.com/te*/*pp']) {
      nameIn(bed.directory, pattern, rootsOf(bed.rootKeys));
    }
    bed.directory.publishAll();
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISMATCH');
  });

  it('is asked once for all who ask at the same time, and again at every refresh', async () => {
    const trust = bed.start();
    await trust.refresh();
    bed.directoryServer.seen();
    await Promise.all([trust.refresh(), trust.refresh()]);
    expect(bed.directoryServer.seen().filter((name) => name === 'timestamp.json')).toHaveLength(1);
    bed.name([other]);
    expect(await refusalOf(trust.refresh())).toBe('ANCHOR_MISMATCH');
  });
});

describe('an entry that changes', () => {
  beforeEach(async () => {
    bed.name();
    await bed.pin();
    await bed.start().refresh();
  });

  it('is followed when the chain of roots goes on to its keys', async () => {
    bed.repository.setRole('root', [other]);
    bed.repository.next('root');
    expect(await bed.start().refresh()).toMatchObject({ versions: { root: 2 } });
    bed.name([other]);
    expect(await bed.start().refresh()).toMatchObject({ versions: { root: 2 } });
    expect(await bed.start().refresh()).toMatchObject({ versions: { root: 2 } });
  });

  it('is not enough where the chain breaks: whoever writes entries cannot replace a root', async () => {
    bed.name([other]);
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISMATCH');
    bed.repository.setRole('root', [other]);
    bed.repository.document('root')['version'] = 2;
    bed.repository.write('root', (file) => file.signatures.splice(1));
    expect(await refusalOf(bed.start().refresh())).toBe('THRESHOLD');
  });

  it('shuts out a key that was revoked: metadata by it alone is refused at the next refresh', async () => {
    const stolen = saved(bed.repository);
    bed.repository.setRole('root', [other]);
    bed.repository.next('root');
    bed.name([other]);
    // The thief goes on serving what the revoked key alone signed, and signs it anew.
    stolen();
    bed.repository.files.delete('2.root.json');
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISMATCH');
  });

  it('that is gone leaves nothing to trust', async () => {
    bed.directory.document('targets')['targets'] = {};
    bed.directory.publishAll();
    expect(await refusalOf(bed.start().refresh())).toBe('ANCHOR_MISSING');
  });
});

describe("the organisation's revoked digests", () => {
  const digest = `sha256:${'ab'.repeat(32)}`;

  it('are none where no directory is pinned', async () => {
    expect(await bed.start().lookUpOrganisationRevocations()).toBeUndefined();
  });

  it('come from the directory', async () => {
    bed.name();
    revokeIn(bed.directory, digest);
    bed.directory.publishAll();
    await bed.pin();
    const trust = bed.start();
    await trust.refresh();
    const list = await trust.lookUpOrganisationRevocations();
    expect(list?.status === 'known' && [...list.entries.keys()]).toEqual([digest]);
  });

  it.each<[string, () => void]>([
    ['is taken away', () => bed.directory.files.delete(bed.directory.fileName('revocations'))],
    [
      'is expired',
      () => {
        bed.directory.document('revocations')['version'] = 2;
        bed.directory.document('revocations')['expires'] = '2026-01-01T00:00:00Z';
        bed.directory.write('revocations');
        bed.directory.publish();
      },
    ],
    [
      'is not delegated',
      () => {
        map(bed.directory.document('targets'), 'delegations')['roles'] = [];
        bed.directory.next('targets');
        bed.directory.publish();
      },
    ],
    [
      'names something else',
      () => {
        revokeIn(bed.directory, `sha256:${'AB'.repeat(32)}`);
        bed.directory.publishAll();
      },
    ],
  ])('are unknown, never none, where the list %s', async (_, spoil) => {
    bed.name();
    await bed.pin();
    spoil();
    expect(await bed.start().lookUpOrganisationRevocations()).toMatchObject({ status: 'unknown' });
  });

  it('are unknown where the directory cannot be reached', async () => {
    await bed.pin();
    await bed.directoryServer.close();
    expect(await bed.start().lookUpOrganisationRevocations()).toMatchObject({
      status: 'unknown',
      code: 'UNREACHABLE',
    });
  });
});
