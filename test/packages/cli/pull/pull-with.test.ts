/** What engines are told, word for word: stand-ins on PATH write down their arguments and what they can see. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pulledSchema } from '../../../cli/pulling-schemas.ts';
import { makePullingWorld, type PullingWorld } from '../../../cli/pulling-world.ts';
import { buildxIndex, helloImage } from '../../../support/image-builder.ts';

const web = buildxIndex('web');
const other = helloImage('other');
let world: PullingWorld;
let image: string;
let programs: string;

beforeEach(async () => {
  world = await makePullingWorld();
  image = `${world.repository}:1.0`;
  world.sign('1.0', web.index);
  world.publish();
  programs = join(world.home, 'bin');
  mkdirSync(programs);
});
afterEach(async () => {
  await world.close();
});

/** A program that logs its arguments, one call a line, and ends as the script says. */
function standIn(name: string, script = 'exit 0', directory = programs): void {
  const file = join(directory, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> '${world.home}/calls'\n${script}\n`);
  chmodSync(file, 0o755);
}

function calls(): readonly string[] {
  const file = join(world.home, 'calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}

const pull = (...words: readonly string[]) =>
  world.run(['pull', image, ...words], { PATH: `${programs}:/usr/sbin/nothing`, VIDIMUS_TOKEN: 'secret' });

describe('an engine', () => {
  it.each([
    ['docker', []],
    ['podman', ['--tls-verify=false']],
    ['nerdctl', []],
  ] as const)('%s is given the judged digest and then the name that was asked for', async (name, tls) => {
    standIn(name);
    const { exit, stdout } = await pull('--with', name, '--json');
    const resolved = `${world.repository}@${web.index.digest}`;
    expect(calls()).toEqual([[name, 'pull', ...tls, resolved].join(' '), `${name} tag ${resolved} ${image}`]);
    expect([exit, pulledSchema.parse(JSON.parse(stdout)).pulled]).toEqual([
      0,
      { with: name, reference: resolved, to: null, retagged: image },
    ]);
  });

  it('is given the platform that was judged', async () => {
    standIn('docker');
    await pull('--with', 'docker', '--platform', 'linux/arm64');
    expect(calls()[0]).toBe(`docker pull --platform linux/arm64 ${world.repository}@${web.index.digest}`);
  });

  it('re-tags nothing where the reference was a digest alone', async () => {
    standIn('docker');
    await world.run(['pull', `${world.repository}@${web.arm64.digest}`, '--with', 'docker'], {
      PATH: programs,
    });
    expect(calls()).toEqual([`docker pull ${world.repository}@${web.arm64.digest}`]);
  });

  it('is given the vouched digest where the tag has moved', async () => {
    standIn('docker');
    world.registry.add(other, '1.0');
    const { exit, stderr } = await pull('--with', 'docker');
    expect(exit).toBe(0);
    expect(stderr).toContain('TAG_MOVED');
    expect(calls()[0]).toBe(`docker pull ${world.repository}@${web.index.digest}`);
  });

  it('is the first that is installed when none is named', async () => {
    standIn('nerdctl');
    standIn('podman');
    expect((await pull()).exit).toBe(0);
    expect(calls()[0]).toMatch(/^podman pull /);
  });

  it('does not see our tokens, and sees the rest', async () => {
    standIn('docker', `/usr/bin/env > '${world.home}/seen'`);
    await pull('--with', 'docker');
    const seen = readFileSync(join(world.home, 'seen'), 'utf8');
    expect(seen).toContain(`HOME=${world.home}`);
    expect(seen).not.toMatch(/VIDIMUS_|secret/);
  });
});

describe('skopeo', () => {
  it('copies everything the digest stands for, unchanged', async () => {
    standIn('skopeo');
    const { exit } = await pull('--with', 'skopeo', '--to', 'oci:/tmp/out:name');
    expect(exit).toBe(0);
    expect(calls()).toEqual([
      `skopeo copy --all --preserve-digests --src-tls-verify=false docker://${world.repository}@${web.index.digest} oci:/tmp/out:name`,
    ]);
  });

  it('copies one platform where one was judged', async () => {
    standIn('skopeo');
    await pull('--with', 'skopeo', '--to', 'oci:/tmp/out', '--platform', 'linux/arm64/v8');
    expect(calls()[0]).toMatch(
      /^skopeo --override-os linux --override-arch arm64 --override-variant v8 copy --preserve-digests /,
    );
  });
});

describe('nothing is pulled', () => {
  const programsThatPull = ['docker', 'podman', 'nerdctl', 'skopeo'] as const;

  it.each(programsThatPull)('with %s after a refusal', async (name) => {
    standIn(name);
    const to = name === 'skopeo' ? ['--to', 'oci:/tmp/out'] : [];
    const unsigned = [`${world.repository}:2.0`, '--with', name, ...to];
    const { exit, stdout } = await world.run(['pull', ...unsigned], { PATH: programs });
    expect([exit, calls()]).toEqual([1, []]);
    expect(stdout).toMatch(/^DENIED .*NOT_VOUCHED\n.*nothing was pulled\n$/s);
    world.registry.add(other, '1.0');
    expect([(await pull('--with', name, ...to, '--strict')).exit, calls()]).toEqual([1, []]);
    world.revoke(web.amd64.digest);
    world.publish();
    expect([(await pull('--with', name, ...to)).exit, calls()]).toEqual([1, []]);
    await world.trust.server.close();
    world.simulator.now += 10 * 86_400_000;
    expect([(await pull('--with', name, ...to)).exit, calls()]).toEqual([4, []]);
  });

  it.each([
    ['no engine is there', [], 'PROGRAM_MISSING'],
    ['the engine named is not there', ['--with', 'podman'], 'PROGRAM_MISSING'],
    ['skopeo is not told where to', ['--with', 'skopeo'], 'USAGE'],
    ['an engine is told where to', ['--with', 'docker', '--to', 'oci:/tmp/out'], 'USAGE'],
    ['the place is no layout', ['--with', 'skopeo', '--to', '--dest-creds=x'], 'USAGE'],
  ])('and nothing is judged when %s', async (_, words, code) => {
    if (words.length > 0 && code === 'USAGE') for (const name of programsThatPull) standIn(name);
    const { exit, stderr } = await pull(...words);
    expect([exit, calls()]).toEqual([2, []]);
    expect(stderr).toContain(code);
    expect(world.registry.requests).toEqual([]);
  });

  it('by a program that is found from the working directory', async () => {
    standIn('docker');
    const { exit } = await world.run(['pull', image], { PATH: `:.:${relative(process.cwd(), programs)}` });
    expect([exit, calls()]).toEqual([2, []]);
  });
});

describe('an engine that fails', () => {
  it('is exit 3 with its last words, control characters escaped, and tags nothing', async () => {
    standIn('docker', 'printf "one\\ntwo\\nno space \\033[2J left\\n" >&2; exit 9');
    const { exit, stderr } = await pull('--with', 'docker');
    expect(exit).toBe(3);
    expect(stderr).toContain('PULL_FAILED');
    expect(stderr).toContain('no space');
    expect(stderr).not.toContain('\u001b');
    expect(calls()).toHaveLength(1);
  });

  it('that cannot be started is a missing program', async () => {
    standIn('docker');
    writeFileSync(join(programs, 'docker'), '#!/no/such/interpreter\n');
    expect((await pull('--with', 'docker', '--json')).stdout).toMatch(
      /^\{"error":\{"code":"PROGRAM_MISSING"/,
    );
  });
});
