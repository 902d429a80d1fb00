/** Somebody who pulls, beside a real trust server: what a publisher signed with buildx's file, judged and fetched. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLayout } from '@vidimus/oci';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildxIndex, buildxMetadata, helloImage } from '../support/image-builder.ts';
import { startServer } from '../support/registry-server.ts';
import { TEST_CA } from '../support/registry-tls.ts';
import {
  type Machine,
  NOW,
  normalise,
  openMachine,
  openSite,
  TOKEN,
  type TrustSite,
} from './publishing-world.ts';
import { inspectionSchema, pulledSchema, verificationSchema } from './pulling-schemas.ts';

const one = buildxIndex('one');
const two = buildxIndex('two');
const tool = helloImage('tool');
let site: TrustSite;
let machine: Machine;
let web: string;

beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site);
  web = site.registry.repository;
  site.registry.add(one.index, '1.0');
  site.registry.add(tool, 'tool');
  const metadata = join(machine.home, 'metadata.json');
  await writeFile(metadata, buildxMetadata(one.index, `${web}:1.0`));
  for (const words of [
    ['init', web],
    ['sign', `${web}:1.0`, '--metadata-file', metadata],
    ['sign', `${web}:tool@${tool.digest}`],
  ]) {
    const { exit, stderr } = await machine.run(words);
    if (exit !== 0) throw new Error(stderr);
  }
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

/** What is said, not how long a line or a digest may be: folded lines are shown whole, digests and ids as `{hex}`. */
const show = async (words: readonly string[]): Promise<string> =>
  normalise(site, machine, await machine.run(words))
    .replace(/ ?\\?\n {12,}/g, ' ')
    .replace(/\{(?:12|64) hex\}/g, '{hex}');

describe('verify', () => {
  it('says what is pinned, who vouches, how fresh that is', async () => {
    expect(await show(['verify', `${web}:1.0`])).toMatchInlineSnapshot(`
      "ALLOWED  registry.test/shop/web:1.0
        pinned    registry.test/shop/web@sha256:{hex}
        image     index, linux/amd64 linux/arm64
        vouched   targets 1 of 1: {hex}; since 2026-11-21 09:00 (0 seconds)
        fresh     timestamp v3 checked now, good until 2026-11-22 09:00 (1 day)
        anchor    pinned root, root v1
        registry  the tag points to the same digest
        policy    local@0: built-in 3 of 3 rules
      exit 0"
    `);
  });

  it('shows the one digest to copy in full', async () => {
    const { stdout } = await machine.run(['verify', `${web}:1.0`]);
    expect(stdout).toContain(`\n  pinned    ${web}@${one.index.digest}\n`);
  });

  it('follows a digest to the index that lists it', async () => {
    expect(await show(['verify', `${web}:1.0@${one.arm64.digest}`])).toMatchInlineSnapshot(`
      "ALLOWED  registry.test/shop/web:1.0@sha256:{hex}
        pinned    registry.test/shop/web@sha256:{hex}
        image     image
        vouched   targets 1 of 1: {hex}; since 2026-11-21 09:00 (0 seconds); via sha256:{hex}
        fresh     timestamp v3 checked now, good until 2026-11-22 09:00 (1 day)
        anchor    pinned root, root v1
        registry  the tag points to the index that lists this digest
        policy    local@0: built-in 3 of 3 rules
      exit 0"
    `);
  });

  it('refuses what nobody signed, with a reason, a fix and more', async () => {
    site.registry.add(two.index, '2.0');
    expect(await show(['verify', `${web}:2.0`])).toMatchInlineSnapshot(`
      "DENIED  registry.test/shop/web:2.0  NOT_VOUCHED
        found     sha256:{hex} in the registry
        why       built-in/vouched: nobody vouches for registry.test/shop/web:2.0 at this digest
        fix       vidimus sign registry.test/shop/web:2.0@sha256:{hex}
        more      vidimus inspect registry.test/shop/web     decision {id}
      exit 1"
    `);
  });
});

