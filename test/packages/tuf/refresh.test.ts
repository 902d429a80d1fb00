import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../support/tuf-client.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import { map, sealWith, TufSimulator } from '../../support/tuf-simulator.ts';

let server: TufSimulator;
let client: TufClient;

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
});

describe('refresh', () => {
  it('asks for the next root, timestamp, snapshot and targets, and nothing else', () => {
    const state = client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json']);
    expect(state.targets.document.targets.has('latest')).toBe(true);
    expect([...client.cache.keys()].sort()).toEqual(['root', 'snapshot', 'targets', 'timestamp']);
    expect(client.warnings).toEqual([]);
  });

  it('asks for nothing it has when nothing changed', () => {
    client.refresh();
    client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json']);
    expect(client.writes).toEqual([]);
  });

  it('asks only for what changed', () => {
    client.refresh();
    server.publish();
    client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json', '2.snapshot.json']);
    expect(client.writes).toEqual(['store timestamp', 'store snapshot']);
  });

  it('asks for the new version where snapshot lists versions alone', () => {
    server.listHashes = false;
    server.publishAll();
    client.refresh();
    server.publishAll();
    expect(client.refresh().targets.document.version).toBe(3);
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json', '3.snapshot.json', '3.targets.json']);
  });

  it('asks for plain names where snapshots are not consistent', () => {
    server = new TufSimulator({ consistent: false });
    server.delegate('targets', 'qa');
    server.target('qa', 'v1', 'x');
    server.publishAll();
    client = new TufClient(server);
    const state = client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json']);
    expect(client.lookUp('v1', state)?.chain).toHaveLength(2);
    expect(client.requests).toEqual(['qa.json']);
  });

  it('follows consistent_snapshot of the newest root', () => {
    server.document('root')['consistent_snapshot'] = false;
    server.next('root');
    server.publishAll();
    client.refresh();
    expect(client.requests).toEqual([
      '2.root.json',
      '3.root.json',
      'timestamp.json',
      'snapshot.json',
      'targets.json',
    ]);
  });

  it('keeps bytes as received, a trailing space too', () => {
    const bytes = Uint8Array.of(...server.bytes('timestamp'), 0x20);
    server.files.set('timestamp.json', bytes);
    expect(client.refresh().timestamp.envelope.bytes).toBe(bytes);
    expect(client.cache.get('timestamp')).toBe(bytes);
  });

  it.each(['timestamp', 'snapshot', 'targets'])(
    'refuses a repository without %s, and keeps what came before',
    (role) => {
      server.publishAll();
      server.files.delete(server.fileName(role));
      expect(codeOf(() => client.refresh())).toBe('MISSING');
      const before = { timestamp: 0, snapshot: 1, targets: 2 }[role];
      expect(['timestamp', 'snapshot', 'targets'].filter((name) => client.cache.has(name))).toHaveLength(
        before ?? -1,
      );
    },
  );

  it.each(['timestamp', 'snapshot', 'targets'])('replaces a cached %s that is damaged', (role) => {
    client.refresh();
    client.cache.set(role, new TextEncoder().encode('{'));
    expect(codeOf(() => client.refresh())).toBe('accepted');
    expect(client.warnings).toEqual([`CACHED_FILE_IGNORED ${role} MALFORMED`]);
    expect(client.cache.get(role)).toEqual(server.bytes(role));
  });

  it('says nothing about cached files whose keys were rotated', () => {
    client.refresh();
    for (const role of ['timestamp', 'snapshot', 'targets'] as const)
      server.setRole(role, [ed25519Key(`new ${role}`)]);
    server.next('root');
    server.publishAll();
    expect(codeOf(() => client.refresh())).toBe('accepted');
    expect(client.warnings).toEqual([]);
  });

  it('warns of a cached root that is not signed', () => {
    client.cache.set('root', sealWith(server.document('root'), []));
    expect(codeOf(() => client.refresh())).toBe('accepted');
    expect(client.warnings).toEqual(['CACHED_FILE_IGNORED root THRESHOLD']);
  });

  it.each(['snapshot', 'targets'])('replaces a cached %s with other bytes than listed', (role) => {
    client.refresh();
    const twin = sealWith({ ...server.document(role), 'x-other': true }, server.signers.get(role) ?? []);
    client.cache.set(role, twin);
    expect(codeOf(() => client.refresh())).toBe('accepted');
    expect(client.cache.get(role)).toEqual(server.bytes(role));
  });

  it('forgets nothing it trusted when a later step fails', () => {
    client.refresh();
    server.publishAll();
    const good = server.bytes('targets');
    server.files.set('2.targets.json', new Uint8Array(good.length));
    expect(codeOf(() => client.refresh())).toBe('HASH_MISMATCH');
    expect([client.cached('timestamp'), client.cached('snapshot'), client.cached('targets')]).toEqual([
      2, 2, 1,
    ]);
    server.files.set('2.targets.json', good);
    expect(codeOf(() => client.refresh())).toBe('accepted');
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json', '2.targets.json']);
  });

  it('never asks for more than the listed length, nor for more than its own cap', () => {
    server.publishAll();
    const limits = { snapshotBytes: 100 };
    expect(codeOf(() => client.refresh({ limits }))).toBe('LIMIT');
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json']);
    map(server.document('timestamp'), 'meta', 'snapshot.json')['length'] = 10;
    server.next('timestamp');
    expect(codeOf(() => client.refresh())).toBe('LENGTH_MISMATCH');
  });

  it('uses the time it was given for every check', () => {
    client.now = server.now + 86_400_000;
    expect(codeOf(() => client.refresh())).toBe('EXPIRED');
    client.now -= 1;
    expect(client.refresh().now).toBe(client.now);
  });
});
