/** One anchor for a fleet: the directory on a real service, clients that hold nothing but its anchor file. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SmallImage, smallImage } from '@vidimus/oci';
import { Updater } from 'tuf-js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ed25519Key } from '../support/tuf-keys.ts';
import {
  type Machine,
  normalise,
  openMachine,
  openSite,
  TOKEN,
  type Transcript,
  type TrustSite,
} from './publishing-world.ts';

let site: TrustSite;
let admin: Machine;
let home: string;
let web: string;
const machines: Machine[] = [];
/** A machine that names no server: what it knows it has from the anchor file. */
const bare = { VIDIMUS_SERVER: undefined, VIDIMUS_TOKEN: undefined };

beforeAll(async () => {
  site = await openSite();
  admin = await openMachine(site, 'admin');
  home = await mkdtemp(join(tmpdir(), 'vdm-directory-'));
  web = `${site.registry.host}/shop/web`;
});
afterAll(async () => {
  await admin.close();
  await site.close();
  await rm(home, { recursive: true, force: true });
});
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.close();
});

async function fresh(seed: string): Promise<Machine> {
  const machine = await openMachine(site, seed);
  machines.push(machine);
  return machine;
}
const imageOf = (content: string): SmallImage =>
  smallImage({ platform: { os: 'linux', architecture: 'amd64' }, files: { 'bin/app': content } });
const file = (name: string): string => join(home, name);
const rest = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const answer = await site.app.request(path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.status >= 300) throw new Error(`${answer.status} ${await answer.text()}`);
  return await answer.json();
};
const entryPath = (pattern: string): string => `/v2/_directory/_trust/entries/${encodeURIComponent(pattern)}`;
const madeKey = z.object({ keyId: z.string(), file: z.string() });
const summary = z.object({ roles: z.record(z.string(), z.object({ keyIds: z.array(z.string()) })) });
const rootKeys = async (repository: string): Promise<readonly string[]> =>
  summary.parse(await rest('GET', `/v2/${repository}/_trust`)).roles['root']?.keyIds ?? [];
const json = (transcript: Transcript): Record<string, unknown> => JSON.parse(transcript.stdout);
const anchorFile = (): string => file('acme.anchor.json');
const ok = (transcript: Transcript): Transcript => {
  expect(transcript, `${transcript.stdout}\n${transcript.stderr}`).toMatchObject({ exit: 0 });
  return transcript;
};

