/** Attacks with genuine but older metadata. */
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../../support/tuf-client.ts';
import { map, TufSimulator } from '../../../support/tuf-simulator.ts';

let server: TufSimulator;
let client: TufClient;
const refresh = (): string => codeOf(() => client.refresh());

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
});

describe('T11: older files for a client that was restarted', () => {
  it('T11 refuses an older timestamp', () => {
    const old = server.bytes('timestamp');
    server.publish();
    client.refresh();
    server.files.set('timestamp.json', old);
    expect(refresh()).toBe('ROLLBACK');
    expect(client.writes).toEqual([]);
  });

  it('T11 refuses an older snapshot in a newer timestamp', () => {
    const meta = server.meta('snapshot', true);
    server.publish();
    client.refresh();
    server.document('timestamp')['version'] = 3;
    map(server.document('timestamp'))['meta'] = { 'snapshot.json': meta };
    server.write('timestamp');
    expect(refresh()).toBe('ROLLBACK');
  });

  it.each([true, false])(
    'T11 refuses older targets in a newer snapshot (hashes listed: %s)',
    (listHashes) => {
      server.listHashes = listHashes;
      const meta = server.meta('targets');
      server.publishAll();
      client.refresh();
      server.publish();
      map(server.document('snapshot'), 'meta')['targets.json'] = meta;
      server.write('snapshot');
      server.writeTimestamp();
      expect(refresh()).toBe('ROLLBACK');
      expect(client.cached('snapshot')).toBe(2);
    },
  );

  it('T11 compares with a cached snapshot whose hash the timestamp no longer lists', () => {
    client.refresh();
    const meta = server.meta('targets');
    server.publishAll();
    client.refresh();
    // The same version again with other bytes, listing older targets.
    map(server.document('snapshot'), 'meta')['targets.json'] = meta;
    server.write('snapshot');
    server.document('timestamp')['version'] = 3;
    server.writeTimestamp();
    expect(refresh()).toBe('ROLLBACK');
  });

  it('compares with a cached snapshot that is expired', () => {
    const meta = server.meta('targets');
    server.publishAll();
    client.refresh();
    server.now += 30 * 86_400_000;
    server.publish();
    map(server.document('snapshot'), 'meta')['targets.json'] = meta;
    server.write('snapshot');
    server.writeTimestamp();
    expect(refresh()).toBe('ROLLBACK');
  });

  it('compares with a cached timestamp that is expired', () => {
    server.publish();
    client.refresh();
    server.now += 30 * 86_400_000;
    server.document('timestamp')['version'] = 0;
    server.publish();
    expect(refresh()).toBe('ROLLBACK');
  });
});

describe('T12: nothing is kept before all its checks', () => {
  it('T12 refuses a timestamp that rolls snapshot back, and takes the next good one', () => {
    server.publish();
    client.refresh();
    server.document('timestamp')['version'] = 7;
    map(server.document('timestamp'), 'meta', 'snapshot.json')['version'] = 1;
    server.write('timestamp');
    expect(refresh()).toBe('ROLLBACK');
    expect(client.cached('timestamp')).toBe(2);
    server.document('timestamp')['version'] = 2;
    server.publish();
    expect(refresh()).toBe('accepted');
    expect(client.cached('timestamp')).toBe(3);
  });

  it.each(['timestamp', 'snapshot', 'targets'])(
    'T12 keeps no expired %s, and takes the next good one',
    (role) => {
      client.refresh();
      server.publishAll();
      server.document(role)['expires'] = '2026-01-01T00:00:00Z';
      server.write(role);
      if (role === 'targets')
        map(server.document('snapshot'), 'meta')['targets.json'] = server.meta('targets');
      if (role !== 'timestamp') {
        server.write('snapshot');
        server.writeTimestamp();
      }
      expect(refresh()).toBe('EXPIRED');
      expect(client.cached(role)).toBe(1);
      server.publishAll();
      expect(refresh()).toBe('accepted');
      expect(client.cached(role)).toBe(3);
    },
  );
});

