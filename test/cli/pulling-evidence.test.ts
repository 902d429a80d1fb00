/** Evidence that could not be had, was refused, or was a lie: verdict, code and exit code of each. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  endlessBody,
  gzipBomb,
  htmlPage,
  otherBytes,
  redirectTo,
  servedAs,
  shortBody,
  statusOnly,
} from '../support/hostile-registry.ts';
import type { Handler } from '../support/hostile-trust-server.ts';
import { buildxIndex, helloImage } from '../support/image-builder.ts';
import type { Intercept } from '../support/registry-memory.ts';
import { DAY } from '../support/tuf-simulator.ts';
import { decisionSchema, verificationSchema } from './pulling-schemas.ts';
import { makePullingWorld, type PullingWorld } from './pulling-world.ts';

const web = buildxIndex('web');
const other = helloImage('other');
let world: PullingWorld;
let image: string;

beforeEach(async () => {
  world = await makePullingWorld();
  image = `${world.repository}:1.0`;
  world.sign('1.0', web.index);
  world.publish();
});
afterEach(async () => {
  await world.close();
});

/** `exit CODE CODE`, from the JSON that a command prints, whatever it is. */
async function outcome(words: readonly string[]): Promise<string> {
  const { exit, stdout } = await world.run([...words, '--json']);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  const answer: unknown = JSON.parse(stdout);
  const failure = z
    .object({ error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }) })
    .safeParse(answer);
  if (failure.success) return `${exit} error ${failure.data.error.code}`;
  const { decision, exitCode } = verificationSchema.loose().parse(answer);
  expect(exitCode).toBe(exit);
  const findings = decision.decision === 'deny' ? decision.failures : decision.warnings;
  return [exit, decision.decision, ...new Set(findings.map(({ code }) => code))].join(' ');
}

describe('a trust server that is away', () => {
  it('leaves an unexpired cache to judge by, with a warning, unless only the server will do', async () => {
    expect(await outcome(['verify', image])).toBe('0 allow');
    await world.trust.server.close();
    expect(await outcome(['verify', image])).toBe('0 allow OFFLINE');
    expect(await outcome(['verify', image, '--online'])).toBe('4 deny UNREACHABLE REVOCATION_UNKNOWN');
    world.simulator.now += 2 * DAY;
    expect(await outcome(['verify', image])).toBe('4 deny UNREACHABLE REVOCATION_UNKNOWN');
  });

  it('is exit 4 without a cache', async () => {
    await world.trust.server.close();
    expect(await outcome(['verify', image])).toBe('4 deny UNREACHABLE REVOCATION_UNKNOWN');
    expect(await outcome(['pull', image, '--to', `oci:${world.home}/out`])).toContain('4 deny UNREACHABLE');
    expect(await outcome(['inspect', image])).toBe('4 error UNREACHABLE');
  });

  it('with the registry away, too, still knows the signed digest', async () => {
    await world.run(['verify', image]);
    await world.trust.server.close();
    await world.registry.close();
    expect(await outcome(['verify', image])).toBe('0 allow OFFLINE');
    expect(await outcome(['pull', image, '--to', `oci:${world.home}/out`])).toBe('4 error UNREACHABLE');
  });
});

describe('a trust server that lies about what it is', () => {
  const respond =
    (status: number, headers: Record<string, string>, body: string | Buffer = ''): Handler =>
    (_, response) => {
      response.writeHead(status, headers);
      response.end(body);
    };
  it.each<readonly [string, string, Handler]>([
    ['a login page', '3 deny METADATA_UNAVAILABLE', respond(200, { 'content-type': 'text/html' }, '<html>')],
    [
      'another length than announced',
      '3 deny METADATA_UNAVAILABLE',
      (_, response) => {
        response.writeHead(200, { 'content-length': 4_000 });
        response.write('{}', () => response.destroy());
      },
    ],
    [
      'a gzip bomb',
      '3 deny METADATA_UNAVAILABLE',
      respond(200, { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(8 << 20))),
    ],
    [
      'a redirect to another server',
      '3 deny METADATA_UNAVAILABLE',
      respond(302, { location: 'http://192.0.2.1/' }),
    ],
    [
      'an endless answer',
      '3 deny METADATA_UNAVAILABLE',
      (_, response) => {
        const pour = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
        };
        response.on('drain', pour);
        pour();
      },
    ],
    ['a demand for a token', '3 deny METADATA_UNAVAILABLE', respond(401, {})],
    ['a failure of its own', '3 deny METADATA_UNAVAILABLE', respond(503, {})],
    ['something else than metadata', '3 deny MALFORMED', respond(200, {}, '{"signed":1}')],
  ])('with %s is refused with an exit code of its own', async (_, expected, answer) => {
    world.trust.server.answer = answer;
    expect(await outcome(['verify', image])).toBe(`${expected} REVOCATION_UNKNOWN`);
    expect(await outcome(['inspect', image])).toMatch(new RegExp(`^${expected[0]} error `));
  });
});

