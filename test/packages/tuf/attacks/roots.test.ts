/** Attacks on the chain of roots: skipped, forged, expired, cut short, planted in the cache. */
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../../support/tuf-client.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import { DAY, map, sealWith, TufSimulator } from '../../../support/tuf-simulator.ts';

let server: TufSimulator;
let client: TufClient;
const refresh = (): string => codeOf(() => client.refresh());

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
});

describe('T8: expiry of root', () => {
  it('T8 refuses an expired final root with everything else fresh', () => {
    server.next('root');
    server.now += 400 * DAY;
    server.publishAll();
    expect(refresh()).toBe('EXPIRED');
    expect(client.cached('root')).toBe(2);
    expect(client.requests).toEqual(['2.root.json', '3.root.json']);
    expect(client.cached('timestamp')).toBeUndefined();
  });

  it('walks over expired roots to one that is not', () => {
    server.next('root');
    server.now += 400 * DAY;
    server.next('root');
    server.publishAll();
    expect(client.refresh().root.document.version).toBe(3);
  });

  it('counts the very moment of expiry as expired', () => {
    server.next('root');
    client.now = server.now + 365 * DAY;
    expect(refresh()).toBe('EXPIRED');
    client.now = server.now + 365 * DAY - 1;
    server.now = client.now - 1;
    server.now -= server.now % 1000;
    server.publishAll();
    expect(refresh()).toBe('accepted');
  });
});

describe('T9: a root that does not verify', () => {
  it('T9 is never cached, and the next run starts from the good one', () => {
    client.refresh();
    const good = server.bytes('root');
    server.files.set(
      '2.root.json',
      sealWith({ ...server.document('root'), version: 2 }, [ed25519Key('thief')]),
    );
    expect(refresh()).toBe('THRESHOLD');
    expect(client.writes).toEqual([]);
    server.files.delete('2.root.json');
    expect(client.refresh().root.envelope.bytes).toEqual(good);
    expect(client.cached('2.root')).toBeUndefined();
  });

  it.each(['ROOT', '', '{}', '[]', '<html>Sign in</html>', 'null'])('T9 refuses %j as next root', (text) => {
    client.refresh();
    server.files.set('2.root.json', new TextEncoder().encode(text));
    expect(refresh()).toBe('MALFORMED');
    expect(client.writes).toEqual([]);
  });
});

describe('T10: versions of root', () => {
  it.each([1, 3, 4])('T10 refuses version %i where 2 must be', (version) => {
    server.document('root')['version'] = version - 1;
    server.next('root');
    server.files.set('2.root.json', server.files.get(`${version}.root.json`) ?? new Uint8Array());
    if (version !== 2) server.files.delete('3.root.json');
    expect(refresh()).toBe('VERSION');
    expect(client.cached('root')).toBeUndefined();
  });
});