describe('pull into a layout', () => {
  const out = (name: string): string => join(machine.home, name);

  it('fetches the digest that was judged, and says so', async () => {
    expect(await show(['pull', `${web}:1.0`, '--to', `oci:${out('whole')}`])).toMatchInlineSnapshot(`
      "ALLOWED  registry.test/shop/web:1.0 -> sha256:{hex}  (targets {hex}; fresh 1 day)
        pulled with vidimus by digest into oci:~/whole, tagged 1.0  0.0 s
      exit 0"
    `);
    const layout = await openLayout(out('whole'));
    for (const { digest } of [one.index, one.amd64, one.arm64, one.attestation])
      expect(await layout.blobSize(digest)).toBeGreaterThan(0);
  });

  it('fetches one platform where one was judged', async () => {
    const words = ['pull', `${web}:1.0`, '--platform', 'linux/arm64', '--to', `oci:${out('arm')}`];
    const { exit, stdout } = await machine.run([...words, '--json']);
    const { pulled, decision } = pulledSchema.parse(JSON.parse(stdout));
    expect([exit, decision.image.platforms]).toEqual([0, ['linux/arm64']]);
    expect(pulled).toEqual({
      with: 'oci',
      reference: `${web}@${one.index.digest}`,
      to: `oci:${out('arm')}`,
      retagged: '1.0',
    });
    const layout = await openLayout(out('arm'));
    expect(await layout.blobSize(one.arm64.digest)).toBe(one.arm64.size);
    expect(await layout.blobSize(one.amd64.digest)).toBeUndefined();
  });

  it('fetches the vouched digest where the tag has moved, and never the registry’s', async () => {
    site.registry.add(two.index, '1.0');
    try {
      const words = ['pull', `${web}:1.0`, '--to', `oci:${out('moved')}`];
      expect(await show(words)).toMatchInlineSnapshot(`
        "ALLOWED  registry.test/shop/web:1.0 -> sha256:{hex}  (targets {hex}; fresh 1 day)
          pulled with vidimus by digest into oci:~/moved, tagged 1.0  0.0 s
        --- stderr
        WARNING  the registry's tag has moved and nobody vouches for where it points  TAG_MOVED
          registry  sha256:{hex}
          vouched   sha256:{hex}
          fix       if the move was intended: vidimus sign registry.test/shop/web:1.0@sha256:{hex}
        exit 0"
      `);
      const layout = await openLayout(out('moved'));
      expect(await layout.blobSize(one.index.digest)).toBe(one.index.size);
      expect(await layout.blobSize(two.index.digest)).toBeUndefined();
      const strict = await machine.run([...words.slice(0, 3), `oci:${out('strict')}`, '--strict', '--json']);
      expect(strict.exit).toBe(1);
      expect(pulledSchema.parse(JSON.parse(strict.stdout)).pulled).toBeNull();
      await expect(openLayout(out('strict'))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    } finally {
      site.registry.add(one.index, '1.0');
    }
  });

  it('prints the pinned reference alone when quiet', async () => {
    const { stdout, stderr } = await machine.run(['pull', '-q', `${web}:tool`, '--to', `oci:${out('tool')}`]);
    expect([stdout, stderr]).toEqual([`${web}@${tool.digest}\n`, '']);
  });
});

describe('inspect', () => {
  it('shows tags and roles, and what needs attention', async () => {
    expect(await show(['inspect', web])).toMatchInlineSnapshot(`
      "registry.test/shop/web     tuf

      TAG   VOUCHED DIGEST       BY       SINCE       REGISTRY  STATE
      1.0   sha256:{hex}  targets  2026-11-21  same      ok
      tool  sha256:{hex}  targets  2026-11-21  same      ok

      ROLE         KEYS  NEED  VERSION  EXPIRES                 SIGNED BY
      root         2     1     1        2027-11-21 (12 months)  {hex}, {hex}
      targets      1     1     3        2027-02-19 (3 months)   {hex}
      revocations  1     1     1        2026-12-21 (30 days)    {hex}
      snapshot     1     1     3        2026-11-28 (7 days)     {hex}
      timestamp    1     1     3        2026-11-22 (1 day)      {hex}

      2 tags, none needs attention; 0 revoked digests      full digests and key ids: --wide, --json
      exit 0"
    `);
  });

  it('prints JSON whose shape is fixed', async () => {
    const { stdout } = await machine.run(['inspect', web, '--json']);
    const { tags, roles } = inspectionSchema.parse(JSON.parse(stdout));
    expect(tags.map(({ tag, digest }) => [tag, digest])).toEqual([
      ['1.0', one.index.digest],
      ['tool', tool.digest],
    ]);
    expect(roles.map(({ role }) => role)).toEqual([
      'root',
      'targets',
      'revocations',
      'snapshot',
      'timestamp',
    ]);
  });
});

describe('a digest taken back', () => {
  it('is refused under its tag, by digest, and under a tag somebody points at it', async () => {
    site.registry.add(two.index, 'bad');
    await machine.run(['sign', `${web}:bad@${two.index.digest}`]);
    await machine.run(['revoke', `${web}@${two.index.digest}`, '--reason', 'CVE-2026-41822, exploited']);
    site.registry.add(two.index, 'stable');
    for (const name of [':bad', `@${two.index.digest}`, ':stable']) {
      const { exit, stdout } = await machine.run(['verify', `${web}${name}`]);
      expect(stdout).toMatch(/^DENIED {2}.* DIGEST_REVOKED\n/);
      expect(stdout).toContain('"CVE-2026-41822, exploited"');
      expect(exit).toBe(1);
    }
    // Its children were never anybody's but the index's.
    expect((await machine.run(['verify', `${web}@${two.amd64.digest}`])).exit).toBe(1);
  });
});

describe('a repository of more than a thousand tags', () => {
  it('is judged and shown as one of few, and its bins speak for targets', async () => {
    const many = web.replace('shop/web', 'shop/many');
    await machine.run(['init', many]);
    const sign = Array.from({ length: 1_005 }, (_, number) => ({
      tag: `v${number}`,
      digest: tool.digest,
      size: tool.size,
      mediaType: tool.mediaType,
    }));
    const answer = await site.app.request(`/v2/${many}/_trust/tags`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ sign }),
    });
    expect(answer.status).toBe(200);
    const verified = await machine.run(['verify', `${many}:v1004`, '--json']);
    const { vouchedBy, decision } = verificationSchema.parse(JSON.parse(verified.stdout));
    expect(decision.failures).toEqual([]);
    expect(vouchedBy).toMatchObject([{ binOf: 'targets', path: ['targets', 'bins', expect.any(String)] }]);
    const byDigest = await machine.run(['verify', `${many}@${tool.digest}`]);
    expect(byDigest.exit).toBe(0);
    const { stdout } = await machine.run(['inspect', many]);
    expect(stdout).toMatch(/^b8-[0-9a-f]{2} and \d+ bins more {2}/m);
    expect(stdout.match(/^b8-/gm)).toHaveLength(1);
    expect(stdout.match(/^v\d+ +sha256:[0-9a-f]{12} +targets /gm)).toHaveLength(1_005);
  });
});

