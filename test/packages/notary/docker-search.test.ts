/** Docker's rule for a tag, asked of a server and of documents in hand. */
import { effectiveImages, notaryDialect } from '@vidimus/notary';
import type { Targets } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { ecdsaNotaryKey } from '../../support/notary-keys.ts';
import { NotarySimulator } from '../../support/notary-simulator.ts';
import { codeOf, TufClient } from '../../support/tuf-client.ts';
import { map } from '../../support/tuf-simulator.ts';

const targetsKey = ecdsaNotaryKey('x');

/** A repository whose roles list what is given; an empty list is a published role, none an unpublished one. */
function serverOf(
  roles: Readonly<
    Record<string, { readonly tags?: Readonly<Record<string, string>>; readonly paths?: readonly string[] }>
  >,
): NotarySimulator {
  const server = new NotarySimulator();
  const names = Object.keys(roles);
  for (const name of names) {
    if (name === 'targets') continue;
    const parent = names.find((other) => name.startsWith(`${other}/`)) ?? 'targets';
    server.delegate(parent, name, {
      keys: [targetsKey],
      ...(roles[name]?.paths && { paths: roles[name].paths }),
    });
  }
  for (const name of names) {
    const tags = roles[name]?.tags;
    for (const [tag, content] of Object.entries(tags ?? {})) server.target(name, tag, content);
    if (tags !== undefined || name === 'targets') server.next(name);
  }
  server.next('targets');
  server.publish();
  return server;
}

function clientOf(server: NotarySimulator): TufClient {
  return new TufClient(server, { dialect: notaryDialect });
}

/** The same question to documents in hand. */
function inHand(server: NotarySimulator): ReadonlyMap<string, string> {
  const documents = new Map<string, Targets>();
  for (const [role, bytes] of server.current) {
    if (role === 'root' || role === 'snapshot' || role === 'timestamp') continue;
    documents.set(role, notaryDialect.decode('targets', notaryDialect.open(bytes, bytes.length)));
  }
  return new Map([...effectiveImages(documents)].map(([path, { role }]) => [path, role]));
}

const cases: readonly [string, Parameters<typeof serverOf>[0], string | undefined][] = [
  ['targets alone', { targets: { tags: { v1: 'a' } } }, 'targets'],
  ['nobody', { targets: {} }, undefined],
  [
    'releases before targets',
    { targets: { tags: { v1: 'a' } }, releases: { tags: { v1: 'b' } } },
    'releases',
  ],
  ['releases alone', { targets: {}, releases: { tags: { v1: 'b' } } }, 'releases'],
  [
    'targets, where releases is silent',
    { targets: { tags: { v1: 'a' } }, releases: { tags: {} } },
    'targets',
  ],
  [
    'targets, where nothing was published as releases',
    { targets: { tags: { v1: 'a' } }, releases: {} },
    'targets',
  ],
  ['another delegation, which does not count', { targets: {}, dave: { tags: { v1: 'b' } } }, undefined],
  [
    'targets beside another delegation',
    { targets: { tags: { v1: 'a' } }, dave: { tags: { v1: 'b' } } },
    'targets',
  ],
  [
    'targets, where releases may not speak',
    { targets: { tags: { v1: 'a' } }, releases: { tags: { v1: 'b' }, paths: ['v2'] } },
    'targets',
  ],
  [
    'releases, by the second of its prefixes',
    { targets: {}, releases: { tags: { v1: 'b' }, paths: ['x', 'v'] } },
    'releases',
  ],
  [
    'nobody, where releases has no path',
    { targets: {}, releases: { tags: { v1: 'b' }, paths: [] } },
    undefined,
  ],
  [
    'a role below releases, which hides targets and does not count',
    { targets: { tags: { v1: 'a' } }, releases: { tags: {} }, 'releases/x': { tags: { v1: 'b' } } },
    undefined,
  ],
  [
    'targets, where the role below releases may not speak',
    {
      targets: { tags: { v1: 'a' } },
      releases: { tags: {} },
      'releases/x': { tags: { v1: 'b' }, paths: ['w'] },
    },
    'targets',
  ],
  [
    'targets, where nothing was published below releases',
    { targets: { tags: { v1: 'a' } }, releases: { tags: {} }, 'releases/x': {} },
    'targets',
  ],
  [
    'releases, whatever is below it',
    { targets: {}, releases: { tags: { v1: 'a' } }, 'releases/x': { tags: { v1: 'b' } } },
    'releases',
  ],
];

describe('a tag is answered for by', () => {
  it.each(cases)('%s', (_, roles, expected) => {
    const server = serverOf(roles);
    const client = clientOf(server);
    expect(client.lookUp('v1')?.chain.at(-1)?.role).toBe(expected);
    expect(inHand(server).get('v1')).toBe(expected);
    const listed = client.list().targets.find(({ target }) => target.path === 'v1');
    expect(listed?.chain.at(-1)?.role).toBe(expected);
  });
});