describe('the anchor', () => {
  it('refuses an anchor that does not verify, without a single request', () => {
    client.anchor = { kind: 'root', bytes: sealWith(server.document('root'), [ed25519Key('thief')]) };
    expect(refresh()).toBe('THRESHOLD');
    expect(client.requests).toEqual([]);
    client.anchor = { kind: 'root', bytes: new TextEncoder().encode('{"signed":{},"signatures":[]}') };
    expect(refresh()).toBe('MALFORMED');
    expect(client.requests).toEqual([]);
  });

  it('wins over a cache that chains from another root of the same version', () => {
    const other = new TufSimulator();
    other.setRole('root', [ed25519Key('other')]);
    other.document('root')['version'] = 1;
    client.cache.set('root', sealWith(other.document('root'), [ed25519Key('other')]));
    expect(client.refresh().root.envelope.bytes).toEqual(server.bytes('root'));
    expect(client.warnings).toEqual(['CACHED_ROOT_DISCARDED 1 ROOT_CHAIN']);
    expect(client.cache.get('root')).toEqual(server.bytes('root'));
  });

  it('discards cached roots that do not chain from it, with a warning', () => {
    const thief = ed25519Key('thief');
    server.setRole('root', [thief]);
    server.next('root');
    const forged = sealWith(server.document('root'), [thief]);
    server.files.delete('2.root.json');
    client.cache.set('root', forged);
    client.cache.set('2.root', forged);
    client.cache.set('3.root', forged);
    expect(client.refresh().root.document.version).toBe(1);
    expect(client.warnings).toEqual([
      'CACHED_ROOT_DISCARDED 2 THRESHOLD',
      'CACHED_ROOT_DISCARDED 3 THRESHOLD',
      'CACHED_ROOT_DISCARDED 2 THRESHOLD',
    ]);
    expect([...client.cache.keys()].filter((name) => name.includes('root'))).toEqual(['root']);
    expect(client.cached('root')).toBe(1);
  });

  it('discards a whole cached chain that starts elsewhere, its current root too', () => {
    const other = new TufSimulator();
    other.setRole('root', [ed25519Key('other')]);
    for (let n = 0; n < 3; n++) other.next('root');
    for (const version of [2, 3, 4]) {
      client.cache.set(`${version}.root`, other.files.get(`${version}.root.json`) ?? new Uint8Array());
    }
    client.cache.set('root', other.bytes('root'));
    server.setRole('root', [ed25519Key('new')]);
    server.document('root')['version'] = 1;
    server.write('root');
    client.anchor = { kind: 'root', bytes: server.seal('root') };
    expect(client.refresh().root.document.version).toBe(1);
    expect([...client.cache.keys()].filter((name) => name.includes('root'))).toEqual(['root']);
    expect(client.warnings).toHaveLength(4);
  });

  it('ignores a cached root that is no root', () => {
    client.cache.set('root', new TextEncoder().encode('garbage'));
    expect(refresh()).toBe('accepted');
    expect(client.warnings).toEqual(['CACHED_FILE_IGNORED root MALFORMED']);
    expect(client.cached('root')).toBe(1);
  });

  it('takes a cached next root into the chain although its history is missing', () => {
    server.next('root');
    client.cache.set('root', server.bytes('root'));
    expect(client.refresh().roots.map((root) => root.document.version)).toEqual([1, 2]);
    expect(client.cached('2.root')).toBe(2);
    expect(client.requests[0]).toBe('3.root.json');
  });

  it('walks the cached roots before the network is asked', () => {
    for (let n = 0; n < 4; n++) server.next('root');
    client.refresh();
    client.refresh();
    expect(client.requests[0]).toBe('6.root.json');
    expect(client.refresh().roots).toHaveLength(5);
  });
});

describe('a server behind or beside the roots a client knows', () => {
  beforeEach(() => {
    for (let n = 0; n < 3; n++) server.next('root');
    server.publishAll();
    client.refresh();
    // The history is lost, the newest root (4) is not.
    for (const version of [2, 3, 4]) client.cache.delete(`${version}.root`);
  });

  it('refuses a chain that ends below the cached root', () => {
    server.files.delete('4.root.json');
    expect(refresh()).toBe('ROOT_CHAIN');
    expect(client.cached('root')).toBe(4);
    expect(refresh()).toBe('ROOT_CHAIN');
    expect(client.writes).toEqual([]);
  });

  it('refuses a chain that passes beside the cached root, however often it is tried', () => {
    map(server.document('root'))['x-other'] = true;
    server.write('root');
    expect(refresh()).toBe('ROOT_CHAIN');
    expect(refresh()).toBe('ROOT_CHAIN');
    expect(client.writes).toEqual([]);
  });

  it('accepts a chain that passes through it, and keeps its history again', () => {
    server.next('root');
    expect(client.refresh().root.document.version).toBe(5);
    expect([2, 3, 4, 5].map((version) => client.cached(`${version}.root`))).toEqual([2, 3, 4, 5]);
  });
});

describe('limits', () => {
  it('refuses more new roots than it may take at once, keeps them, and goes on next time', () => {
    for (let n = 0; n < 4; n++) server.next('root');
    const limits = { rootRotations: 2 };
    expect(codeOf(() => client.refresh({ limits }))).toBe('LIMIT');
    expect(client.cached('root')).toBe(3);
    expect(client.refresh({ limits }).root.document.version).toBe(5);
  });

  it('refuses a root larger than allowed', () => {
    server.next('root', (file) => {
      file.signatures.push({ keyid: 'x', sig: '', bundle: 'x'.repeat(512_000) });
    });
    expect(refresh()).toBe('LIMIT');
  });
});

