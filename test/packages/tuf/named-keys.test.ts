import type { Anchor, NamedKeys } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../support/tuf-client.ts';
import { ed25519Key, type TestKey } from '../../support/tuf-keys.ts';
import { TufSimulator } from '../../support/tuf-simulator.ts';

const one = ed25519Key('one');
const two = ed25519Key('two');
let server: TufSimulator;
let first: TestKey;

const named = (keys: readonly TestKey[], from?: NamedKeys['from'], threshold = 1): Anchor => ({
  kind: 'named',
  keyIds: keys.map(({ keyId }) => keyId),
  threshold,
  ...(from && { from }),
});
const rootOne = (): NamedKeys['from'] => ({
  kind: 'root',
  bytes: server.files.get('1.root.json') ?? new Uint8Array(),
});
const rotate = (...keys: readonly TestKey[]): void => {
  server.setRole('root', keys);
  server.next('root');
};
const versions = (client: TufClient): readonly number[] =>
  client.refresh().roots.map(({ document }) => document.version);

beforeEach(() => {
  server = new TufSimulator();
  const [key] = server.signers.get('root') ?? [];
  if (key === undefined) throw new Error('no root key');
  first = key;
});

describe('keys that the directory names', () => {
  it('are met by the first root that they signed, where nothing was taken up before', () => {
    expect(versions(new TufClient(server, { anchor: named([first]) }))).toEqual([1]);
    rotate(two);
    expect(versions(new TufClient(server, { anchor: named([two]) }))).toEqual([2]);
  });

  it('are not met by a repository with other keys, which leaves nothing in the cache', () => {
    const client = new TufClient(server, { anchor: named([one]) });
    expect(codeOf(() => client.refresh())).toBe('ANCHOR');
    expect(client.writes).toEqual([]);
    const walking = new TufClient(server, { anchor: named([one], rootOne()) });
    rotate(two);
    expect(codeOf(() => walking.refresh())).toBe('ANCHOR');
    expect(walking.writes).toEqual([]);
  });

  it('may have signed the newest root or any in the chain from where it began', () => {
    rotate(one);
    rotate(two);
    for (const keys of [[first], [one], [two]]) {
      expect(versions(new TufClient(server, { anchor: named(keys, rootOne()) }))).toEqual([1, 2, 3]);
    }
  });

  it('do not replace the chain: a root that only they signed is refused', () => {
    const client = new TufClient(server, { anchor: named([first], rootOne()) });
    client.refresh();
    const other = new TufSimulator();
    other.setRole('root', [one]);
    other.document('root')['version'] = 2;
    other.files.set(
      '2.root.json',
      other.seal('root', (file) => file.signatures.splice(1)),
    );
    server.files.set('2.root.json', other.files.get('2.root.json') ?? new Uint8Array());
    client.anchor = named([one], rootOne());
    expect(codeOf(() => client.refresh({ anchor: client.anchor }))).toBe('THRESHOLD');
  });

  it('count by their threshold', () => {
    expect(codeOf(() => new TufClient(server, { anchor: named([first, one], undefined, 2) }).refresh())).toBe(
      'ANCHOR',
    );
    rotate(one, two);
    expect(versions(new TufClient(server, { anchor: named([one, two], undefined, 2) }))).toEqual([2]);
  });

  it('that changed are met as soon as the chain goes on to them, and what did not lead there is not in the way', () => {
    const client = new TufClient(server, { anchor: named([first], rootOne()) });
    client.refresh();
    const stolen = new TufSimulator();
    stolen.setRole('root', [two]);
    stolen.next('root');
    const honest = server.files;
    const before = new Map(honest);
    honest.set('2.root.json', stolen.bytes('root'));
    const anchor = named([one], rootOne());
    expect(codeOf(() => client.refresh({ anchor }))).toBe('ANCHOR');
    expect(client.cached('2.root')).toBeUndefined();
    for (const [name, bytes] of before) honest.set(name, bytes);
    rotate(one);
    expect(client.refresh({ anchor }).roots.map(({ document }) => document.version)).toEqual([1, 2]);
  });
});
