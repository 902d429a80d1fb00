/** Attacks with good signatures in the wrong place or time. */
import { encodeCanonical } from '@vidimus/canonical-json';
import { tufDialect, verifyThreshold } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../../support/tuf-client.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import { DAY, START, TufSimulator } from '../../../support/tuf-simulator.ts';

const HOUR = 3_600_000;
let server: TufSimulator;
let client: TufClient;
const refresh = (input: Parameters<TufClient['refresh']>[0] = {}): string =>
  codeOf(() => client.refresh(input));

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
});

/** Another repository whose roles have the very keys of `server`. */
function twin(repository: string): TufSimulator {
  const other = new TufSimulator({ repository });
  for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const) {
    other.setRole(role, server.signers.get(role) ?? []);
  }
  other.next('root');
  other.publishAll();
  return other;
}

describe('T30: metadata of another repository or role', () => {
  it('T30 refuses a whole repository that has the same keys', () => {
    const other = twin('registry.example.com/team/other');
    const anchored = new TufClient(server, { anchor: { kind: 'root', bytes: other.bytes('root') } });
    expect(codeOf(() => anchored.refresh())).toBe('BINDING');
    expect(anchored.requests).toEqual([]);
  });

  it.each(['timestamp', 'snapshot', 'targets'])(
    'T30 refuses the %s of another repository with the same keys',
    (role) => {
      const other = twin('registry.example.com/team/other');
      if (role === 'timestamp') server.files.set('timestamp.json', other.bytes('timestamp'));
      else {
        server.listHashes = false;
        server.publishAll();
        server.files.set(server.fileName(role), other.bytes(role));
        if (role === 'snapshot') {
          server.document('timestamp')['meta'] = { 'snapshot.json': { version: 2 } };
          server.write('timestamp');
        }
      }
      expect(refresh()).toBe('BINDING');
      expect(client.cached(role)).toBeUndefined();
    },
  );

  it('T30 refuses a delegated role of another repository with the same key', () => {
    const keys = [ed25519Key('qa')];
    const other = twin('registry.example.com/team/other');
    for (const each of [server, other]) {
      each.delegate('targets', 'qa', { keys });
      each.listHashes = false;
      each.target('qa', 'v1', each.repository);
      each.publishAll();
    }
    server.files.set('2.qa.json', other.files.get('2.qa.json') ?? new Uint8Array());
    expect(codeOf(() => client.lookUp('v1'))).toBe('BINDING');
    expect(client.cached('qa')).toBeUndefined();
  });

  it('T30 refuses a role replayed under the name of another with the same key', () => {
    const keys = [ed25519Key('shared')];
    server.listHashes = false;
    server.delegate('targets', 'nightly', { keys, paths: ['n*'] });
    server.delegate('targets', 'release', { keys, paths: ['v*'] });
    server.target('nightly', 'v1', 'not for release');
    server.publishAll();
    server.files.set('2.release.json', server.bytes('nightly'));
    expect(codeOf(() => client.lookUp('v1'))).toBe('BINDING');
  });

  it('T30 refuses targets served as a delegated role with the same key', () => {
    server.listHashes = false;
    server.delegate('targets', 'qa', { keys: server.signers.get('targets') ?? [] });
    server.publishAll();
    server.files.set('2.qa.json', server.bytes('targets'));
    expect(codeOf(() => client.lookUp('v1'))).toBe('BINDING');
  });

  it.each(['x-vidimus-repository', 'x-vidimus-role', 'x-vidimus-issued'])(
    'T30 refuses targets without %s',
    (member) => {
      delete server.document('targets')[member];
      server.document('targets')['version'] = 2;
      server.write('targets');
      server.publish();
      expect(refresh()).toBe('BINDING');
      expect(refresh({ foreign: true })).toBe('accepted');
    },
  );

  it.each([
    ['x-vidimus-repository', 'registry.example.com/team/other'],
    ['x-vidimus-role', 'snapshot'],
  ])('T30 refuses another %s even in a foreign repository', (member, value) => {
    server.document('targets')[member] = value;
    server.document('targets')['version'] = 2;
    server.write('targets');
    server.publish();
    expect(refresh({ foreign: true })).toBe('BINDING');
  });

  it.each([
    ['x-vidimus-repository', 7],
    ['x-vidimus-role', null],
    ['x-vidimus-issued', 'yesterday'],
    ['x-vidimus-log', { size: -1, hash: 'a'.repeat(64) }],
    ['x-vidimus-log', { size: 1, hash: 'A'.repeat(64) }],
  ])('refuses %s that says %j', (member, value) => {
    server.document('timestamp')[member] = value;
    server.document('timestamp')['version'] = 2;
    server.write('timestamp');
    expect(refresh({ foreign: true })).toBe('MALFORMED');
  });
});