describe('T39: recovery from a fast-forward attack', () => {
  const old = ed25519Key('old');
  const kept = ed25519Key('kept');
  const fresh = ed25519Key('fresh');

  /** The thief pushed versions up; the repository recovers at low ones. */
  const recover = (
    role: 'timestamp' | 'snapshot',
    before: Parameters<TufSimulator['setRole']>,
    after: typeof before,
  ) => {
    server.setRole(...before);
    server.next('root');
    server.document(role)['version'] = 99;
    server.document('timestamp')['version'] = 99;
    server.publish();
    client.refresh();
    expect(client.cached(role)).toBe(100);
    server.setRole(...after);
    server.next('root');
    server.document('snapshot')['version'] = 2;
    server.document('timestamp')['version'] = 2;
    server.publish();
    return refresh();
  };

  it.each(['timestamp', 'snapshot'] as const)(
    'T39 forgets the cached files when the keys of %s are replaced',
    (role) => {
      expect(recover(role, [role, [old]], [role, [fresh]])).toBe('accepted');
      expect(client.cached(role)).toBe(3);
    },
  );

  it.each(['timestamp', 'snapshot'] as const)(
    'T39 forgets them when one key of %s goes and another stays',
    (role) => {
      expect(recover(role, [role, [old, kept]], [role, [kept]])).toBe('accepted');
    },
  );

  it.each(['timestamp', 'snapshot'] as const)(
    'T39 forgets them when a key of %s is replaced beside one that stays',
    (role) => {
      expect(recover(role, [role, [old, kept], 2], [role, [kept, fresh], 2])).toBe('accepted');
    },
  );

  it.each(['timestamp', 'snapshot'] as const)(
    'T39 forgets them when the threshold of %s is raised',
    (role) => {
      expect(recover(role, [role, [kept]], [role, [kept, fresh], 2])).toBe('accepted');
    },
  );

  it.each(['timestamp', 'snapshot'] as const)(
    'T39 refuses the rollback when a key of %s is merely added',
    (role) => {
      expect(recover(role, [role, [old]], [role, [old, fresh]])).toBe('ROLLBACK');
    },
  );

  it('T39 forgets them although the run was interrupted right after the new root', () => {
    server.setRole('timestamp', [old, kept]);
    server.next('root');
    server.document('timestamp')['version'] = 99;
    server.publish();
    client.refresh();
    server.setRole('timestamp', [kept]);
    server.next('root');
    const timestamp = server.bytes('timestamp');
    server.files.delete('timestamp.json');
    expect(refresh()).toBe('MISSING');
    expect(client.cached('root')).toBe(3);
    expect(client.cached('timestamp')).toBeUndefined();
    server.files.set('timestamp.json', timestamp);
    server.document('timestamp')['version'] = 2;
    server.publish();
    expect(refresh()).toBe('accepted');
  });

  it('T39 forgets them when the rotation came with a newer anchor', () => {
    server.setRole('timestamp', [old, kept]);
    server.next('root');
    server.document('timestamp')['version'] = 99;
    server.publish();
    client.refresh();
    server.setRole('timestamp', [kept]);
    server.next('root');
    client.anchor = { kind: 'root', bytes: server.bytes('root') };
    server.document('timestamp')['version'] = 2;
    server.publish();
    expect(refresh()).toBe('accepted');
    expect(client.requests[0]).toBe('4.root.json');
  });

  it('T39 leaves no way back to what was issued before, by a key of timestamp that stays', () => {
    server.setRole('timestamp', [old, kept]);
    server.next('root');
    server.publishAll();
    const before = new Map(server.files);
    server.now += DAY / 4;
    server.publishAll();
    const lastIssuedMs = client.refresh().timestamp.document.binding.issued ?? 0;
    server.setRole('timestamp', [kept]);
    server.next('root');
    const good = new Map(server.files);
    const serve = (files: ReadonlyMap<string, Uint8Array>): void => {
      for (const [name, bytes] of files) if (!name.endsWith('root.json')) server.files.set(name, bytes);
    };
    serve(before);
    expect(codeOf(() => client.refresh({ lastIssuedMs }))).toBe('ROLLBACK');
    expect(client.cached('timestamp')).toBeUndefined();
    serve(good);
    expect(codeOf(() => client.refresh({ lastIssuedMs }))).toBe('accepted');
  });
});
