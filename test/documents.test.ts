/** Documents that cannot go stale unnoticed: what they name must exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rooms } from './support/rooms.ts';

const root = new URL('..', import.meta.url).pathname;
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** `*` within one path component. */
function exists(pattern: string): boolean {
  const path = join(root, pattern);
  if (!pattern.includes('*')) return existsSync(path);
  const wanted = new RegExp(
    `^${(pattern.split('/').at(-1) ?? '').replace(/[.]/g, '\\.').replace(/\*/g, '.*')}$`,
  );
  return existsSync(dirname(path)) && readdirSync(dirname(path)).some((name) => wanted.test(name));
}

describe('SECURITY.md', () => {
  it('names a test that exists in every row', () => {
    const rows = read('SECURITY.md')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| attacker'));
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      const tests = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].flatMap(
        (match) => match[1] ?? [],
      );
      expect(tests, row).not.toEqual([]);
      let directory = '';
      for (const name of tests) {
        // A bare file name stands beside the one before it.
        const path = name.includes('/') ? name : `${directory}/${name}`;
        const known = exists(`test/${path}`) ? `test/${path}` : `test/${dirname(directory)}/${path}`;
        expect(exists(known), `${row}\n${name}`).toBe(true);
        directory = dirname(path);
      }
    }
  });
});

describe('ARCHITECTURE.md', () => {
  it('shows the map that the architecture test executes', () => {
    const shown = [...read('ARCHITECTURE.md').matchAll(/^\| \w[\w ]* \| `([^`]+)` \| ([^|]*) \|/gm)].map(
      (match) => [match[1], (match[2] ?? '').trim()],
    );
    const all = Object.entries(rooms).map(([room, allowed]) => {
      const everything = allowed.length === Object.keys(rooms).length - 1;
      return [room, everything ? 'all' : allowed.join(' ') || '-'];
    });
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(all));
  });
});

describe('README.md and CONTRIBUTING.md', () => {
  it('call only scripts that exist', () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'));
    const called = ['README.md', 'CONTRIBUTING.md'].flatMap((name) =>
      [...read(name).matchAll(/npm (?:run )?([a-z][a-z:]*)/g)].flatMap((match) => match[1] ?? []),
    );
    expect(called.filter((name) => name !== 'ci' && name !== 'run' && !(name in scripts))).toEqual([]);
    expect(called).toContain('demo');
  });

  it('link only to files that exist', () => {
    const links = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CONTRIBUTING.md'].flatMap((name) =>
      [...read(name).matchAll(/\]\(([^)#]+)\)/g)].flatMap((match) => match[1] ?? []),
    );
    expect(links.filter((link) => !link.startsWith('http') && !existsSync(join(root, link)))).toEqual([]);
  });
});