describe('trust data', () => {
  it('that has expired is refused', async () => {
    world.simulator.now += 2 * DAY;
    expect(await outcome(['verify', image])).toBe('1 deny EXPIRED REVOCATION_UNKNOWN');
  });

  it('that went back to an older version is refused', async () => {
    const yesterday = new Map(world.simulator.files);
    world.publish();
    await world.run(['verify', image]);
    for (const [name, bytes] of yesterday) world.simulator.files.set(name, bytes);
    expect(await outcome(['verify', image])).toBe('1 deny ROLLBACK REVOCATION_UNKNOWN');
  });

  it('that does not exist is refused, and the way to make it is named', async () => {
    world.simulator.files.clear();
    expect(await outcome(['verify', image])).toBe('1 deny NO_TRUST_DATA');
    const { stdout } = await world.run(['verify', image]);
    expect(stdout).toContain(`fix       vidimus init ${world.repository}`);
  });

  it('without an anchor cannot be verified, and the line that pins one is named', async () => {
    const { exit, stdout } = await world.run(['verify', image, '--server', world.trust.server.url], {
      VIDIMUS_CONFIG: undefined,
    });
    expect(exit).toBe(3);
    expect(stdout).toContain('ANCHOR_MISSING');
    expect(stdout).toContain(`vidimus anchor pin ${world.repository} --root FILE`);
  });

  it('of another root than the anchor is refused', async () => {
    const stranger = await makePullingWorld();
    const { exit, stdout } = await world.run(['verify', `${world.repository}:1.0`], {
      VIDIMUS_CONFIG: `${stranger.home}/config.yaml`,
      VIDIMUS_SERVER: world.trust.server.url,
    });
    await stranger.close();
    expect([exit, stdout.split('\n')[0]]).toEqual([1, expect.stringMatching(/ANCHOR_MISMATCH|BINDING/)]);
  });
});

describe('a registry that lies', () => {
  const tool = helloImage('tool');
  let tagged: string;
  // Something is revoked, so that the closure must be read.
  beforeEach(() => {
    tagged = `${world.repository}:tool`;
    world.sign('tool', tool);
    world.revoke(other.digest);
    world.publish();
  });
  // What has no body cannot be endless.
  const onGet =
    (lie: Intercept): Intercept =>
    (request, response) =>
      request.method === 'GET' && lie(request, response);

  it.each<readonly [string, string, Intercept]>([
    ['a login page', '3 deny REVOCATION_UNKNOWN', htmlPage],
    ['fewer bytes than announced', '3 deny LENGTH_MISMATCH REVOCATION_UNKNOWN', shortBody],
    ['a gzip bomb', '3 deny REVOCATION_UNKNOWN', gzipBomb],
    ['an endless answer', '3 deny LIMIT REVOCATION_UNKNOWN', onGet(endlessBody)],
    [
      'other bytes under the signed digest',
      '1 deny HASH_MISMATCH REVOCATION_UNKNOWN',
      otherBytes(other.bytes, tool.digest),
    ],
    [
      'another media type than signed',
      '1 deny MANIFEST_INVALID REVOCATION_UNKNOWN',
      servedAs(tool.bytes, web.index.mediaType),
    ],
    ['a redirect elsewhere', '3 deny REVOCATION_UNKNOWN', redirectTo('http://192.0.2.1/', /manifests/)],
    ['a refusal', '3 deny REVOCATION_UNKNOWN', statusOnly(403)],
    ['a failure of its own', '3 deny REVOCATION_UNKNOWN', statusOnly(500)],
    ['a manifest that is gone', '3 deny REVOCATION_UNKNOWN', statusOnly(404)],
  ])('with %s is refused', async (_, expected, lie) => {
    world.registry.intercept(lie);
    expect(await outcome(['verify', tagged])).toBe(expected);
    world.registry.intercept(undefined);
    expect(await outcome(['verify', tagged])).toBe('0 allow');
  });
});

describe('what cannot be judged at all', () => {
  it.each([
    [
      'a platform that does not exist',
      ['verify', ':1.0', '--platform', 'plan9/amd64'],
      '2 error PLATFORM_UNKNOWN',
    ],
    ['a platform that is none', ['verify', ':1.0', '--platform', 'linux'], '2 error PLATFORM_INVALID'],
    ['a reference that is none', ['verify', ':not a tag'], '2 error'],
    ['a policy that is not there', ['verify', ':1.0', '--policy', '/nowhere'], '2 error POLICY_INVALID'],
    ['a directory that is none', ['pull', ':1.0', '--to', 'dir:/tmp/x'], '2 error USAGE'],
  ])('is %s: usage', async (_, [command = '', name = '', ...more], expected) => {
    expect(await outcome([command, `${world.repository}${name}`, ...more])).toContain(expected);
  });
});

describe('verify', () => {
  it('with --quiet prints the pinned reference and nothing else', async () => {
    expect(await world.run(['verify', '-q', image])).toEqual({
      exit: 0,
      stdout: `${world.repository}@${web.index.digest}\n`,
      stderr: '',
    });
  });

  it('with --quiet prints nothing that could be taken for a reference when it refuses', async () => {
    const { exit, stdout, stderr } = await world.run(['verify', '-q', `${world.repository}:9`]);
    expect([exit, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^DENIED {2}.*NOT_VOUCHED/);
  });

  it('prints a decision whose shape is fixed', async () => {
    world.registry.add(other, '1.0');
    const { stdout } = await world.run(['verify', image, '--json']);
    const { decision, trust, vouchedBy, registry, exitCode } = verificationSchema.parse(JSON.parse(stdout));
    expect(decisionSchema.parse(decision).image.resolved).toBe(`${world.repository}@${web.index.digest}`);
    expect(trust).toMatchObject({ dialect: 'tuf', anchor: 'root', offline: false });
    expect(vouchedBy).toMatchObject([{ role: 'targets', since: '2026-11-20T10:00:00Z' }]);
    expect([registry, exitCode]).toEqual([{ digest: other.digest, differs: true }, 0]);
  });

  it('sees no difference between a child asked for with its tag and the index the tag names', async () => {
    const { stdout } = await world.run(['verify', `${image}@${web.arm64.digest}`, '--json']);
    const { registry, decision } = verificationSchema.parse(JSON.parse(stdout));
    expect([registry.differs, decision.image.via]).toEqual([false, web.index.digest]);
  });
});
