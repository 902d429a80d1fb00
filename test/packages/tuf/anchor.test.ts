import type { Anchor } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../support/tuf-client.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import { TufSimulator } from '../../support/tuf-simulator.ts';

const one = ed25519Key('one');
const two = ed25519Key('two');
const three = ed25519Key('three');

let server: TufSimulator;
const pinned = (keys: readonly { readonly keyId: string }[], threshold = 1): TufClient => {
  const anchor: Anchor = { kind: 'keyIds', keyIds: keys.map((key) => key.keyId), threshold };
  return new TufClient(server, { anchor });
};

beforeEach(() => {
  server = new TufSimulator();
});

describe('an anchor by certificates', () => {
  it.each<Anchor>([
    { kind: 'certificates', certIds: [one.keyId] },
    { kind: 'authority', caPem: '' },
  ])('is none in a dialect whose root keys are no certificates: $kind', (anchor) => {
    expect(codeOf(() => new TufClient(server, { anchor }).refresh())).toBe('ANCHOR');
  });
});

describe('an anchor of pinned root keys', () => {
  const [first] = new TufSimulator().signers.get('root') ?? [];
  if (first === undefined) throw new Error('no root key');

  it('accepts a first root that the pinned key signed, and keeps it', () => {
    const client = pinned([first]);
    expect(client.refresh().roots).toHaveLength(1);
    expect(client.requests.slice(0, 2)).toEqual(['1.root.json', '2.root.json']);
    client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json']);
  });

  it('refuses a repository none of whose roots the pinned key signed', () => {
    server.next('root');
    const client = pinned([one]);
    expect(codeOf(() => client.refresh())).toBe('ANCHOR');
    expect(client.writes).toEqual([]);
  });

  it('refuses fewer pinned keys than the threshold', () => {
    expect(codeOf(() => pinned([first, one], 2).refresh())).toBe('ANCHOR');
  });

  it('does not count a pinned key that the root role does not name', () => {
    const timestamp = server.signers.get('timestamp') ?? [];
    expect(codeOf(() => pinned(timestamp).refresh())).toBe('ANCHOR');
  });

  it.each([0, -1, 1.5, 2, Number.NaN])('refuses a pin of one key with threshold %d', (threshold) => {
    expect(codeOf(() => pinned([first], threshold).refresh())).toBe('ANCHOR');
  });

  it('counts a key id once that is pinned twice', () => {
    expect(codeOf(() => pinned([first, first], 2).refresh())).toBe('ANCHOR');
  });

  it('starts at the root that the pinned keys signed where keys were rotated before', () => {
    server.setRole('root', [one]);
    server.next('root');
    server.setRole('root', [two, three], 2);
    server.next('root');
    const client = pinned([two, three], 2);
    expect(client.refresh().roots.map((root) => root.document.version)).toEqual([3]);
    client.refresh();
    expect(client.requests[0]).toBe('4.root.json');
  });

  it('finds the pinned root in the cache when keys were rotated since', () => {
    const client = pinned([first]);
    client.refresh();
    for (const key of [one, two]) {
      server.setRole('root', [key]);
      server.next('root');
    }
    expect(client.refresh().roots.map((root) => root.document.version)).toEqual([1, 2, 3]);
    expect(client.refresh().roots.map((root) => root.document.version)).toEqual([1, 2, 3]);
    expect(client.requests).toEqual(['4.root.json', 'timestamp.json']);
  });

  it('refuses too many roots before one that the pinned keys signed', () => {
    for (let n = 0; n < 4; n++) server.next('root');
    expect(codeOf(() => pinned([one]).refresh({ limits: { rootRotations: 2 } }))).toBe('LIMIT');
  });

  it('refuses a first root served under another version', () => {
    server.next('root');
    server.files.set('1.root.json', server.bytes('root'));
    expect(codeOf(() => pinned([first]).refresh())).toBe('VERSION');
  });
});

describe('an anchor of first use', () => {
  let client: TufClient;
  beforeEach(() => {
    client = new TufClient(server, { anchor: { kind: 'firstUse' } });
  });

  it('takes version 1 from the server once, and keeps it', () => {
    expect(client.refresh().roots).toHaveLength(1);
    expect(client.requests.slice(0, 2)).toEqual(['1.root.json', '2.root.json']);
    client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json']);
  });

  it('refuses another repository under the name from then on', () => {
    client.refresh();
    const other = new TufSimulator();
    other.setRole('root', [one]);
    other.document('root')['version'] = 1;
    other.write('root');
    other.next('root');
    for (const [name, bytes] of other.files) server.files.set(name, bytes);
    expect(codeOf(() => client.refresh())).toBe('THRESHOLD');
  });

  it('never falls back to the server when what it kept is damaged', () => {
    client.refresh();
    client.cache.set('1.root', new TextEncoder().encode('damaged'));
    expect(codeOf(() => client.refresh())).toBe('MALFORMED');
    expect(client.requests).toEqual([]);
  });

  it('refuses a repository without a first root, and one whose first root is no version 1', () => {
    server.next('root');
    server.files.set('1.root.json', server.bytes('root'));
    expect(codeOf(() => client.refresh())).toBe('VERSION');
    server.files.delete('1.root.json');
    expect(codeOf(() => client.refresh())).toBe('MISSING');
    expect(client.cache.size).toBe(0);
  });
});
