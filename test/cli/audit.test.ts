/** `vidimus audit`: the story of a tag, taken along and checked elsewhere. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helloImage } from '../support/image-builder.ts';
import { type Machine, normalise, openMachine, openSite, TOKEN, type TrustSite } from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
/** A machine that pinned nothing. */
let auditor: Machine;
let web: string;
let file: string;
const one = helloImage('one');
const two = helloImage('two');

const show = async (words: readonly string[], on = machine): Promise<string> =>
  normalise(site, on, await on.run(words));

/** A call that no command makes. */
async function rest(method: string, path: string, body?: unknown): Promise<unknown> {
  site.clock.nowMs += 3_600_000;
  const answer = await site.app.request(`/v2/${web}/_trust${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
  return await answer.json();
}

const digestOf = ({ digest }: { readonly digest: string }) => ({ digest, size: 500, role: 'releases' });

beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site);
  auditor = await openMachine(site, 'auditor');
  web = site.registry.repository;
  file = join(machine.home, 'web.audit.json');
  await machine.run(['init', web]);
  await rest('PUT', '/delegations/releases', {
    signers: [{ name: 'ci', keys: [{ custody: 'managed' }] }],
    threshold: 1,
    paths: ['1.*'],
  });
  await rest('PUT', '/tags/1.0', digestOf(one));
  await rest('PUT', '/tags/1.0', digestOf(two));
  const detail = JSON.stringify(await rest('GET', '/tags/1.0'));
  const keyId = /"role":"releases".*?"keyIds":\["([0-9a-f]{64})"\]/.exec(detail)?.[1];
  await rest('POST', `/keys/${keyId}/revocation`, {
    reason: 'found in a build log',
    replacement: { custody: 'managed' },
  });
  await rest('DELETE', '/tags/1.0');
  await rest('PUT', '/tags/1.0', digestOf(one));
});
afterAll(async () => {
  await machine.close();
  await auditor.close();
  await site.close();
});

describe('the story of a tag', () => {
  it('is told, with what is backed by signatures', async () => {
    expect(await show(['audit', `${web}:1.0`])).toMatchInlineSnapshot(`
      "registry.test/shop/web:1.0   now sha256:{12 hex}, vouched for by
        root v1 ({12 hex}) > targets v3 ({12 hex}) > releases v6 ({12 hex})
        pinned    registry.test/shop/web@sha256:{64 hex}
        as of timestamp v7, good until 2026-11-22 16:00 (1 day)

         TIME (UTC)        WHAT                                                WHO          HOW  VERSIONS               BACKED
      1  2026-11-21 11:00  signed sha256:{12 hex}                          admin-token  -    releases 2             signed
      2  2026-11-21 12:00  moved sha256:{12 hex} -> sha256:{12 hex}    admin-token  -    releases 3             signed
      3  2026-11-21 14:00  revoked key {12 hex} of releases "found in a    admin-token  -    targets 3, releases 4  signed
                           build log"
      4  2026-11-21 15:00  took back the tag, sha256:{12 hex}              admin-token  -    releases 5             signed
      5  2026-11-21 16:00  signed sha256:{12 hex} again                    admin-token  -    releases 6             signed

      Checked here, without trusting the server: 5 of 5 lines are backed by signed metadata;
      the log's hash chain is whole (events 1 to 9, signed up to 9).
      Who acted, and why, is always the server's word; which keys signed what is not.
      Take it with you:  vidimus audit registry.test/shop/web:1.0 --export FILE
        then anywhere:  vidimus audit --verify FILE
      exit 0"
    `);
  });

  it('is told of a whole repository', async () => {
    expect(await show(['audit', web])).toMatchInlineSnapshot(`
      "registry.test/shop/web
        as of timestamp v7, good until 2026-11-22 16:00 (1 day)

         TIME (UTC)        WHAT                 WHO          HOW                                           VERSIONS     BACKED
      1  2026-11-21 09:00  repository create    admin-token  change {id}, 1          root 1,      signed
                                                             signature                                     targets 1,
                                                                                                           revocations
                                                                                                           1
      2  2026-11-21 10:00  delegated to         admin-token  -                                             targets 2,   signed
                           releases                                                                        releases 1
      3  2026-11-21 11:00  signed 1.0           admin-token  -                                             releases 2   signed
                           sha256:{12 hex}
      4  2026-11-21 12:00  signed 1.0           admin-token  -                                             releases 3   signed
                           sha256:{12 hex}
      5  2026-11-21 14:00  revoked key          admin-token  -                                             targets 3,   signed
                           {12 hex} of                                                                 releases 4
                           releases "found in
                           a build log"
      6  2026-11-21 15:00  took back 1.0        admin-token  -                                             releases 5   signed
      7  2026-11-21 16:00  signed 1.0           admin-token  -                                             releases 6   signed
                           sha256:{12 hex}

      Checked here, without trusting the server: 7 of 7 lines are backed by signed metadata;
      the log's hash chain is whole (events 1 to 9, signed up to 9).
      Who acted, and why, is always the server's word; which keys signed what is not.
      Take it with you:  vidimus audit registry.test/shop/web --export FILE    then anywhere:  vidimus audit --verify FILE
      exit 0"
    `);
  });

  it('is one JSON object with --json', async () => {
    const { exit, stdout } = await machine.run(['audit', `${web}:1.0`, '--json']);
    const report: unknown = JSON.parse(stdout);
    expect(exit).toBe(0);
    expect(report).toMatchObject({
      repository: web,
      tag: '1.0',
      now: { digest: one.digest, vouchedBy: [{ role: 'root' }, { role: 'targets' }, { role: 'releases' }] },
      contradicted: false,
      lines: expect.arrayContaining([
        expect.objectContaining({
          backed: 'signed',
          event: expect.objectContaining({ action: 'key.revoke' }),
        }),
      ]),
    });
  });

  it('of a tag that never was is none', async () => {
    expect(await show(['audit', `${web}:9.9`])).toMatchInlineSnapshot(`
      "registry.test/shop/web:9.9   nobody vouches for it now
        as of timestamp v7, good until 2026-11-22 16:00 (1 day)

      Checked here, without trusting the server: 0 of 0 lines are backed by signed metadata;
      the log's hash chain is whole (events 1 to 9, signed up to 9).
      Who acted, and why, is always the server's word; which keys signed what is not.
      Take it with you:  vidimus audit registry.test/shop/web:9.9 --export FILE
        then anywhere:  vidimus audit --verify FILE
      exit 1"
    `);
  });
});

describe('an audit taken along', () => {
  it('is written, and says how to check it', async () => {
    const said = await show(['audit', `${web}:1.0`, '--export', file]);
    expect(said).toContain('written to ~/web.audit.json; anywhere:  vidimus audit --verify ~/web.audit.json');
    expect(said).toContain('exit 0');
  });

  it('verifies where the root is pinned', async () => {
    const said = await show(['audit', '--verify', file]);
    expect(said).toContain('anchor    root v1, pinned on this machine');
    expect(said).toContain('exit 0');
  });

  it('verifies where nothing is known, with no server', async () => {
    site.intercept(() => 500);
    try {
      const said = await show(['audit', '--verify', file], auditor);
      expect(said).toContain('compare it with what its owner says');
      expect(said).toContain('exit 0');
    } finally {
      site.intercept(undefined);
    }
  });

  it('does not verify damaged, cut off, or as something else', async () => {
    const bytes = await readFile(file);
    const spoiled = join(machine.home, 'spoiled.json');
    const flipped = Buffer.from(bytes);
    flipped[5_000] = (flipped[5_000] ?? 0) ^ 1;
    for (const content of [flipped, bytes.subarray(0, 9_000), Buffer.from('{}')]) {
      await writeFile(spoiled, content);
      expect(await show(['audit', '--verify', spoiled])).toMatch(/AUDIT_INVALID[\s\S]*exit 2$/);
    }
  });
});

describe('a server that tells another story', () => {
  /** Answers pages of the log with what `edit` makes of them. */
  const lying = async (edit: (body: string) => string, words: readonly string[] = []): Promise<string> => {
    const path = `/v2/${web}/_trust/audit?limit=1000`;
    const headers = { authorization: `Bearer ${TOKEN}` };
    const page = await (await site.app.request(path, { headers })).text();
    site.intercept(({ url }) =>
      url.includes('/_trust/audit') ? { status: 200, body: edit(page) } : undefined,
    );
    try {
      return await show(['audit', `${web}:1.0`, ...words]);
    } finally {
      site.intercept(undefined);
    }
  };

  it('is refused when it says who else it was', async () => {
    expect(
      await lying((page) => page.replace('"actor":"admin-token"', '"actor":"nobody"')),
    ).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  event 9 was changed: its hash is another one  AUDIT_TAMPERED
        fix       keep what you have, and ask whoever runs the server: this is no fault of the network
      exit 1"
    `);
  });

  it('is refused when it leaves the end out', async () => {
    const said = await lying((page) => {
      const { items } = JSON.parse(page) as { items: unknown[] };
      return JSON.stringify({ items: items.slice(1), next: null });
    });
    expect(said).toMatch(/truncated {2}AUDIT_TAMPERED[\s\S]*exit 1$/);
  });

  it('is not believed in another shape, or without end', async () => {
    expect(await lying(() => '<html></html>')).toContain('exit 3');
    expect(await lying(() => '{"items":[{}],"next":null}')).toContain('exit 3');
    expect(await lying(() => '{"items":[],"next":"more"}')).not.toContain('exit 0');
  });

  it('is found out by an export of before', async () => {
    const said = await show(['audit', web, '--kept', file]);
    expect(said).toContain('exit 0');
    site.clock.nowMs += 3_600_000;
    await rest('PUT', '/tags/1.1', digestOf(two));
    expect(await show(['audit', web, '--kept', file])).toContain('lies on it: nothing was rewritten since');
  });
});

describe('what cannot be audited', () => {
  it.each([
    ['nothing', ['audit']],
    ['an image and a file', ['audit', 'r.io/a:1', '--verify', 'x']],
    ['a digest', ['audit', `r.io/a@sha256:${'a'.repeat(64)}`]],
    ['a file that is not there', ['audit', '--verify', '/nowhere/x.json']],
  ])('is a mistake of usage: %s', async (_, words) => {
    expect((await machine.run(words)).exit).toBe(2);
  });

  it('is a repository that nothing is pinned for', async () => {
    expect(await show(['audit', `${web}:1.0`], auditor)).toMatch(/ANCHOR_MISSING[\s\S]*exit 3$/);
  });
});

describe('a repository that has expired', () => {
  it('is audited all the same, with a warning', async () => {
    site.clock.nowMs += 3 * 86_400_000;
    const said = await show(['audit', `${web}:1.0`]);
    expect(said).toContain('days ago)');
    expect(said).toContain('EXPIRED');
    expect(said).toMatch(/exit 0$/);
  });
});