describe('the directory of an organisation', () => {
  it('is made, names root keys, and is exported as the one file that machines carry', async () => {
    ok(await admin.run(['init', '_directory', '--managed-root']));
    ok(await admin.run(['init', web, '--managed-root']));
    const image = imageOf('web');
    site.registry.add(image, '1.4.2');
    ok(await admin.run(['sign', `${web}:1.4.2@${image.digest}`]));
    await rest('PUT', entryPath(`${site.registry.host}/shop/**`), {
      roots: { tuf: { keyIds: await rootKeys(web), threshold: 1 } },
      trustServer: site.server.origin,
    });
    const exported = ok(await admin.run(['anchor', 'export', '--directory', '--name', 'acme']));
    await writeFile(anchorFile(), exported.stdout);
    expect(JSON.parse(exported.stdout)).toMatchObject({
      version: 1,
      kind: 'directory',
      name: 'acme',
      repository: '_directory',
      server: site.server.origin,
      anchor: { root: expect.any(String) },
    });
  });

  it('is read by stock TUF clients, entries as files', async () => {
    const base = `${site.server.origin}/v2/_directory/_trust`;
    const metadataDir = await mkdtemp(join(home, 'tuf-js-'));
    const root = await site.app.request('/v2/_directory/_trust/metadata/1.root.json');
    await writeFile(join(metadataDir, 'root.json'), new Uint8Array(await root.arrayBuffer()));
    const updater = new Updater({
      metadataDir,
      metadataBaseUrl: `${base}/metadata`,
      targetDir: metadataDir,
      targetBaseUrl: `${base}/targets`,
      config: { fetchRetry: 0 },
    });
    vi.useFakeTimers({ now: site.clock.nowMs, toFake: ['Date'] });
    try {
      await updater.refresh();
      const target = await updater.getTargetInfo(`${site.registry.host}/shop/**`);
      if (target === undefined) throw new Error('tuf-js finds no entry');
      const path = await updater.downloadTarget(target, file('entry.json'));
      expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ trustServer: site.server.origin });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is all that a machine needs once it is pinned', async () => {
    const machine = await fresh('pinned');
    const pinned = await machine.run(['anchor', 'pin', anchorFile()], { environment: bare });
    expect(normalise(site, machine, pinned)).toMatchInlineSnapshot(`
      "PINNED  acme directory
        anchor    root v1 sha256:{12 hex}, 1 of 1 root keys: {12 hex}
        server    https://trust.test
        next      vidimus verify IMAGE
      exit 0"
    `);
    const verified = await machine.run(['verify', `${web}:1.4.2`], { environment: bare });
    expect(ok(verified).stdout).toContain(
      '  anchor    acme directory (pinned), root v1; repository root v1\n',
    );
    const listed = ok(await machine.run(['anchor', 'list'], { environment: bare }));
    expect(listed.stdout).toContain('acme directory');
    const doctor = await machine.run(['doctor', 'config'], { environment: bare });
    expect(ok(doctor).stdout).toContain('anchor of all repositories: acme directory (pinned)');
    expect((await machine.run(['doctor', 'server'], { environment: bare })).stdout).toContain(
      site.server.origin,
    );
    const plain = json(ok(await machine.run(['verify', `${web}:1.4.2`, '--json'], { environment: bare })));
    expect(plain['trust']).toMatchObject({ anchor: 'directory', directory: { name: 'acme', root: 1 } });
  });

  it('is all that a machine needs whose configuration names it', async () => {
    const machine = await fresh('configured');
    const config = file('config.yaml');
    await writeFile(config, 'version: 1\ndirectory: {anchor: acme.anchor.json}\n');
    ok(await machine.run(['verify', `${web}:1.4.2`, '--config', config], { environment: bare }));
    ok(await machine.run(['anchor', 'list', '--config', config], { environment: bare }));
  });

  it('refuses what it does not name, whoever else would vouch for it', async () => {
    const other = `${site.registry.host}/lab/tool`;
    ok(await admin.run(['init', other, '--managed-root']));
    const machine = await fresh('unnamed');
    ok(await machine.run(['anchor', 'pin', anchorFile()], { environment: bare }));
    const config = file('first-use.yaml');
    await writeFile(config, 'version: 1\nrepositories: [{match: "**", anchor: firstUse}]\n');
    const verified = await machine.run(['verify', `${other}:1`, '--config', config], {
      environment: { ...bare, VIDIMUS_SERVER: site.server.origin },
    });
    expect([verified.exit, verified.stdout]).toEqual([3, expect.stringContaining('ANCHOR_MISSING')]);
  });

  it('refuses a repository whose root is not signed as it says, also one that was pinned before', async () => {
    const machine = await fresh('differs');
    const root = await site.app.request(`/v2/${web}/_trust/metadata/1.root.json`);
    await writeFile(file('1.root.json'), new Uint8Array(await root.arrayBuffer()));
    ok(await machine.run(['anchor', 'pin', web, '--root', file('1.root.json')]));
    ok(await machine.run(['verify', `${web}:1.4.2`]));
    ok(await machine.run(['anchor', 'pin', anchorFile()], { environment: bare }));
    const pattern = entryPath(`${site.registry.host}/shop/web`);
    await rest('PUT', pattern, { roots: { tuf: { keyIds: [ed25519Key('other').keyId], threshold: 1 } } });
    const refused = await machine.run(['verify', `${web}:1.4.2`]);
    expect([refused.exit, refused.stdout.split('\n')[0]]).toEqual([
      1,
      `DENIED  ${web}:1.4.2  ANCHOR_MISMATCH`,
    ]);
    await rest('DELETE', pattern);
    ok(await machine.run(['verify', `${web}:1.4.2`]));
  });

  it('that is away ends what it vouches for when its metadata does, and at once for a new machine', async () => {
    const machine = await fresh('outage');
    ok(await machine.run(['anchor', 'pin', anchorFile()], { environment: bare }));
    ok(await machine.run(['verify', `${web}:1.4.2`], { environment: bare }));
    site.intercept(({ url }) => (url.includes('/_directory/') ? 503 : undefined));
    try {
      ok(await machine.run(['verify', `${web}:1.4.2`], { environment: bare }));
      const later = await machine.run(['verify', `${web}:1.4.2`, '--online'], { environment: bare });
      expect(later.exit).toBe(3);
      const another = await fresh('outage later');
      ok(await another.run(['anchor', 'pin', anchorFile()], { environment: bare }));
      expect((await another.run(['verify', `${web}:1.4.2`], { environment: bare })).exit).toBe(3);
    } finally {
      site.intercept(undefined);
    }
  });

  it('refuses an image that the whole organisation revoked', async () => {
    const machine = await fresh('revoked');
    ok(await machine.run(['anchor', 'pin', anchorFile()], { environment: bare }));
    const image = imageOf('web');
    const path = `/v2/_directory/_trust/revocations/${image.digest}`;
    // Asked for in the repository where the image was found.
    const found = `/v2/${web}/_trust/revocations/${image.digest}`;
    await rest('PUT', found, { reason: 'CVE-2026-41822, exploited', scope: 'organisation' });
    const refused = await machine.run(['verify', `${web}:1.4.2`], { environment: bare });
    expect([refused.exit, refused.stdout]).toEqual([1, expect.stringContaining('DIGEST_REVOKED')]);
    expect(refused.stdout).toContain('by the organisation');
    await rest('DELETE', path);
    ok(await machine.run(['verify', `${web}:1.4.2`], { environment: bare }));
  });

  it('shuts a revoked root key out at the next refresh of a machine that holds nothing but its anchor', async () => {
    const stolen = `${site.registry.host}/shop/stolen`;
    ok(await admin.run(['init', stolen, '--managed-root']));
    const image = imageOf('stolen');
    site.registry.add(image, '1');
    ok(await admin.run(['sign', `${stolen}:1@${image.digest}`]));
    const pattern = entryPath(stolen);
    const keyIds = await rootKeys(stolen);
    await rest('PUT', pattern, { roots: { tuf: { keyIds, threshold: 1 } }, trustServer: site.server.origin });
    const machine = await fresh('stolen');
    ok(await machine.run(['anchor', 'pin', anchorFile()], { environment: bare }));
    ok(await machine.run(['verify', `${stolen}:1`], { environment: bare }));

    await rest('POST', `/v2/${stolen}/_trust/roles/root/rotations`, {
      to: [{ custody: 'managed' }],
      reason: 'stolen',
    });
    await rest('PUT', pattern, {
      roots: { tuf: { keyIds: await rootKeys(stolen), threshold: 1 } },
      trustServer: site.server.origin,
    });
    // The thief shows what the revoked key alone signed, and hides the root that came after.
    site.intercept(({ url }) => (url.endsWith('/shop/stolen/_trust/metadata/2.root.json') ? 404 : undefined));
    try {
      const refused = await machine.run(['verify', `${stolen}:1`], { environment: bare });
      expect([refused.exit, refused.stdout.split('\n')[0]]).toEqual([
        1,
        expect.stringContaining('ANCHOR_MISMATCH'),
      ]);
    } finally {
      site.intercept(undefined);
    }
    ok(await machine.run(['verify', `${stolen}:1`], { environment: bare }));
  });

  it('has an image refused that a revoked key alone vouched for, at the next refresh', async () => {
    const signed = `${site.registry.host}/shop/signed`;
    ok(await admin.run(['init', signed, '--managed-root']));
    await rest('PUT', entryPath(signed), {
      roots: { tuf: { keyIds: await rootKeys(signed), threshold: 1 } },
      trustServer: site.server.origin,
    });
    const keys: string[] = [];
    for (const name of ['alice', 'bob']) {
      const { keyId, file: made } = madeKey.parse(
        json(ok(await admin.run(['key', 'generate', '--label', name, '--json']))),
      );
      keys.push(keyId);
      await writeFile(file(`${name}.pub`), await readFile(made.replace(/\.key$/, '.pub')));
    }
    const signers = ['--signer', `alice=${file('alice.pub')}`, '--signer', `bob=${file('bob.pub')}`];
    ok(await admin.run(['delegation', 'add', signed, 'releases', ...signers, '--path', '*']));
    const image = imageOf('signed');
    site.registry.add(image, '1');
    const [alice = ''] = keys;
    ok(await admin.run(['sign', `${signed}:1@${image.digest}`, '--as', 'releases', '--key', alice]));
    const machine = await fresh('signed');
    ok(await machine.run(['anchor', 'pin', anchorFile()], { environment: bare }));
    ok(await machine.run(['verify', `${signed}:1`], { environment: bare }));

    await admin.run(['key', 'revoke', alice, '--reason', 'laptop stolen']);
    const refused = await machine.run(['verify', `${signed}:1`], { environment: bare });
    expect(refused).toMatchObject({ exit: 1 });
    expect(refused.stdout).toMatch(/^DENIED {2}/);
  });
});

