/** Attacks on the search through delegations. */
import { loadDelegated } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../../support/tuf-client.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import { item, map, TufSimulator } from '../../../support/tuf-simulator.ts';

let server: TufSimulator;
let client: TufClient;
const rolesTo = (path: string): string[] | undefined => client.lookUp(path)?.chain.map((link) => link.role);
const lookUp = (path: string): string => codeOf(() => client.lookUp(path));

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
});

describe('T14: terminating delegations', () => {
  beforeEach(() => {
    server.delegate('targets', 'first', { paths: ['v*'], terminating: true });
    server.delegate('targets', 'second', { paths: ['*'] });
    server.target('second', 'v1', 'x');
    server.target('second', 'w1', 'x');
    server.publishAll();
  });

  it('T14 refuses a target that only a role after a terminating one lists', () => {
    expect(rolesTo('v1')).toBeUndefined();
    expect(client.requests).not.toContain('2.second.json');
  });

  it('T14 still finds what the terminating delegation does not cover', () => {
    expect(rolesTo('w1')).toEqual(['targets', 'second']);
  });

  it('T14 ends the whole search, not the subtree alone', () => {
    server.delegate('first', 'deep', { paths: ['v*'], terminating: true });
    item(map(server.document('targets'), 'delegations'), 'roles', 0)['terminating'] = false;
    server.publishAll();
    expect(rolesTo('v1')).toBeUndefined();
  });
});

describe('T15: order', () => {
  it('T15 resolves a conflict by priority, going deep first', () => {
    server.delegate('targets', 'a');
    server.delegate('targets', 'b');
    server.delegate('a', 'c');
    server.target('b', 'v1', 'from b');
    server.target('c', 'v1', 'from c');
    server.publishAll();
    expect(rolesTo('v1')).toEqual(['targets', 'a', 'c']);
    expect(client.requests).toEqual(['2.a.json', '2.c.json']);
  });

  it('T15 prefers what a role lists itself to what it delegates', () => {
    server.delegate('targets', 'a');
    server.target('a', 'latest', 'other');
    server.publishAll();
    expect(rolesTo('latest')).toEqual(['targets']);
  });

  it('T15 refuses to go past a role that cannot be verified', () => {
    server.delegate('targets', 'a');
    server.delegate('targets', 'b');
    server.target('b', 'v1', 'x');
    server.signers.set('a', [ed25519Key('thief')]);
    server.publishAll();
    expect(lookUp('v1')).toBe('THRESHOLD');
  });
});

describe('T16: cycles', () => {
  it('T16 ends a cycle of two roles', () => {
    server.delegate('targets', 'a');
    server.delegate('a', 'b');
    server.delegate('b', 'a', { keys: server.signers.get('a') ?? [] });
    server.publishAll();
    expect(rolesTo('v1')).toBeUndefined();
    expect(client.requests).toEqual(['2.a.json', '2.b.json']);
  });

  it('T16 ends a role that delegates to itself', () => {
    server.delegate('targets', 'a');
    server.delegate('a', 'a', { keys: server.signers.get('a') ?? [] });
    server.publishAll();
    expect(rolesTo('v1')).toBeUndefined();
  });

  it('T16 ends a cycle of 40 roles at the limit', () => {
    for (let n = 0; n < 40; n++) server.delegate(n === 0 ? 'targets' : `r${n - 1}`, `r${n}`);
    server.delegate('r39', 'r0', { keys: server.signers.get('r0') ?? [] });
    server.publishAll();
    expect(lookUp('v1')).toBe('LIMIT');
    expect(client.requests).toHaveLength(32);
  });

  it('finds a target in the 32nd delegated role', () => {
    for (let n = 1; n <= 32; n++) server.delegate('targets', `r${n}`);
    server.target('r32', 'v1', 'x');
    server.publishAll();
    expect(rolesTo('v1')).toEqual(['targets', 'r32']);
  });
});

