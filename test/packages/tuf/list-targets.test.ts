import { TufError } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../support/tuf-client.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import { TufSimulator } from '../../support/tuf-simulator.ts';

let server: TufSimulator;
let client: TufClient;

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
  server.delegate('targets', 'first', { paths: ['v*'], terminating: true });
  server.delegate('targets', 'second');
  server.delegate('second', 'third', { paths: ['n*'] });
  server.target('first', 'v1', 'x');
  server.target('second', 'v2', 'hidden behind first');
  server.target('second', 'w1', 'x');
  server.target('third', 'n1', 'x');
  server.target('third', 'w2', 'outside its paths');
});

const list = () => {
  const { targets, refused, roles } = client.list();
  return {
    targets: targets.map(({ target, chain }) => [target.path, ...chain.map((link) => link.role)].join(' ')),
    refused: refused.map(({ path, error }) => `${path} ${error.code}`),
    roles: roles.map(
      ({ role, delegator, result }) =>
        `${delegator}>${role} ${result instanceof TufError ? result.code : 'ok'}`,
    ),
  };
};

describe('listing all targets', () => {
  it('gives each path as a look-up would answer it, and no other', () => {
    server.publishAll();
    expect(list()).toEqual({
      targets: ['latest targets', 'v1 targets first', 'w1 targets second', 'n1 targets second third'],
      refused: [],
      roles: ['targets>first ok', 'targets>second ok', 'second>third ok'],
    });
    const state = client.refresh();
    for (const { target, chain } of client.list(state).targets) {
      expect(client.lookUp(target.path, state)).toEqual({ target, chain });
    }
  });

  it('tells who vouches: versions, keys that counted, threshold and times', () => {
    server.publishAll();
    const [latest] = client.list().targets;
    expect(latest?.chain).toEqual([
      {
        role: 'targets',
        version: 2,
        keyIds: server.signers.get('targets')?.map((key) => key.keyId),
        threshold: 1,
        expires: server.now + 90 * 86_400_000,
        issued: server.now,
      },
    ]);
  });

  it('shows a role that cannot be verified, and the paths whose look-up fails by it', () => {
    server.target('second', 'v0', 'x');
    server.signers.set('first', [ed25519Key('thief')]);
    server.publishAll();
    expect(list()).toEqual({
      targets: ['latest targets', 'w1 targets second', 'n1 targets second third'],
      refused: ['v0 THRESHOLD', 'v2 THRESHOLD'],
      roles: ['targets>first THRESHOLD', 'targets>second ok', 'second>third ok'],
    });
  });

  it('ends on cycles', () => {
    server.delegate('third', 'second', { keys: server.signers.get('second') ?? [] });
    server.publishAll();
    expect(list().roles).toEqual([
      'targets>first ok',
      'targets>second ok',
      'second>third ok',
      'third>second ok',
    ]);
  });

  it('walks bins, those that snapshot lists', () => {
    server = new TufSimulator();
    client = new TufClient(server);
    server.bins('targets', 'bin', 1, [ed25519Key('bins')]);
    for (const path of ['a', 'b', 'c', 'd']) {
      server.target('bin-0', path, path);
      server.target('bin-1', path, path);
    }
    server.publishAll();
    expect(
      list()
        .targets.map((line) => line[0])
        .sort(),
    ).toEqual(['a', 'b', 'c', 'd', 'l']);
    expect(list().roles).toEqual(['targets>bin-0 ok', 'targets>bin-1 ok']);
  });

  it('refuses more delegations than the limit', () => {
    server.publishAll();
    const state = client.refresh({ limits: { listedDelegations: 2 } });
    expect(codeOf(() => client.list(state))).toBe('LIMIT');
  });

  it('lets an error of the driver through', () => {
    server.publishAll();
    const state = client.refresh();
    const failing = new TufClient(server);
    Object.defineProperty(failing.cache, 'get', {
      value: () => {
        throw new RangeError('disk');
      },
    });
    expect(() => failing.list(state)).toThrow(RangeError);
  });
});
