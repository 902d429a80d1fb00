/** A publisher whose repository is read by TUF clients and by old Docker clients: both dialects from each command. */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { helloImage } from '../support/image-builder.ts';
import { type Machine, normalise, openMachine, openSite, type TrustSite } from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
const one = helloImage('one');
const two = helloImage('two');
const both = ['--dialect', 'tuf,notary'] as const;

beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site);
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

const named = (name: string): string => `${site.registry.host}/dual/${name}`;
const show = async (words: readonly string[]): Promise<string> =>
  normalise(site, machine, await machine.run(words));

const keysSchema = z.object({
  outcome: z.string(),
  keys: z.array(
    z.object({
      use: z.string(),
      dialect: z.enum(['tuf', 'notary']),
      keyId: z.string(),
      certificate: z.string().optional(),
    }),
  ),
});

async function initiate(words: readonly string[], on = machine) {
  const { exit, stdout, stderr } = await on.run([...words, '--json']);
  if (stdout === '') throw new Error(stderr);
  return { exit, ...keysSchema.parse(JSON.parse(stdout)) };
}

async function failureOf(words: readonly string[], on = machine): Promise<string> {
  const { exit, stdout } = await on.run([...words, '--json']);
  const { error } = z.object({ error: z.object({ code: z.string() }) }).parse(JSON.parse(stdout));
  return `${error.code} ${exit}`;
}

/** What a client of each dialect says of a reference: the digest, or the code of the refusal. */
async function readBoth(reference: string, certIds: readonly string[]): Promise<readonly string[]> {
  const config = join(machine.home, 'notary.yaml');
  const entry = { match: '**', dialect: 'notary', anchor: { certIds } };
  await writeFile(config, JSON.stringify({ version: 1, repositories: [entry] }));
  const other = ['--config', config, '--cache', join(machine.home, 'notary-cache')];
  const said = [];
  for (const words of [[], other]) {
    const { stdout } = await machine.run(['verify', reference, '--json', ...words]);
    const { decision } = JSON.parse(stdout);
    said.push(decision.decision === 'deny' ? decision.failures[0].code : decision.image.digest);
  }
  return said;
}