describe('doctor', () => {
  const doctor = async (group: string, server = site.server.origin): Promise<string> => {
    const { exit, stdout } = await machine.run(['doctor', group], {
      environment: { VIDIMUS_SERVER: server },
    });
    return `${stdout}exit ${exit}`;
  };

  it('says which server answers, and what is pinned from it', async () => {
    expect(await doctor('server')).toContain(`\nSERVER    ok    ${site.server.origin} `);
    expect(await doctor('metadata')).toMatch(/^(METADATA|) +ok {4}.*\/shop\/web root v1$/m);
    expect(await doctor('outage')).toMatch(
      /shop\/web: without the server, known images run 1 day, then are refused$/m,
    );
    expect(await doctor('pulls')).toMatch(/^PULLS {5}warn {2}no engine found\n {16}fix: .*--to oci:DIR/m);
  });

  it('asks nothing of the network for a group that needs none', async () => {
    const before = site.server.requests.length;
    const { exit, stdout } = await machine.run(['doctor', 'config', '--json']);
    const { findings }: { findings: { group: string }[] } = JSON.parse(stdout);
    expect(new Set(findings.map(({ group }) => group))).toEqual(new Set(['config']));
    expect([exit, site.server.requests.length]).toEqual([0, before]);
  });

  it('fails where the server is away, and knows no other group', async () => {
    expect(await doctor('server', 'http://127.0.0.1:1')).toMatch(
      /^SERVER {4}FAIL {2}http:\/\/127\.0\.0\.1:1 cannot be reached.*\n {16}fix: .*\n1 failed, 0 warnings\nexit 1$/m,
    );
    expect((await machine.run(['doctor', 'everything'])).exit).toBe(2);
  });

  it.each([
    [60_000, /^CLOCK {5}ok {4}60\.0 s from the server\n.*\nexit 0$/m],
    [-600_000, /^CLOCK {5}FAIL {2}600\.0 s from the server\n {16}fix: set the clock.*\n.*\nexit 1$/m],
  ])('compares the clock with the server’s, %d ms away', async (skewMs, expected) => {
    const server = await startServer((_, response) => {
      response.setHeader('date', new Date(NOW + skewMs).toUTCString());
      response.end();
    });
    expect(await doctor('clock', server.origin)).toMatch(expected);
    await server.close();
  });

  describe('asks the server what is coming', () => {
    const path = '/v2/_trust/repositories?problem=any&expiring=30d&limit=1000';
    const told = (status: number, body: unknown) =>
      site.intercept(({ url }) => (url === path ? { status, body: JSON.stringify(body) } : undefined));
    const summary = { repositories: 2, ok: 0, expiring: 0, pendingChanges: 0 };
    const about = (problem: object) => ({
      items: [{ repository: 'registry.example.com/shop/web', dialects: ['tuf'], problems: [problem] }],
      next: null,
      summary,
    });
    const fix = 'as the server says';
    const expires = '2026-12-05T00:00:00Z';
    const lines = async (): Promise<string> =>
      (await doctor('server')).split('\n').slice(2).join('\n').replaceAll(/ +/g, ' ');
    afterEach(() => site.intercept(undefined));

    it.each([
      [
        'a role that others sign',
        { code: 'ROLE_EXPIRING', role: 'edge', expires, heldBy: ['ci'], fix },
        'warn edge of registry.example.com/shop/web ends 2026-12-05, 13 days; held by ci',
        'vidimus change list registry.example.com/shop/web --expiring 30d',
      ],
      [
        'a renewal that is late',
        { code: 'ROLE_EXPIRING', role: 'snapshot', dialect: 'notary', expires, fix },
        'warn snapshot (notary) of registry.example.com/shop/web ends 2026-12-05, 13 days: its server is late',
        fix,
      ],
      [
        'a certificate',
        { code: 'KEY_EXPIRING', role: 'root', dialect: 'notary', expires, fix },
        'warn a certificate of root (notary) of registry.example.com/shop/web ends 2026-12-05, 13 days',
        fix,
      ],
      [
        'what has ended',
        {
          code: 'ROLE_EXPIRED',
          role: 'root',
          expires: '2026-11-20T09:00:00Z',
          heldBy: ['ab'.repeat(32)],
          fix,
        },
        'FAIL root of registry.example.com/shop/web ended 2026-11-20, 1 day ago; held by abababababab',
        'vidimus change list registry.example.com/shop/web --expiring 30d',
      ],
      [
        'a revoked key',
        { code: 'KEY_REVOKED_LISTED', role: 'edge', fix },
        'warn registry.example.com/shop/web: KEY_REVOKED_LISTED',
        fix,
      ],
    ])('and tells of %s', async (_, problem, line, remedy) => {
      told(200, about(problem));
      expect(await lines()).toContain(`${line}\n fix: ${remedy}\n`);
    });

    it('and tells of changes that wait, and that there is more', async () => {
      told(200, { items: [], next: 'more', summary: { ...summary, pendingChanges: 3 } });
      const said = await lines();
      expect(said).toMatch(/ warn \S+: more repositories have problems than are shown\n/);
      expect(said).toMatch(/ warn \S+: 3 open changes wait for somebody\n fix: vidimus change list --mine\n/);
    });

    it.each([
      ['a choice that was made', about({ code: 'ROOT_ONLINE', role: 'root', fix })],
      [
        'a name that is none',
        { ...about({}), items: [{ repository: 'x y', problems: [{ code: 'KEY', fix }] }] },
      ],
    ])('and passes over %s', async (_, body) => {
      told(200, body);
      expect(await lines()).toMatch(
        / ok \S+: 2 repositories, nothing ends within 30d, no change waits\n0 failed/,
      );
    });

    it('and hears nothing of one that may not tell, or is older, or of another kind', async () => {
      for (const code of ['DENIED', 'ROUTE_UNKNOWN', 'BODY_INVALID']) {
        told(403, { errors: [{ code, message: 'no' }] });
        expect(await lines()).toMatch(/^0 failed, 0 warnings\n/);
      }
      told(200, 'a page');
      expect(await lines()).toMatch(/^0 failed, 0 warnings\n/);
    });

    it('and says that a token is not good', async () => {
      told(401, { errors: [{ code: 'UNAUTHORIZED', message: 'no' }] });
      expect(await lines()).toContain('takes the token for none, or for one that has ended');
    });
  });

  it('reaches a server whose certificate an authority of the configuration signed', async () => {
    const server = await startServer((_, response) => void response.end(), { tls: true });
    const config = join(machine.home, 'tls.yaml');
    await writeFile(join(machine.home, 'ca.pem'), TEST_CA);
    const entry = { match: '**', trustServer: server.origin, ca: 'ca.pem' };
    await writeFile(config, JSON.stringify({ version: 1, repositories: [entry] }));
    const environment = { VIDIMUS_CONFIG: config, VIDIMUS_SERVER: undefined };
    const { stdout } = await machine.run(['doctor', 'server'], { environment });
    await server.close();
    expect(stdout).toContain(`SERVER    ok    ${server.origin} `);
  });
});