describe('T13: delegated roles in snapshot', () => {
  beforeEach(() => {
    server.delegate('targets', 'qa');
    server.publishAll();
    client.refresh();
    server.publish();
  });

  it('T13 refuses a lower entry of a delegated role', () => {
    map(server.document('snapshot'), 'meta', 'qa.json')['version'] = 1;
    server.write('snapshot');
    server.writeTimestamp();
    expect(refresh()).toBe('ROLLBACK');
  });

  it('T13 refuses an entry that is gone', () => {
    delete map(server.document('snapshot'), 'meta')['qa.json'];
    server.write('snapshot');
    server.writeTimestamp();
    expect(refresh()).toBe('ROLLBACK');
  });
});

describe('T23: high versions', () => {
  it.each([2 ** 31 - 1, 2 ** 32, 2 ** 53 - 2])('T23 goes on from version %i to the next', (version) => {
    server.document('targets')['version'] = version - 1;
    server.document('timestamp')['version'] = version - 1;
    server.document('snapshot')['version'] = version - 1;
    server.publishAll();
    client.refresh();
    server.publishAll();
    const state = client.refresh();
    const versions = [state.targets, state.snapshot, state.timestamp].map((role) => role.document.version);
    expect(versions).toEqual([version + 1, version + 1, version + 1]);
  });

  it('T23 refuses version 2^53', () => {
    server.next('targets');
    const bytes = new TextDecoder()
      .decode(server.bytes('targets'))
      .replace('"version":2', '"version":9007199254740992');
    server.files.set('2.targets.json', new TextEncoder().encode(bytes));
    map(server.document('snapshot'), 'meta')['targets.json'] = server.meta('targets');
    server.publish();
    expect(refresh()).toBe('MALFORMED');
  });
});

describe('T38: the same timestamp version with other content', () => {
  it('T38 keeps the old one silently and asks for nothing more', () => {
    client.refresh();
    const old = client.cache.get('timestamp');
    server.document('timestamp')['x-other'] = true;
    map(server.document('timestamp'), 'meta', 'snapshot.json')['version'] = 5;
    server.write('timestamp');
    expect(refresh()).toBe('accepted');
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json']);
    expect(client.writes).toEqual([]);
    expect(client.warnings).toEqual([]);
    expect(client.cache.get('timestamp')).toBe(old);
  });

  it('T38 still judges the expiry of the one it keeps', () => {
    client.refresh();
    client.now = server.now + 2 * 86_400_000;
    server.document('timestamp')['expires'] = '2027-01-01T00:00:00Z';
    server.write('timestamp');
    expect(refresh()).toBe('EXPIRED');
  });
});

describe('mix and match', () => {
  it.each(['snapshot', 'targets'])('refuses %s of another version than listed', (role) => {
    server.listHashes = false;
    server.next(role === 'snapshot' ? 'targets' : role);
    server.publish();
    server.document(role)['version'] = 9;
    server.files.set(role === 'snapshot' ? '2.snapshot.json' : '2.targets.json', server.seal(role));
    if (role === 'snapshot') {
      map(server.document('timestamp'), 'meta')['snapshot.json'] = { version: 2 };
      server.write('timestamp');
    }
    expect(refresh()).toBe('VERSION');
  });

  it.each(['snapshot', 'targets'])('refuses %s with other bytes than listed, before parsing them', (role) => {
    server.publishAll();
    const name = server.fileName(role);
    server.files.set(name, new Uint8Array(server.bytes(role).length));
    expect(refresh()).toBe('HASH_MISMATCH');
    server.files.set(name, new Uint8Array(server.bytes(role).length - 1));
    expect(refresh()).toBe('LENGTH_MISMATCH');
  });

  it('refuses a snapshot served as timestamp although the right keys signed it', () => {
    server.publish();
    server.files.set('timestamp.json', server.seal('snapshot'));
    expect(['THRESHOLD', 'WRONG_TYPE']).toContain(refresh());
    const keys = server.signers.get('timestamp') ?? [];
    server.signers.set('snapshot', keys);
    server.files.set('timestamp.json', server.seal('snapshot'));
    expect(refresh()).toBe('WRONG_TYPE');
    expect(client.cached('timestamp')).toBeUndefined();
  });
});
