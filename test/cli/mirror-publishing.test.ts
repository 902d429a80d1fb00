/** The owner of a repository that a Notary client made, who has it read by TUF clients as well. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { helloImage } from '../support/image-builder.ts';
import { filedRootKey, fileKey } from '../support/notary-fake.ts';
import { type NotaryOwner, notaryOwner } from './notary-owner.ts';
import { type Machine, normalise, openMachine, openSite, type TrustSite } from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
let owner: NotaryOwner;
const one = helloImage('one');
const two = helloImage('two');
const passphrase = { DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'root passphrase' };

beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site);
  owner = await notaryOwner(site, machine.home, 'mirror/shop');
  site.registry.add(one, '1.0');
  await owner.upload({ '1.0': one });
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

const init = (...more: readonly string[]): readonly string[] => [
  'init',
  owner.repository,
  '--dialect',
  'tuf,notary',
  ...more,
];
const withKeys = (): readonly string[] => init('--trust-dir', owner.trustDir);

async function failureOf(words: readonly string[], environment = {}): Promise<string> {
  const { exit, stdout } = await machine.run([...words, '--json'], { environment });
  const { error } = z.object({ error: z.object({ code: z.string() }) }).parse(JSON.parse(stdout));
  return `${error.code} ${exit}`;
}

const show = async (words: readonly string[]): Promise<string> =>
  normalise(site, machine, await machine.run(words, { environment: passphrase }));

const judged = async (tag: string): Promise<string> => {
  const { stdout } = await machine.run(['verify', `${owner.repository}:${tag}`, '--json']);
  const { decision } = JSON.parse(stdout);
  return decision.decision === 'deny' ? decision.failures[0].code : decision.image.digest;
};

describe('a mirror', () => {
  it('is not made by accident', async () => {
    expect(await show(['init', owner.repository])).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  REPOSITORY_EXISTS
        why       registry.test/mirror/shop is under trust already, made by a Notary client; nothing was changed
        fix       with its root key at hand, for TUF clients too: vidimus init registry.test/mirror/shop --dialect tuf,notary
      exit 1"
    `);
  });

  it.each([
    ['without the root key', () => init(), 'ROOT_KEY_MISSING 1'],
    ['from a directory that is none', () => init('--trust-dir', '/dev/null'), 'FILE_UNREADABLE 2'],
    ['with a root of the service', () => [...withKeys(), '--managed-root'], 'USAGE 2'],
    ['with another threshold', () => [...withKeys(), '--threshold', '2'], 'USAGE 2'],
    ['where nobody says the passphrase', () => withKeys(), 'PASSPHRASE_NEEDED 2'],
  ])('is not made %s', async (_, words, code) => {
    expect(await failureOf(words())).toBe(code);
  });

  it('is not made from a root that is not the pinned one', async () => {
    await machine.run(['anchor', 'pin', owner.repository, '--cert-id', 'a'.repeat(64)]);
    expect(await failureOf(withKeys(), passphrase)).toBe('ANCHOR_MISMATCH 1');
    await machine.run(['anchor', 'pin', owner.repository, '--cert-id', owner.rootKey.key.keyId]);
  });

  it('is signed with the key that docker keeps, and pinned', async () => {
    expect(await show(withKeys())).toMatchInlineSnapshot(`
      "ADDED  registry.test/mirror/shop
        state     what Notary clients publish is repeated for TUF clients
        root      v1, 1 of 1 keys, held by clients, expires 2036-11-18 09:00 (10 years)
        dialects  tuf, notary
        anchor    pinned here: root v1 sha256:{12 hex}, 1 of 1 root keys: {12 hex}
        replaces  root certificates: {12 hex} (dialect notary)
        others    vidimus anchor export registry.test/mirror/shop > FILE
                  and on their machines: vidimus anchor pin registry.test/mirror/shop --root FILE
        docker    up to version 28 wants this server over https: vidimus serve --tls-dev
        next      vidimus inspect registry.test/mirror/shop
      exit 0"
    `);
    expect(await judged('1.0')).toBe(one.digest);
  });

  it('is there when asked for again, and pinned again where the pin is lost', async () => {
    expect((await show(withKeys())).split(' ')[0]).toBe('EXISTS');
    const cache = ['--cache', join(machine.home, 'new-cache')];
    const again = await show([...withKeys(), ...cache]);
    expect(again).toMatch(/^EXISTS [\s\S]*\n {2}anchor {4}pinned here: root v1/);
  });

  it('shows at once what the Notary client publishes, and takes no tags from elsewhere', async () => {
    site.registry.add(two, '1.0');
    await owner.upload({ '1.0': two, '2.0': one });
    expect([await judged('1.0'), await judged('2.0')]).toEqual([two.digest, one.digest]);
    const sign = ['sign', `${owner.repository}:3.0@${one.digest}`, '--size', String(one.size)];
    expect(await failureOf(sign)).toBe('CUSTODY_INVALID 1');
  });

  it('follows a root that the Notary client rotated, signed with the old key and the new', async () => {
    await owner.upload({ '1.0': one }, await filedRootKey('the next root', owner.repository));
    expect(await judged('1.0')).toBe(one.digest);
    expect(await show(withKeys())).toMatchInlineSnapshot(`
      "PUBLISHED  registry.test/mirror/shop
        state     root follows that of the Notary clients again
        root      v2, 1 of 1 keys, held by clients, expires 2036-11-18 09:00 (10 years)
        dialects  tuf, notary
        others    vidimus anchor export registry.test/mirror/shop > FILE
                  and on their machines: vidimus anchor pin registry.test/mirror/shop --root FILE
        docker    up to version 28 wants this server over https: vidimus serve --tls-dev
        next      vidimus inspect registry.test/mirror/shop
      exit 0"
    `);
    expect(await judged('1.0')).toBe(one.digest);
    const { stdout } = await machine.run(['inspect', owner.repository, '--json']);
    expect(JSON.parse(stdout).trust.versions.root).toBe(2);
  });

  it('takes the revocation of a digest, and says which tags still name it', async () => {
    await owner.upload({ '1.0': one, '2.0': two });
    const words = ['revoke', `${owner.repository}@${two.digest}`, '--reason', 'a hole'];
    expect(await show(words)).toMatchInlineSnapshot(`
      "REVOKED  registry.test/mirror/shop@sha256:{12 hex}
        tags      none taken away
        still     listed by roles that the service cannot sign: 2.0 (targets)
        effect    clients refuse it after their next refresh, at the latest 2026-11-22 09:00 (1 day)
        versions  revocations 2, snapshot 5, timestamp 6
        undo      vidimus revoke registry.test/mirror/shop@sha256:{64 hex} --undo
        next      vidimus inspect registry.test/mirror/shop
      exit 0"
    `);
    expect([await judged('2.0'), await judged('1.0')]).toEqual(['DIGEST_REVOKED', one.digest]);
  });

  it('leaves its source as it was, to those who read that', async () => {
    const config = join(machine.home, 'notary.yaml');
    const anchor = { certIds: [owner.rootKey.key.keyId] };
    const repositories = [{ match: '**', dialect: 'notary', anchor }];
    await writeFile(config, JSON.stringify({ version: 1, repositories }));
    const { stdout } = await machine.run([
      'verify',
      `${owner.repository}:1.0`,
      '--json',
      '--config',
      config,
      '--cache',
      join(machine.home, 'n'),
    ]);
    const { decision, trust } = JSON.parse(stdout);
    expect([decision.image.digest, trust.dialect]).toEqual([one.digest, 'notary']);
  });
});

describe('a mirror of a repository that two people hold', () => {
  it('is proposed by one of them and published by the other', async () => {
    const name = `${site.registry.host}/mirror/shared`;
    const key = await filedRootKey('the partner', name);
    const shared = await notaryOwner(site, machine.home, 'mirror/shared', key);
    const there = join(machine.home, 'partner');
    fileKey(there, key, { role: 'root', passphrase: 'root passphrase' });
    const words = ['init', shared.repository, '--dialect', 'tuf,notary', '--trust-dir'];
    // One of two keys does not tell one's own root from another's.
    expect(await failureOf([...words, shared.trustDir], passphrase)).toBe('ROOT_KEY_MISSING 1');
    const certIds = [shared.rootKey.key.keyId, key.key.keyId];
    await machine.run(['anchor', 'pin', shared.repository, '--cert-id', ...certIds]);
    expect(await show([...words, shared.trustDir])).toMatchInlineSnapshot(`
      "PENDING  registry.test/mirror/shared
        change    {id}, until 2026-11-28 09:00 (7 days)
        missing   signatures: 1 for root
        effect    none yet: clients see what they saw before
        by        any of {12 hex}
        next      whoever holds one of these keys: the same vidimus init
      exit 6"
    `);
    expect((await show([...words, there])).split(' ')[0]).toBe('ADDED');
  });
});
