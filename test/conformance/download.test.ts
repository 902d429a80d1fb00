/** What tuf-conformance asks in test_file_download and test_updater_delegation_graphs, and of the executable. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hashHex } from '@vidimus/crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ed25519Key } from '../support/tuf-keys.ts';
import { map } from '../support/tuf-simulator.ts';
import { type ConformanceBed, makeConformanceBed } from './conformance-bed.ts';

let bed: ConformanceBed;

beforeEach(async () => {
  bed = await makeConformanceBed();
  await bed.init();
});
afterEach(async () => {
  await bed.close();
});

const artifactRequests = (): string[] => bed.server.seen().filter((path) => path.startsWith('/targets/'));

describe('download', () => {
  it.each(['file.txt', 'dir/sub/file.txt'])('gets %s once, then finds it', async (path) => {
    bed.artifact('targets', path, 'hello');
    bed.simulator.publishAll();
    expect(await bed.download(path)).toBe(0);
    expect(await bed.downloaded()).toEqual(['hello']);
    expect(artifactRequests()).toHaveLength(1);
    expect(await bed.download(path)).toBe(0);
    expect(artifactRequests()).toEqual([]);
  });

  it('replaces the file when its target changes, eleven times', async () => {
    for (let round = 0; round < 11; round += 1) {
      bed.artifact('targets', 'file.txt', `round ${round}`);
      bed.simulator.publishAll();
      expect(await bed.download('file.txt')).toBe(0);
      expect(await bed.downloaded()).toEqual([`round ${round}`]);
    }
  });

  it.each(['another', 'hello, and more', ''])(
    'never keeps %j in place of what is signed',
    async (substitute) => {
      bed.artifact('targets', 'file.txt', 'hello');
      bed.simulator.publishAll();
      for (const path of bed.artifacts.keys()) bed.artifacts.set(path, Buffer.from(substitute));
      expect(await bed.download('file.txt')).toBe(1);
      expect(await bed.downloaded()).toEqual([]);
    },
  );

  it.each([['sha256'], ['sha512'], ['sha256', 'sha512'], ['blake2b-256']])(
    'with the hashes %s %s',
    async (...names) => {
      const bytes = Buffer.from('hello');
      const known = ['sha256', 'sha512'] as const;
      const hashes = Object.fromEntries(
        names.filter(Boolean).map((name) => {
          const algorithm = known.find((each) => each === name);
          return [name, algorithm === undefined ? 'ab'.repeat(32) : hashHex(algorithm, bytes)];
        }),
      );
      map(bed.simulator.document('targets'), 'targets')['file'] = { length: bytes.length, hashes };
      for (const hash of Object.values(hashes)) bed.artifacts.set(`/targets/${hash}.file`, bytes);
      bed.simulator.publishAll();
      const isKnown = !names.includes('blake2b-256');
      expect(await bed.download('file')).toBe(isKnown ? 0 : 1);
      expect(await bed.downloaded()).toEqual(isKnown ? ['hello'] : []);
      expect(artifactRequests().length).toBeLessThanOrEqual(1);
    },
  );
});

describe('delegations', () => {
  /** [delegator, role, terminating?, paths?] in order. */
  type Edge = readonly [string, string, ('terminating' | '')?, string?];

  it.each<[string, readonly Edge[], readonly string[]]>([
    ['none', [], []],
    [
      'one level, in order',
      [
        ['targets', 'A'],
        ['targets', 'B'],
      ],
      ['A', 'B'],
    ],
    [
      'two levels',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['B', 'C'],
      ],
      ['A', 'B', 'C'],
    ],
    [
      'depth first',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C'],
      ],
      ['A', 'C', 'B'],
    ],
    [
      'depth first, deeper',
      [
        ['targets', 'A'],
        ['A', 'B'],
        ['B', 'C'],
        ['A', 'D'],
        ['targets', 'E'],
      ],
      ['A', 'B', 'C', 'D', 'E'],
    ],
    [
      'terminating at once',
      [
        ['targets', 'A', 'terminating'],
        ['targets', 'B'],
      ],
      ['A'],
    ],
    [
      'terminating after its own',
      [
        ['targets', 'A'],
        ['A', 'B', 'terminating'],
        ['B', 'C'],
        ['A', 'D'],
        ['targets', 'E'],
      ],
      ['A', 'B', 'C'],
    ],
    [
      'other paths are skipped',
      [
        ['targets', 'A', '', '*.py'],
        ['targets', 'B'],
      ],
      ['B'],
    ],
    [
      'a skipped one does not terminate',
      [
        ['targets', 'A', 'terminating', '*.py'],
        ['targets', 'B'],
      ],
      ['B'],
    ],
    [
      'a cycle',
      [
        ['targets', 'A'],
        ['A', 'B'],
        ['B', 'A'],
        ['targets', 'C'],
      ],
      ['A', 'B', 'C'],
    ],
    [
      'a role with two parents',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C'],
        ['B', 'C'],
      ],
      ['A', 'C', 'B'],
    ],
  ])('%s', async (_, edges, visited) => {
    for (const [delegator, role, terminating, path] of edges) {
      bed.simulator.delegate(delegator, role, {
        terminating: terminating === 'terminating',
        paths: [path ?? '*'],
      });
    }
    bed.simulator.publishAll();
    expect(await bed.refresh()).toBe(0);
    bed.server.seen();
    expect(await bed.download('missing.txt')).toBe(1);
    const asked = bed.server.seen().slice(2);
    expect(asked.map((file) => file.replace(/^\d+\.(.*)\.json$/, '$1'))).toEqual(visited);
  });

  it.each<[string, string, readonly (readonly [string, string, string])[], 0 | 1]>([
    ['targetfile', 'targets', [], 0],
    ['targets/file.txt', 'A', [['targets', 'A', 'targets/*']], 0],
    [
      'targets/a/file.txt',
      'B',
      [
        ['targets', 'A', 'targets/*/*'],
        ['A', 'B', 'targets/a/*'],
      ],
      0,
    ],
    [
      'targets/a/file.txt',
      'B',
      [
        ['targets', 'A', 'other/*'],
        ['A', 'B', 'targets/a/*'],
      ],
      1,
    ],
    ['targets/foo.tgz', 'A', [['targets', 'A', '*.tgz']], 1],
    ['foo-version-a.tgz', 'A', [['targets', 'A', 'foo-version-?.tgz']], 0],
    ['foo-version-alpha.tgz', 'A', [['targets', 'A', 'foo-version-?.tgz']], 1],
    ['FOO.tgz', 'A', [['targets', 'A', 'foo.*']], 1],
  ])('finds %s of %s through %j: %s', async (path, role, edges, code) => {
    for (const [delegator, name, pattern] of edges) {
      bed.simulator.delegate(delegator, name, { paths: [pattern] });
    }
    bed.artifact(role, path, 'found');
    bed.simulator.publishAll();
    expect(await bed.download(path)).toBe(code);
    expect(await bed.downloaded()).toEqual(code === 0 ? ['found'] : []);
  });

  it('verifies a role for the delegator on the path, not for an earlier one', async () => {
    const [right, wrong] = [ed25519Key('right'), ed25519Key('wrong')];
    bed.simulator.delegate('targets', 'A', { paths: ['a.*', 'b.*'] });
    bed.simulator.delegate('targets', 'B', { paths: ['b.*'] });
    bed.simulator.delegate('A', 'C', { keys: [right], paths: ['a.*'] });
    bed.simulator.delegate('B', 'C', { keys: [wrong], paths: ['b.*'] });
    bed.simulator.signers.set('C', [right]);
    bed.artifact('C', 'a.txt', 'a');
    bed.artifact('C', 'b.txt', 'b');
    bed.simulator.publishAll();
    expect(await bed.download('a.txt', 'b.txt')).toBe(1);
    expect(await bed.downloaded()).toEqual(['a']);
  });

  it('does not ask for a role that snapshot does not list', async () => {
    bed.simulator.publishAll();
    expect(await bed.refresh()).toBe(0);
    bed.simulator.delegate('targets', 'A');
    bed.simulator.next('targets');
    bed.simulator.documents.delete('A');
    bed.simulator.publish();
    expect(await bed.refresh()).toBe(0);
    bed.server.seen();
    expect(await bed.download('missing')).toBe(1);
    expect(bed.server.seen()).toEqual(['2.root.json', 'timestamp.json']);
  });
});

describe('the executable', () => {
  const program = new URL('../interop/tuf-conformance-client', import.meta.url).pathname;

  async function run(args: readonly string[]): Promise<number | null> {
    const child = spawn(program, args, { stdio: 'ignore', cwd: bed.targets });
    const [code] = await once(child, 'close');
    return code;
  }

  it('ends with 0 or 1, and with the state of the world by its own clock', async () => {
    // Documents that live from the simulator's time into the far future of any clock.
    for (const role of ['root', 'timestamp', 'snapshot', 'targets']) {
      Object.defineProperty(bed.simulator.document(role), 'expires', {
        get: () => '2999-01-01T00:00:00Z',
        set: () => undefined,
        enumerable: true,
      });
    }
    bed.artifact('targets', 'file.txt', 'hello');
    bed.simulator.write('root');
    bed.simulator.publishAll();
    await bed.init();
    expect(await run(bed.args('refresh'))).toBe(0);
    expect(await run(bed.args('download', 'file.txt'))).toBe(0);
    expect(await bed.downloaded()).toEqual(['hello']);
    expect(await run(bed.args('download', 'missing'))).toBe(1);
    expect(await run(['--metadata-dir', bed.metadata, 'nonsense'])).toBe(1);
  });
});