describe('T17: a role reached by two parents', () => {
  const mine = ed25519Key('mine');
  const theirs = ed25519Key('theirs');

  /** targets -> a -> shared (key of a), targets -> b -> shared (key of b); only one of the keys signs. */
  const diamond = (signer = mine, threshold = 1): void => {
    server.delegate('targets', 'a', { paths: ['x*'] });
    server.delegate('targets', 'b', { paths: ['y*'] });
    server.delegate('a', 'shared', { keys: [mine], paths: ['*'] });
    server.delegate('b', 'shared', { keys: [theirs, mine].slice(0, threshold), threshold, paths: ['*'] });
    server.signers.set('shared', [signer]);
    server.target('shared', 'x1', 'x');
    server.target('shared', 'y1', 'y');
    server.publishAll();
  };

  it('T17 refuses under the second parent what only the first parent key signed', () => {
    diamond();
    const state = client.refresh();
    expect(client.lookUp('x1', state)?.chain.map((link) => link.role)).toEqual(['targets', 'a', 'shared']);
    expect(client.cached('shared')).toBe(2);
    expect(codeOf(() => client.lookUp('y1', state))).toBe('THRESHOLD');
  });

  it('T17 refuses it in the same order for a client that starts with the second', () => {
    diamond();
    expect(lookUp('y1')).toBe('THRESHOLD');
    expect(rolesTo('x1')).toEqual(['targets', 'a', 'shared']);
  });

  it('T17 refuses under a parent with a higher threshold', () => {
    diamond(mine, 2);
    const state = client.refresh();
    client.lookUp('x1', state);
    expect(codeOf(() => client.lookUp('y1', state))).toBe('THRESHOLD');
  });

  it('T17 verifies a role for each parent within one search', () => {
    server.delegate('targets', 'a');
    server.delegate('targets', 'b');
    server.delegate('a', 'shared', { keys: [mine] });
    server.delegate('b', 'shared', { keys: [theirs] });
    server.signers.set('shared', [mine]);
    server.publishAll();
    expect(lookUp('v1')).toBe('THRESHOLD');
  });

  it('T17 applies the paths of the parent at hand', () => {
    server.delegate('targets', 'a', { paths: ['x*'] });
    server.delegate('targets', 'b', { paths: ['*'] });
    server.delegate('a', 'shared', { keys: [mine], paths: ['*'] });
    server.delegate('b', 'shared', { keys: [mine], paths: ['y*'] });
    server.target('shared', 'z1', 'z');
    server.target('shared', 'x1', 'x');
    server.publishAll();
    expect(rolesTo('z1')).toBeUndefined();
    expect(rolesTo('x1')).toEqual(['targets', 'a', 'shared']);
  });

  it('T17 credits the keys of the parent at hand', () => {
    server.delegate('targets', 'a', { paths: ['x*'] });
    server.delegate('targets', 'b', { paths: ['y*'] });
    server.delegate('a', 'shared', { keys: [mine] });
    server.delegate('b', 'shared', { keys: [theirs] });
    server.target('shared', 'x1', 'x');
    server.target('shared', 'y1', 'y');
    server.publishAll();
    expect(client.lookUp('x1')?.chain.at(-1)?.keyIds).toEqual([mine.keyId]);
    expect(client.lookUp('y1')?.chain.at(-1)?.keyIds).toEqual([theirs.keyId]);
  });
});

describe('paths of the whole chain', () => {
  it('refuses a target that the last delegation covers and an earlier one does not', () => {
    server.delegate('targets', 'a', { paths: ['x*'] });
    server.delegate('a', 'b', { paths: ['*'] });
    server.target('b', 'v1', 'x');
    server.publishAll();
    expect(rolesTo('v1')).toBeUndefined();
  });

  it('refuses to guess at a pattern on which clients disagree', () => {
    server.delegate('targets', 'a', { paths: ['[v]1'] });
    server.publishAll();
    expect(lookUp('v1')).toBe('MALFORMED');
  });
});

describe('T18: files of delegated roles', () => {
  beforeEach(() => {
    server.delegate('targets', 'qa');
    server.target('qa', 'v1', 'x');
    server.publishAll();
  });

  it('T18 refuses an expired one and does not cache it', () => {
    server.document('qa')['expires'] = '2026-01-01T00:00:00Z';
    server.write('qa');
    server.publish();
    expect(lookUp('v1')).toBe('EXPIRED');
    expect(client.cached('qa')).toBeUndefined();
  });

  it('T18 refuses one that expired in the cache', () => {
    expect(rolesTo('v1')).toBeDefined();
    server.now += 40 * 86_400_000;
    server.next('root');
    server.next('targets');
    server.publish();
    expect(lookUp('v1')).toBe('EXPIRED');
  });

  it('T18 refuses other bytes of the same length', () => {
    server.files.set('2.qa.json', new Uint8Array(server.bytes('qa').length));
    expect(lookUp('v1')).toBe('HASH_MISMATCH');
    expect(client.cached('qa')).toBeUndefined();
  });

  it('T18 refuses another length', () => {
    server.files.set('2.qa.json', server.bytes('qa').subarray(1));
    expect(lookUp('v1')).toBe('LENGTH_MISMATCH');
    expect(client.cached('qa')).toBeUndefined();
  });

  it('T18 refuses another version than snapshot lists', () => {
    server.listHashes = false;
    server.publish();
    server.document('qa')['version'] = 1;
    server.files.set('2.qa.json', server.seal('qa'));
    expect(lookUp('v1')).toBe('VERSION');
    expect(client.cached('qa')).toBeUndefined();
  });

  it('T18 refuses a cached file that snapshot no longer lists, and takes the new one', () => {
    expect(rolesTo('v1')).toBeDefined();
    server.target('qa', 'v1', 'changed');
    server.publishAll();
    expect(client.lookUp('v1')?.chain.at(-1)?.version).toBe(3);
    expect(client.cached('qa')).toBe(3);
  });

  it('T18 refuses a file that is listed and missing', () => {
    server.files.delete('2.qa.json');
    expect(lookUp('v1')).toBe('MISSING');
  });

  it('T18 refuses a listed length over the limit without asking for it', () => {
    map(server.document('snapshot'), 'meta', 'qa.json')['length'] = 2 ** 40;
    server.next('snapshot');
    server.document('timestamp')['version'] = 9;
    server.writeTimestamp();
    expect(lookUp('v1')).toBe('LIMIT');
    expect(client.requests).toEqual([]);
  });
});