describe('a look-up', () => {
  it('names every role on the way', () => {
    const found = clientOf(serverOf({ targets: {}, releases: { tags: { v1: 'b' } } })).lookUp('v1');
    expect(found?.chain.map(({ role }) => role)).toEqual(['targets', 'releases']);
  });

  it('asks the server for no other delegation', () => {
    const client = clientOf(serverOf({ targets: {}, dave: { tags: {} }, releases: { tags: {} } }));
    const state = client.refresh();
    client.lookUp('v1', state);
    expect(client.requests).toHaveLength(1);
    expect(client.requests[0]).toMatch(/^releases\./);
  });

  describe('never falls through to targets when releases', () => {
    const roles = { targets: { tags: { v1: 'a' } }, releases: { tags: { v1: 'b' } } };

    it('is badly signed', () => {
      const server = serverOf(roles);
      server.next('releases', (file) => {
        file.signatures = [];
      });
      server.publish();
      expect(codeOf(() => clientOf(server).lookUp('v1'))).toBe('THRESHOLD');
    });

    it('is expired', () => {
      const server = serverOf(roles);
      server.document('releases')['expires'] = '2026-11-20T00:00:00Z';
      server.next('releases');
      server.publish();
      expect(codeOf(() => clientOf(server).lookUp('v1'))).toBe('EXPIRED');
    });

    it('is listed and missing', () => {
      const server = serverOf(roles);
      for (const name of server.files.keys()) if (name.startsWith('releases.')) server.files.delete(name);
      expect(codeOf(() => clientOf(server).lookUp('v1'))).toBe('MISSING');
    });

    it('is listed without SHA-256', () => {
      const server = serverOf(roles);
      map(server.document('snapshot'), 'meta', 'targets/releases')['hashes'] = {};
      server.next('snapshot');
      server.document('timestamp')['meta'] = { snapshot: server.meta('snapshot') };
      server.next('timestamp');
      expect(codeOf(() => clientOf(server).lookUp('v1'))).toBe('MALFORMED');
    });

    it('T16 was listed before and no longer is', () => {
      const server = serverOf(roles);
      const client = clientOf(server);
      expect(client.lookUp('v1')?.chain).toHaveLength(2);
      server.current.delete('releases');
      server.publish();
      expect(codeOf(() => client.lookUp('v1'))).toBe('ROLLBACK');
    });

    it('went back to an older version', () => {
      const server = serverOf(roles);
      const old = server.current.get('releases');
      server.target('releases', 'v1', 'c');
      server.next('releases');
      server.publish();
      const client = clientOf(server);
      client.lookUp('v1');
      if (old !== undefined) server.current.set('releases', old);
      server.publish();
      expect(codeOf(() => client.lookUp('v1'))).toBe('ROLLBACK');
    });

    it('delegates to a role below that cannot be verified', () => {
      const server = serverOf({
        targets: { tags: { v1: 'a' } },
        releases: { tags: {} },
        'releases/x': { tags: {} },
      });
      server.next('releases/x', (file) => {
        file.signatures = [];
      });
      server.publish();
      expect(codeOf(() => clientOf(server).lookUp('v1'))).toBe('THRESHOLD');
    });
  });

  it('goes on to targets once the delegation itself is gone', () => {
    const server = serverOf({ targets: { tags: { v1: 'a' } }, releases: { tags: { v1: 'b' } } });
    const client = clientOf(server);
    client.lookUp('v1');
    server.document('targets')['delegations'] = { keys: {}, roles: [] };
    server.next('targets');
    server.current.delete('releases');
    server.publish();
    expect(client.lookUp('v1')?.chain.map(({ role }) => role)).toEqual(['targets']);
  });

  it('refuses a delegation to what is no direct child', () => {
    const server = new NotarySimulator();
    server.delegate('targets', 'a/b');
    server.next('targets');
    server.publish();
    expect(codeOf(() => clientOf(server).refresh())).toBe('MALFORMED');
  });

  it('ends after too many roles', () => {
    const children = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`releases/r${i}`, { tags: {} }]),
    );
    const server = serverOf({ targets: {}, releases: { tags: {} }, ...children });
    expect(codeOf(() => clientOf(server).lookUp('v1'))).toBe('LIMIT');
  });
});

describe('a listing', () => {
  it('names every published role, and leaves out those of which nothing was published', () => {
    const server = serverOf({ targets: {}, dave: { tags: { v1: 'b' } }, releases: { tags: {} }, carol: {} });
    const { roles, refused } = clientOf(server).list();
    expect(roles.map(({ role }) => role).sort()).toEqual(['dave', 'releases']);
    expect(refused).toEqual([]);
  });
});
