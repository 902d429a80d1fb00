import { type ReadFile, tufDialect, verifyRepository } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../support/tuf-client.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import { map, TufSimulator } from '../../support/tuf-simulator.ts';

let server: TufSimulator;
const filesOf = (of: TufSimulator): ReadFile => {
  const files = new Map(of.files);
  return (role, version) => files.get(version === undefined ? `${role}.json` : `${version}.${role}.json`);
};
const verify = (previous?: Parameters<typeof verifyRepository>[0]['previous']) =>
  verifyRepository({
    dialect: tufDialect,
    repository: server.repository,
    now: server.now,
    anchor: { kind: 'root', bytes: server.files.get('1.root.json') ?? new Uint8Array() },
    foreign: false,
    next: filesOf(server),
    ...(previous === undefined ? {} : { previous }),
  });

beforeEach(() => {
  server = new TufSimulator();
  server.delegate('targets', 'qa', { paths: ['v*'] });
  server.target('qa', 'v1', 'x');
  server.publishAll();
});

describe('a whole repository', () => {
  it('passes as its clients will judge it', () => {
    const { state, listing } = verify();
    expect(state.timestamp.document.version).toBe(2);
    expect(listing.targets.map(({ target }) => target.path)).toEqual(['latest', 'v1']);
  });

  it('refuses a delegated role that no look-up may have asked for yet', () => {
    server.delegate('targets', 'empty', { paths: ['none'] });
    server.signers.set('empty', [ed25519Key('thief')]);
    server.publishAll();
    expect(codeOf(() => verify())).toBe('THRESHOLD');
  });

  it('refuses a delegated role whose file is missing', () => {
    server.files.delete('2.qa.json');
    expect(codeOf(() => verify())).toBe('MISSING');
  });

  it('refuses what a client with the state before would refuse', () => {
    const before = new Map(
      ['timestamp', 'snapshot', 'targets', 'qa'].map((role) => [role, server.bytes(role)]),
    );
    const previous = (file: { readonly role: string }) => before.get(file.role);
    server.publish();
    expect(codeOf(() => verify(previous))).toBe('accepted');
    delete map(server.document('snapshot'), 'meta')['qa.json'];
    server.write('snapshot');
    server.writeTimestamp();
    expect(codeOf(() => verify(previous))).toBe('ROLLBACK');
  });
});
