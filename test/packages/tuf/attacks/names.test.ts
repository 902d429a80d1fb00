/** T19: names of roles and targets that would leave a directory or a URL. */
import { drive, lookUp, type Step } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../../support/tuf-client.ts';
import { item, map, TufSimulator } from '../../../support/tuf-simulator.ts';

let server: TufSimulator;
let client: TufClient;

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
});

describe('T19: target paths', () => {
  it.each([
    '../x',
    '/x',
    'a/../../x',
    '..',
    '.',
    '',
    'a//b',
    'a/',
    'a\\b',
    'a\u0000b',
    'a\nb',
    './x',
    'a/..',
  ])('T19 refuses to look up %j', (path) => {
    const state = client.refresh();
    expect(codeOf(() => client.lookUp(path, state))).toBe('MALFORMED');
    expect(client.requests).toEqual([]);
  });

  it.each(['..%2f', 'a..b', 'v1.2', '%2e%2e', 'a/b/c', 'sha256:ab'])('T19 takes %j as it is', (path) => {
    expect(client.lookUp(path)).toBeUndefined();
  });
});

describe('T19: role names', () => {
  const names = [
    '../delegatedrole',
    '/delegatedrole',
    '?',
    '#',
    'a/../../x',
    '..%2f',
    'qa\u0000x',
    'a\\b',
    'root.json',
  ];

  /** The workflow never builds a path: a driver gets the name as it is and encodes it once. */
  it.each(names)('T19 hands %j to the driver whole, as a role and never as part of a path', (name) => {
    server.delegate('targets', name);
    server.target(name, 'v1', 'x');
    server.publishAll();
    const state = client.refresh();
    const roles = new Set<string>();
    drive(lookUp(state, 'v1'), (step: Step) => {
      if (step.do === 'fetch') roles.add(step.role);
      if (step.do === 'load' || step.do === 'store') roles.add(step.file.role);
      return step.do === 'fetch' ? server.bytes(name) : undefined;
    });
    expect([...roles]).toEqual([name]);
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets', '', 'x'.repeat(256)])(
    'T19 refuses a delegated role named %j, which would replace another file',
    (name) => {
      server.delegate('targets', 'qa');
      item(map(server.document('targets'), 'delegations'), 'roles', 0)['name'] = name;
      server.publishAll();
      expect(codeOf(() => client.refresh())).toBe('MALFORMED');
    },
  );

  it('refuses two delegated roles with one name', () => {
    server.delegate('targets', 'qa');
    server.delegate('targets', 'qa');
    server.publishAll();
    expect(codeOf(() => client.refresh())).toBe('MALFORMED');
  });
});