describe('a repository in both dialects', () => {
  let repository: string;
  let certIds: readonly string[];

  it('has a root key and a spare for each, and says how old clients find it', async () => {
    repository = named('shop');
    expect(await show(['init', repository, ...both])).toMatchInlineSnapshot(`
      "CREATED  registry.test/dual/shop
        root      v1, 1 of 2 keys, held by clients, expires 2027-11-21 09:00 (12 months)
        dialects  tuf, notary
        key       ~/.local/share/vidimus/keys/{64 hex}.key
                  ~/.local/share/vidimus/keys/{64 hex}.key
                  (for Notary clients)
        spare     {12 hex} and {12 hex}, of the same power: move them to a medium that stays offline
          mv ~/.local/share/vidimus/keys/{64 hex}.* OFFLINE-MEDIUM/
          mv ~/.local/share/vidimus/keys/{64 hex}.* OFFLINE-MEDIUM/
        anchor    pinned here: root v1 sha256:{12 hex}, 1 of 2 root keys: {12 hex}, {12 hex}
        others    vidimus anchor export registry.test/dual/shop > FILE
                  and on their machines: vidimus anchor pin registry.test/dual/shop --root FILE
        docker    up to version 28 wants this server over https: vidimus serve --tls-dev
        next      vidimus sign registry.test/dual/shop:TAG@sha256:DIGEST
      exit 0"
    `);
    const asked = await initiate(['init', repository, ...both]);
    expect([asked.outcome, asked.exit]).toEqual(['exists', 0]);
    const directory = join(machine.home, '.local/share/vidimus/keys');
    const certificates = (await readdir(directory)).filter((name) => name.endsWith('.crt'));
    expect(certificates).toHaveLength(2);
    expect(await readFile(join(directory, certificates[0] ?? ''), 'utf8')).toMatch(
      /^-----BEGIN CERTIFICATE-----/,
    );
    certIds = certificates.map((name) => name.replace('.crt', ''));
  });

  it('answers the same to both when a tag is signed, moved and taken back', async () => {
    site.registry.add(one, '1.0');
    await machine.run(['sign', `${repository}:1.0@${one.digest}`, '--size', String(one.size)]);
    expect(await readBoth(`${repository}:1.0`, certIds)).toEqual([one.digest, one.digest]);
    await machine.run(['sign', `${repository}:1.0@${two.digest}`, '--size', String(two.size)]);
    expect(await readBoth(`${repository}:1.0`, certIds)).toEqual([two.digest, two.digest]);
    await machine.run(['revoke', `${repository}:1.0`]);
    expect(await readBoth(`${repository}:1.0`, certIds)).toEqual(['NOT_VOUCHED', 'NOT_VOUCHED']);
  });

  it('loses the tags of a revoked digest in both, and lists it where there is a list', async () => {
    await machine.run(['sign', `${repository}:2.0@${one.digest}`, '--size', String(one.size)]);
    expect((await machine.run(['revoke', `${repository}@${one.digest}`, '--reason', 'a hole'])).exit).toBe(0);
    expect(await readBoth(`${repository}:2.0`, certIds)).toEqual(['NOT_VOUCHED', 'NOT_VOUCHED']);
    expect((await readBoth(`${repository}@${one.digest}`, certIds))[0]).toMatch(/NOT_VOUCHED|DIGEST_REVOKED/);
  });

  it('can be completed as a change: one signature for each dialect', async () => {
    const other = named('interrupted');
    site.intercept(({ method, url }) => (method === 'POST' && url.includes('/signatures') ? 503 : undefined));
    expect(await failureOf(['init', other, ...both])).toBe('UNUSABLE 3');
    site.intercept(undefined);
    const { stdout } = await machine.run(['change', 'list', other, '--json']);
    const id = /[0-9A-HJKMNP-TV-Z]{26}/.exec(stdout)?.[0] ?? '';
    expect((await machine.run(['change', 'show', id, other])).stdout).toContain('equal, byte for byte');
    const signed = await machine.run(['change', 'sign', id, other, '--yes']);
    expect([signed.exit, signed.stdout.split(' ')[0]]).toEqual([0, 'PUBLISHED']);
  });

  it('may have its roots held by the service, and then is pinned as it says', async () => {
    const { outcome, keys } = await initiate(['init', named('online'), '--managed-root', ...both]);
    expect([outcome, keys]).toEqual(['created', []]);
    expect((await machine.run(['inspect', named('online')])).exit).toBe(0);
  });

  it('is not made with other people in the one dialect than in the other', async () => {
    const file = join(machine.home, 'bob.pub');
    // RFC 8032 7.1, test 1.
    await writeFile(file, 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const words = ['init', named('two'), ...both, '--threshold', '2', '--root-key', file];
    expect(await failureOf(words)).toBe('USAGE 2');
  });
});

describe('the dialect notary, added', () => {
  let repository: string;

  beforeAll(async () => {
    repository = named('later');
    await machine.run(['init', repository]);
    await machine.run(['sign', `${repository}:1.0@${one.digest}`, '--size', String(one.size)]);
    site.registry.add(one, '1.0');
  });

  it('is not left to the service where clients hold root, nor made where the repository cannot be verified', async () => {
    expect(await failureOf(['init', repository, '--managed-root', ...both])).toBe('USAGE 2');
    expect(await failureOf(['init', repository, '--threshold', '2', ...both])).toBe('USAGE 2');
    const stranger = await openMachine(site, 'stranger');
    expect(await failureOf(['init', repository, ...both], stranger)).toBe('ANCHOR_MISSING 3');
    expect(await readdir(join(stranger.home, '.local/share/vidimus/keys')).catch(() => [])).toEqual([]);
    await stranger.close();
  });

  it('goes on where it was interrupted, and shows its keys and the next steps', async () => {
    site.intercept(({ method, url }) => (method === 'POST' && url.includes('/signatures') ? 503 : undefined));
    expect(await failureOf(['init', repository, ...both])).toBe('UNUSABLE 3');
    site.intercept(undefined);
    expect(await show(['init', repository, '--dialect', 'notary,tuf'])).toMatchInlineSnapshot(`
      "ADDED  registry.test/dual/later
        state     every tag is there for Notary clients, too
        root      v1, 1 of 2 keys, held by clients, expires 2027-11-21 09:00 (12 months)
        dialects  tuf, notary
        key       ~/.local/share/vidimus/keys/{64 hex}.key
                  (for Notary clients)
        spare     {12 hex}, of the same power: move it to a medium that stays offline
          mv ~/.local/share/vidimus/keys/{64 hex}.* OFFLINE-MEDIUM/
        others    vidimus anchor export registry.test/dual/later > FILE
                  and on their machines: vidimus anchor pin registry.test/dual/later --root FILE
        docker    up to version 28 wants this server over https: vidimus serve --tls-dev
        next      vidimus sign registry.test/dual/later:TAG@sha256:DIGEST
      exit 0"
    `);
    expect((await initiate(['init', repository, ...both])).outcome).toBe('exists');
  });

  it('has every tag that was there', async () => {
    const directory = join(machine.home, '.local/share/vidimus/keys');
    const certificates = (await readdir(directory)).filter((name) => name.endsWith('.crt'));
    const certIds = certificates.map((name) => name.replace('.crt', ''));
    expect(await readBoth(`${repository}:1.0`, certIds)).toEqual([one.digest, one.digest]);
  });

  it('is not met by one person where two hold root', async () => {
    const shared = named('shared');
    await machine.run(['init', shared, '--threshold', '2']);
    const keys = join(machine.home, '.local/share/vidimus/keys');
    const { stdout } = await machine.run(['anchor', 'list', '--json']);
    const { anchors } = z
      .object({ anchors: z.array(z.object({ repository: z.string(), keyIds: z.array(z.string()) })) })
      .parse(JSON.parse(stdout));
    const [gone] = anchors.find((anchor) => anchor.repository === shared)?.keyIds ?? [];
    await rename(join(keys, `${gone}.key`), join(machine.home, `${gone}.key`));
    expect(await failureOf(['init', shared, ...both])).toBe('THRESHOLD_INVALID 2');
  });

  it('to a repository whose root the service holds comes at once', async () => {
    const online = named('managed');
    await machine.run(['init', online, '--managed-root']);
    expect(await failureOf(['init', online, ...both, '--threshold', '2'])).toBe('USAGE 2');
    expect((await initiate(['init', online, ...both])).outcome).toBe('added');
  });
});