describe('an anchor file', () => {
  it.each<[string, (anchor: Record<string, unknown>) => unknown]>([
    ['of another version', (anchor) => ({ ...anchor, version: 2 })],
    ['with an unknown member', (anchor) => ({ ...anchor, final: true })],
    ['of a directory that is called a repository', (anchor) => ({ ...anchor, kind: 'repository' })],
    ['of no kind there is', (anchor) => ({ ...anchor, kind: 'fleet' })],
    ['without anchor', ({ anchor: _, ...rest }) => rest],
    [
      'of a directory taken on first use',
      (anchor) => ({ ...anchor, anchor: undefined, firstUse: anchor['anchor'] }),
    ],
    ['of a directory in the dialect notary', (anchor) => ({ ...anchor, dialect: 'notary' })],
    ['with a server that is none', (anchor) => ({ ...anchor, server: 'trust' })],
    ['with a name that could be an escape', (anchor) => ({ ...anchor, name: '\u001b[2J' })],
    ['with a root of something else', (anchor) => ({ ...anchor, anchor: { root: 'e30=' } })],
    ['with recovery keys that are none', (anchor) => ({ ...anchor, recovery: { keys: {}, threshold: 1 } })],
    ['with a hand-over that is none', (anchor) => ({ ...anchor, handovers: ['e30='] })],
    ['that is a list', () => []],
  ])('%s is not pinned', async (_, spoil) => {
    const machine = await fresh('bad');
    const anchor: Record<string, unknown> = JSON.parse(await readFile(anchorFile(), 'utf8'));
    await writeFile(file('bad.anchor.json'), JSON.stringify(spoil(anchor)));
    const pinned = await machine.run(['anchor', 'pin', file('bad.anchor.json')], { environment: bare });
    expect(pinned.exit).not.toBe(0);
    expect(pinned.exit).not.toBe(5);
    const list = await machine.run(['anchor', 'list', '--json'], { environment: bare });
    expect(json(list)).toEqual({ anchors: [] });
  });

  it('with the same member twice, or no JSON, or one of a repository, is refused where configuration names it', async () => {
    const machine = await fresh('bad config');
    const good = await readFile(anchorFile(), 'utf8');
    const config = file('bad.yaml');
    await writeFile(config, 'version: 1\ndirectory: {anchor: bad.anchor.json}\n');
    const repository = ok(await admin.run(['anchor', 'export', web])).stdout;
    for (const text of [
      good.replace('"version": 1,', '"version": 1, "version": 1,'),
      'hello',
      '',
      repository,
    ]) {
      await writeFile(file('bad.anchor.json'), text);
      const refused = await machine.run(['verify', `${web}:1.4.2`, '--config', config], {
        environment: bare,
      });
      expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('CONFIG_INVALID')]);
    }
    await rm(file('bad.anchor.json'));
    const refused = await machine.run(['verify', `${web}:1.4.2`, '--config', config], { environment: bare });
    expect(refused.exit).toBe(2);
  });

  it('is asked for by a repository that relies on the directory where there is none', async () => {
    const machine = await fresh('none');
    const config = file('relies.yaml');
    await writeFile(config, 'version: 1\nrepositories: [{match: "**", anchor: directory}]\n');
    const refused = await machine.run(['verify', `${web}:1.4.2`, '--config', config]);
    expect([refused.exit, refused.stdout]).toEqual([
      3,
      expect.stringContaining('anchor pin acme.anchor.json'),
    ]);
  });

  it('is exported of one thing: a repository or the directory', async () => {
    expect((await admin.run(['anchor', 'export'])).exit).toBe(2);
    expect((await admin.run(['anchor', 'export', web, '--directory'])).exit).toBe(2);
    expect((await admin.run(['anchor', 'export', '--directory', '--name', '\u001b'])).exit).toBe(2);
  });
});
