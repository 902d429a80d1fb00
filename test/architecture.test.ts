/** The map of ARCHITECTURE.md, executed: tsc accepts an undeclared import between workspaces, this does not. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rooms } from './support/rooms.ts';

const root = new URL('..', import.meta.url).pathname;

const pure = ['canonical-json', 'crypto', 'reference', 'policy', 'tuf'];

/** Time, chance and the outside world: in a pure room these come as arguments. */
const impure: readonly (readonly [string, RegExp])[] = [
  ['reads the clock', /\bDate\.now\s*\(|\bnew Date\(\s*\)|\bperformance\.now\b|\bhrtime\b/],
  ['waits', /\bset(Timeout|Interval|Immediate)\s*\(/],
  [
    'draws randomness',
    /\bMath\.random\b|\brandom(Bytes|UUID|Int|FillSync|Fill)\b|\bgetRandomValues\b|\bgenerateKey(Pair)?(Sync)?\b/,
  ],
  ['reads the environment', /\bprocess\.(env|argv|cwd|platform)\b/],
  ['writes to the console', /\bconsole\./],
  [
    'reaches the disk or the network',
    /from 'node:(fs|fs\/promises|net|http|https|http2|tls|dns|child_process|os|process|worker_threads|timers)'|\bfetch\s*\(/,
  ],
];

const drawers = /^(utils?|helpers?|common|misc|types|shared)\.tsx?$/;

function filesBelow(directory: string, wanted: RegExp): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    if (name === 'node_modules' || name === 'dist') return [];
    const path = join(directory, name);
    if (statSync(path).isDirectory()) return filesBelow(path, wanted);
    return wanted.test(name) ? [path] : [];
  });
}

const sources = (room: string): string[] => filesBelow(join(root, room, 'src'), /\.tsx?$/);

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?<![.\w])(?:from|import)\s*\(?\s*'((?:@|\.{1,2}\/|[a-z])[\w@./:-]*)'/g)].flatMap(
    (m) => m[1] ?? [],
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

function workspaces(): string[] {
  return ['packages', 'services'].flatMap((side) =>
    readdirSync(join(root, side))
      .filter((name) => existsSync(join(root, side, name, 'package.json')))
      .map((name) => `${side}/${name}`),
  );
}

describe('the house', () => {
  it('has exactly the rooms on the map', () => {
    expect(workspaces().sort()).toEqual(Object.keys(rooms).sort());
  });

  it.each(Object.entries(rooms))('%s imports only the rooms on its line', (room, allowed) => {
    const own = room.split('/')[1] ?? '';
    const wrong = sources(room).flatMap((file) =>
      importsOf(file).flatMap((name) => {
        const other = /^@vidimus\/([a-z-]+)/.exec(name)?.[1];
        const outward =
          name.startsWith('.') && relative(join(root, room), join(file, '..', name)).startsWith('..');
        if (outward) return [`${relative(root, file)} leaves its room: ${name}`];
        if (other === undefined || allowed.includes(other)) return [];
        return [`${relative(root, file)} imports ${name}${other === own ? ' (itself)' : ''}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it.each(Object.keys(rooms))('%s declares what it imports', (room) => {
    const manifest: {
      name: string;
      dependencies?: Record<string, string>;
      optionalDependencies?: Record<string, string>;
    } = JSON.parse(readFileSync(join(root, room, 'package.json'), 'utf8'));
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    const missing = new Set(
      sources(room)
        .flatMap(importsOf)
        .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
        .map((name) =>
          name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/'),
        )
        .filter((name) => !declared.includes(name)),
    );
    expect([...missing]).toEqual([]);
    expect(manifest.name).toBe(`@vidimus/${room.split('/')[1]}`);
  });

  it.each(pure)('packages/%s is pure', (room) => {
    const wrong = sources(`packages/${room}`).flatMap((file) => {
      const code = withoutComments(readFileSync(file, 'utf8'));
      return impure
        .filter(([, pattern]) => pattern.test(code))
        .map(([what]) => `${relative(root, file)} ${what}`);
    });
    expect(wrong).toEqual([]);
  });

  it('lets only packages/crypto touch @noble/ed25519', () => {
    const users = Object.keys(rooms).filter((room) =>
      sources(room).some((file) => importsOf(file).some((name) => name.startsWith('@noble/'))),
    );
    expect(users).toEqual(['packages/crypto']);
  });

  it.each(Object.keys(rooms))('%s has a README that lists its error codes', (room) => {
    const readme = join(root, room, 'README.md');
    expect(existsSync(readme), `${room}/README.md`).toBe(true);
    const text = readFileSync(readme, 'utf8');
    const codes = sources(room).flatMap((file) => errorCodesIn(readFileSync(file, 'utf8')));
    expect(codes.filter((code) => !text.includes(code))).toEqual([]);
  });

  it('has no drawer files', () => {
    const all = [...Object.keys(rooms).flatMap(sources), ...filesBelow(join(root, 'test'), /\.tsx?$/)];
    expect(
      all.map((file) => relative(root, file)).filter((file) => drawers.test(file.split('/').at(-1) ?? '')),
    ).toEqual([]);
  });

  it('imports inside a room name the file, and no room has a default export', () => {
    const wrong = Object.keys(rooms)
      .flatMap(sources)
      .filter((file) => {
        const text = withoutComments(readFileSync(file, 'utf8'));
        const bare = importsOf(file).some((name) => name.startsWith('.') && !/\.(ts|tsx|json)$/.test(name));
        return bare || /^export default /m.test(text);
      });
    expect(wrong.map((file) => relative(root, file))).toEqual([]);
  });
});

/** Codes of `export type XErrorCode = 'A' | 'B'` unions. */
function errorCodesIn(text: string): string[] {
  const unions = [...text.matchAll(/export type \w*ErrorCode =([\s\S]*?);/g)].map((m) => m[1] ?? '');
  return unions.flatMap((union) =>
    [...withoutComments(union).matchAll(/'([A-Z_]+)'/g)].flatMap((m) => m[1] ?? []),
  );
}