describe('T22: a role that is delegated but not in snapshot', () => {
  it('T22 refuses cleanly, without asking for it', () => {
    server.delegate('targets', 'qa');
    server.next('targets');
    server.documents.delete('qa');
    delete map(server.document('snapshot'), 'meta')['qa.json'];
    server.publish();
    expect(lookUp('v1')).toBe('ROLE_UNKNOWN');
    expect(client.requests).toEqual([]);
    expect(codeOf(() => client.lookUpRole('qa'))).toBe('ROLE_UNKNOWN');
  });
});

describe('T35: roles outside the delegation', () => {
  it('T35 refuses to load a role for a delegator that does not name it', () => {
    server.delegate('targets', 'a');
    server.delegate('a', 'b');
    server.publishAll();
    const state = client.refresh();
    expect(codeOf(() => client.run(loadDelegated(state, state.targets, 'b')))).toBe('ROLE_UNKNOWN');
    expect(client.lookUpRole('b', state)).toBeUndefined();
  });

  it.each([
    'bin-zz',
    'bin-4',
    'bin-00',
    'bin-',
    'bin',
    'bin--1',
    'BIN-0',
    'bin-0x',
    'bin-0/1',
    'other-0',
    'targets',
  ])('T35 refuses %s as a bin', (name) => {
    server.bins('targets', 'bin', 2, [ed25519Key('bins')]);
    server.publishAll();
    const state = client.refresh();
    expect(codeOf(() => client.run(loadDelegated(state, state.targets, name)))).toBe('ROLE_UNKNOWN');
    expect(client.requests).toEqual([]);
  });

  it('loads a bin by its name', () => {
    server.bins('targets', 'bin', 2, [ed25519Key('bins')]);
    server.publishAll();
    expect(client.lookUpRole('bin-3')?.role).toBe('bin-3');
  });
});

describe('T36: names of the prototype', () => {
  const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];

  it.each(names)('T36 refuses %s when it is absent', (name) => {
    server.delegate('targets', 'qa');
    server.publishAll();
    expect(rolesTo(name)).toBeUndefined();
  });

  it.each(names)('T36 finds %s when it is there', (name) => {
    server.target('targets', name, `content of ${name}`);
    server.publishAll();
    expect(client.lookUp(name)?.target).toMatchObject({ path: name, length: 11 + name.length });
  });

  it.each(names)('T36 finds a target in a delegated role named %s', (name) => {
    server.delegate('targets', name);
    server.target(name, 'v1', 'x');
    server.publishAll();
    expect(rolesTo('v1')).toEqual(['targets', name]);
  });

  it.each(names)('T36 refuses a role named %s that is not delegated', (name) => {
    expect(client.lookUpRole(name)).toBeUndefined();
  });
});

describe('a role by name', () => {
  beforeEach(() => {
    server.delegate('targets', 'revocations', { paths: ['sha256:*'], terminating: true });
    server.publishAll();
  });

  it('is undefined when targets names no such role', () => {
    expect(client.lookUpRole('other')).toBeUndefined();
  });

  it('is the verified role when it does', () => {
    expect(client.lookUpRole('revocations')?.document.targets.size).toBe(0);
  });

  it.each([
    ['missing', () => server.files.delete('2.revocations.json'), 'MISSING'],
    ['badly signed', () => server.signers.set('revocations', [ed25519Key('thief')]), 'THRESHOLD'],
    [
      'expired',
      () => {
        server.now += 31 * 86_400_000;
        server.next('root');
        server.next('targets');
        server.publish();
      },
      'EXPIRED',
    ],
  ])('is an error, never empty, when it is %s', (what, spoil, code) => {
    spoil();
    if (what === 'badly signed') server.publishAll();
    expect(codeOf(() => client.lookUpRole('revocations'))).toBe(code);
  });

  it('is an error when it is rolled back', () => {
    const old = server.bytes('revocations');
    server.target('revocations', `sha256:${'a'.repeat(64)}`, 'x');
    server.publishAll();
    client.lookUpRole('revocations');
    server.files.set('3.revocations.json', old);
    client.cache.delete('revocations');
    expect(['HASH_MISMATCH', 'LENGTH_MISMATCH']).toContain(codeOf(() => client.lookUpRole('revocations')));
  });
});