describe('T31: a signer signs what it was given', () => {
  it('T31 signs bytes made from the document in memory; neither reading nor sealing names a file', () => {
    const root = client.refresh().root.document;
    const message = tufDialect.encode({ ...root, version: 2 });
    const key = ed25519Key(`${server.repository} root`);
    const file = tufDialect.seal(message, [{ keyId: key.keyId, value: key.sign(message) }]);
    const envelope = tufDialect.open(file, file.length);
    expect(envelope.message).toEqual(message);
    expect(verifyThreshold(envelope, root.keys, root.roles.root).keyIds).toEqual([key.keyId]);
    expect(encodeCanonical(envelope.signed)).toEqual(message);
  });
});

describe('T40: a clock that is wrong', () => {
  it('T40 refuses what expired before the last time seen, though the clock was set back', () => {
    client.now = START + 2 * DAY;
    expect(refresh()).toBe('EXPIRED');
    client.now = START;
    expect(refresh({ lastSeenMs: START + 2 * DAY })).toBe('EXPIRED');
    expect(client.warnings).toEqual([`CLOCK_BEHIND ${START} ${START + 2 * DAY}`]);
    expect(client.cached('timestamp')).toBeUndefined();
  });

  it('T40 hands back the time to remember', () => {
    expect(client.refresh({ lastSeenMs: START - HOUR }).now).toBe(START);
    expect(client.refresh({ lastSeenMs: START + HOUR }).now).toBe(START + HOUR);
  });

  it('T40 judges delegated roles by the same time', () => {
    server.delegate('targets', 'qa');
    server.document('qa')['version'] = 2;
    server.document('qa')['expires'] = '2026-11-21T09:30:00Z';
    server.write('qa');
    server.next('targets');
    server.publish();
    expect(codeOf(() => client.lookUp('v1', client.refresh()))).toBe('accepted');
    const state = client.refresh({ lastSeenMs: START + HOUR });
    expect(codeOf(() => client.lookUp('v1', state))).toBe('EXPIRED');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses to run at %d', (now) => {
    expect(() => client.refresh({ now })).toThrow(TypeError);
  });
});

describe('lifetime of the timestamp', () => {
  const issue = (issued: number, expires: number): void => {
    server.next('timestamp');
    server.now = issued;
    server.document('timestamp')['x-vidimus-issued'] = new Date(issued).toISOString().replace('.000Z', 'Z');
    server.document('timestamp')['expires'] = new Date(expires).toISOString().replace('.000Z', 'Z');
    server.write('timestamp');
  };

  it('refuses one issued more than five minutes in the future', () => {
    client.now = START;
    issue(START + 5 * 60_000 + 1000, START + DAY);
    expect(refresh()).toBe('LIFETIME');
    expect(client.cached('timestamp')).toBeUndefined();
    issue(START + 5 * 60_000, START + DAY);
    expect(refresh()).toBe('accepted');
  });

  it('refuses one that lives longer than the anchor allows', () => {
    issue(START, START + 7 * DAY + 1000);
    expect(refresh({ maxTimestampLifetimeMs: 7 * DAY })).toBe('LIFETIME');
    expect(refresh()).toBe('accepted');
    issue(START, START + 7 * DAY);
    client.cache.clear();
    expect(refresh({ maxTimestampLifetimeMs: 7 * DAY })).toBe('accepted');
  });

  it('takes what is left of the life where a foreign timestamp does not say when it was issued', () => {
    issue(START, START + 8 * DAY);
    delete server.document('timestamp')['x-vidimus-issued'];
    server.write('timestamp');
    expect(refresh({ foreign: true, maxTimestampLifetimeMs: 7 * DAY })).toBe('LIFETIME');
    client.now = START + DAY;
    expect(refresh({ foreign: true, maxTimestampLifetimeMs: 7 * DAY })).toBe('accepted');
  });

  it('judges the cached one it keeps, too', () => {
    issue(START, START + 10 * DAY);
    expect(refresh()).toBe('accepted');
    expect(refresh({ maxTimestampLifetimeMs: DAY })).toBe('LIFETIME');
  });
});
