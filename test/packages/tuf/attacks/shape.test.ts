/** Attacks by files of the wrong shape or size: a clean error, in bounded time, before anything is believed. */
import { encodeJson } from '@vidimus/canonical-json';
import { DEFAULT_LIMITS, type DocumentKind, TufError, tufDialect, verifyTargetFile } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../../support/tuf-client.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import {
  copyMap,
  define,
  type Json,
  type JsonMap,
  map,
  type Spoil,
  sealWith,
  TufSimulator,
} from '../../../support/tuf-simulator.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const kinds: readonly DocumentKind[] = ['root', 'timestamp', 'snapshot', 'targets'];

/** A repository that uses every part of the format. */
function richServer(): TufSimulator {
  const server = new TufSimulator();
  server.delegate('targets', 'qa', { paths: ['v*'] });
  server.delegate('targets', 'hashed', { prefixes: ['0a', 'ff'] });
  map(server.document('targets'), 'targets', 'latest')['custom'] = { mediaType: 'x' };
  map(server.document('timestamp'))['x-vidimus-log'] = { size: 1, hash: 'a'.repeat(64) };
  server.publishAll();
  return server;
}

/** All places inside a value, each as the steps to it. */
function* places(value: Json, path: readonly string[] = []): Generator<readonly string[]> {
  yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) yield* places(member, [...path, name]);
}

function replaceAt(value: Json, [first, ...rest]: readonly string[], replacement: Json): Json {
  if (first === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((entry, index) =>
      String(index) === first ? replaceAt(entry, rest, replacement) : entry,
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  const copy = copyMap(value);
  define(copy, first, replaceAt(copy[first] ?? null, rest, replacement));
  return copy;
}

describe('T21: valid JSON of the wrong shape', () => {
  const server = richServer();
  const wrong: readonly Json[] = [null, [], {}, 7, -1, 'x', true, [null], { x: null }];

  it.each(kinds)(
    'T21 answers with a TufError and nothing else wherever a %s file has another shape',
    (kind) => {
      let refused = 0;
      const file: Json = JSON.parse(new TextDecoder().decode(server.bytes(kind)));
      for (const place of places(file)) {
        for (const replacement of wrong) {
          const bytes = encodeJson(replaceAt(file, place, replacement));
          try {
            tufDialect.decode(kind, tufDialect.open(bytes, 1e6));
          } catch (error) {
            if (!(error instanceof TufError)) throw new Error(`at ${place.join('.')}: ${String(error)}`);
            expect(['MALFORMED', 'WRONG_TYPE']).toContain(error.code);
            refused += 1;
          }
        }
      }
      expect(refused).toBeGreaterThan(100);
    },
  );

  it.each(kinds)('T21 refuses a %s in which any needed member is missing', (kind) => {
    const needed: Readonly<Record<DocumentKind, readonly string[]>> = {
      root: ['keys', 'roles'],
      timestamp: ['meta'],
      snapshot: ['meta'],
      targets: ['targets'],
    };
    for (const name of ['_type', 'spec_version', 'version', 'expires', ...needed[kind]]) {
      const signed = copyMap(server.document(kind));
      delete signed[name];
      expect(codeOf(() => tufDialect.decode(kind, tufDialect.open(sealWith(signed, []), 1e6)))).toBe(
        'MALFORMED',
      );
    }
  });

  it('T21 keeps the trusted state of a client that meets such a file', () => {
    const client = new TufClient(server);
    client.refresh();
    server.publish();
    server.next('timestamp', (file) => {
      define(file, 'signed', []);
    });
    expect(codeOf(() => client.refresh())).toBe('MALFORMED');
    expect(client.writes).toEqual([]);
  });
});

describe('the envelope', () => {
  const server = new TufSimulator();
  const open = (spoil: Spoil): string => codeOf(() => tufDialect.open(server.seal('targets', spoil), 1e6));

  it.each([
    ['an unknown member', (file: JsonMap) => define(file, 'x', 1)],
    ['no signatures', (file: JsonMap) => Reflect.deleteProperty(file, 'signatures')],
    ['no signed part', (file: JsonMap) => Reflect.deleteProperty(file, 'signed')],
    ['a signature without key id', (file: JsonMap) => define(file, 'signatures', [{ sig: '00' }])],
  ])('T24 refuses %s', (_what, spoil) => {
    expect(open(spoil)).toBe('MALFORMED');
  });

  it('tolerates unknown members of a signature', () => {
    expect(open((file) => Object.assign(file.signatures[0] ?? {}, { bundle: {} }))).toBe('accepted');
  });

  it('T24 refuses what follows the file, but for white space', () => {
    const bytes = new TextDecoder().decode(server.bytes('targets'));
    expect(codeOf(() => tufDialect.open(utf8(`${bytes} \n`), 1e6))).toBe('accepted');
    expect(codeOf(() => tufDialect.open(utf8(`${bytes}{}`), 1e6))).toBe('MALFORMED');
  });

  it.each(['<html>Sign in</html>', '', '\u0000', '{"signed":{},"signed":{},"signatures":[]}', '\ufeff{}'])(
    'T41 refuses %j, as a proxy or login page might answer',
    (text) => {
      expect(codeOf(() => tufDialect.open(utf8(text), 1e6))).toBe('MALFORMED');
    },
  );
});

describe('T26: hashes of targets', () => {
  const target = (hashes: readonly (readonly [string, string])[]) => {
    return { path: 'latest', length: 3, hashes: new Map(hashes) };
  };
  const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  const sha512 =
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f';
  const verify = (hashes: readonly (readonly [string, string])[], bytes = 'abc'): string =>
    codeOf(() => verifyTargetFile(target(hashes), utf8(bytes)));

  it('T26 refuses a file when any of two listed hashes is wrong', () => {
    expect(
      verify([
        ['sha256', sha256],
        ['sha512', 'a'.repeat(128)],
      ]),
    ).toBe('HASH_MISMATCH');
    expect(
      verify([
        ['sha256', 'a'.repeat(64)],
        ['sha512', sha512],
      ]),
    ).toBe('HASH_MISMATCH');
    expect(
      verify([
        ['sha256', sha256],
        ['sha512', sha512],
      ]),
    ).toBe('accepted');
  });

  it('refuses a file when no listed hash is of a known algorithm', () => {
    expect(verify([['md5', '900150983cd24fb0d6963f7d28e17f72']])).toBe('HASH_MISMATCH');
    expect(
      verify([
        ['md5', 'anything'],
        ['sha256', sha256],
      ]),
    ).toBe('accepted');
  });

  it('refuses another length, before any hash', () => {
    expect(verify([['sha256', sha256]], 'abcd')).toBe('LENGTH_MISMATCH');
  });

  it.each([{}, { sha256: 'AB' }, { sha256: 'A'.repeat(64) }, { sha512: 'a'.repeat(64) }, { sha256: 7 }])(
    'refuses metadata with hashes %j',
    (hashes) => {
      const server = new TufSimulator();
      map(server.document('targets'), 'targets', 'latest')['hashes'] = hashes;
      server.publishAll();
      expect(codeOf(() => new TufClient(server).refresh())).toBe('MALFORMED');
    },
  );

  it('T26 refuses metadata of which one of two listed hashes is wrong', () => {
    const server = new TufSimulator();
    map(server.document('timestamp'), 'meta', 'snapshot.json', 'hashes')['sha512'] = 'a'.repeat(128);
    server.next('timestamp');
    expect(codeOf(() => new TufClient(server).refresh())).toBe('HASH_MISMATCH');
  });
});

describe('T32: huge numbers', () => {
  it.each([`1${'0'.repeat(1_000_000)}`, `0.${'1'.repeat(1_000_000)}`, '1e999999999', '-0', '01'])(
    'T32 refuses a number as long as it is wrong',
    (number) => {
      const text = `{"signatures":[],"signed":{"version":${number}}}`;
      expect(codeOf(() => tufDialect.open(utf8(text), 1e8))).toBe('MALFORMED');
    },
  );
});

describe('T33: unbounded collections', () => {
  const server = new TufSimulator();
  const repeated = (entry: (index: number) => string, count: number): string =>
    Array.from({ length: count }, (_, index) => entry(index)).join(',');

  it('T33 refuses 100,000 signatures', () => {
    const entries = repeated((index) => `{"keyid":"${index}","sig":""}`, 100_000);
    const bytes = utf8(`{"signatures":[${entries}],"signed":{}}`);
    expect(codeOf(() => tufDialect.open(bytes, 1e8))).toBe('LIMIT');
  });

  it('T33 refuses 40,000 delegations', () => {
    const role = (index: number) =>
      `{"keyids":[],"name":"r${index}","paths":[],"terminating":false,"threshold":1}`;
    const text = new TextDecoder().decode(server.seal('targets'));
    const bytes = utf8(
      text.replace(
        '"targets":{',
        `"delegations":{"keys":{},"roles":[${repeated(role, 40_000)}]},"targets":{`,
      ),
    );
    const envelope = tufDialect.open(bytes, 1e8);
    expect(codeOf(() => tufDialect.decode('targets', envelope))).toBe('LIMIT');
  });

  it('T33 refuses a million values that say nothing', () => {
    expect(codeOf(() => tufDialect.open(utf8(`{"x":[${'0,'.repeat(4_200_000)}0]}`), 1e8))).toBe('LIMIT');
  });

  it('T33 refuses nesting without end', () => {
    expect(codeOf(() => tufDialect.open(utf8('['.repeat(100_000)), 1e8))).toBe('LIMIT');
    expect(codeOf(() => tufDialect.open(utf8('{"a":'.repeat(100_000)), 1e8))).toBe('LIMIT');
  });

  it.each(kinds)('T33 refuses a %s file over its limit, even when a driver hands it over', (kind) => {
    const broken = new TufSimulator();
    const size = DEFAULT_LIMITS[`${kind}Bytes`];
    // A body of the largest targets file is not needed to show its limit.
    const limits = { targetsBytes: 10_000 };
    const most = kind === 'targets' ? limits.targetsBytes : size;
    broken.listHashes = false;
    broken.next(kind, (file) => {
      file.signatures.push({ keyid: 'x', sig: '', x: 'x'.repeat(most) });
    });
    if (kind === 'snapshot') map(broken.document('timestamp'), 'meta')['snapshot.json'] = { version: 2 };
    if (kind === 'snapshot') broken.next('timestamp');
    if (kind === 'targets') broken.publish();
    expect(codeOf(() => new TufClient(broken).refresh({ limits }))).toBe('LIMIT');
  });

  it('T33 admits only keys whose signatures are there, however many are listed', () => {
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      keytype: 'ed25519',
      scheme: 'ed25519',
      keyval: { public: index.toString(16).padStart(64, '0') },
    }));
    const broken = new TufSimulator();
    broken.delegate('targets', 'qa', { keys: [ed25519Key('qa')] });
    const keys = map(broken.document('targets'), 'delegations', 'keys');
    for (const declared of many) keys[tufDialect.toKey(declared).keyId] = declared;
    broken.target('qa', 'v1', 'x');
    broken.publishAll();
    const found = new TufClient(broken).lookUp('v1');
    expect(found?.chain.at(-1)?.keyIds).toEqual([ed25519Key('qa').keyId]);
  });
});

describe('T37: dates that never come', () => {
  const dates = [
    'never',
    '',
    '2030-01-01',
    '2030-01-01T00:00:00.5Z',
    '2030-01-01T00:00:00+00:00',
    '2030-01-01T00:00:00',
    '2030-01-01 00:00:00Z',
    '2030-02-30T00:00:00Z',
    '2030-13-01T00:00:00Z',
    '2030-01-01T24:00:00Z',
    '2030-01-01T00:00:60Z',
    '+12030-01-01T00:00:00Z',
    '2030-01-01T00:00:00Z ',
    '２030-01-01T00:00:00Z',
  ];

  it.each(dates.flatMap((date) => kinds.map((kind) => [date, kind] as const)))(
    'T37 refuses %j as expiry of %s',
    (date, kind) => {
      const signed = { ...copyMap(new TufSimulator().document(kind)), expires: date };
      expect(codeOf(() => tufDialect.decode(kind, tufDialect.open(sealWith(signed, []), 1e6)))).toBe(
        'MALFORMED',
      );
    },
  );
});
