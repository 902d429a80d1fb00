/** `vidimus change approve`: the second person looks, and agrees; the first one cannot. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Machine, normalise, openMachine, openSite, type TrustSite } from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
let alice: string;
let bob: string;
let repository: string;
let id: string;

const as = (token: string, ...words: readonly string[]) =>
  machine.run(words, { environment: { VIDIMUS_TOKEN: token } });
const tokenOf = async (name: string): Promise<string> =>
  (await machine.run(['token', 'create', name, '--role', 'admin'])).stdout.trim();

beforeAll(async () => {
  site = await openSite([{ repositories: '**', calls: ['delete', 'root'], approvers: 1 }]);
  machine = await openMachine(site);
  [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')];
  repository = `${site.registry.host}/team/guarded`;
  expect((await as(alice, 'init', repository)).exit).toBe(0);
  const path = `/v2/${repository}/_trust`;
  const asked = await site.app.request(path, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${alice}` },
  });
  expect(asked.status).toBe(202);
  id = z.object({ change: z.object({ id: z.string() }) }).parse(await asked.json()).change.id;
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

describe('change approve', () => {
  it('needs somebody to show the change to, or to say that it was read', async () => {
    const { exit, stderr } = await as(bob, 'change', 'approve', id, repository);
    expect([exit, stderr.includes('CONFIRMATION_NEEDED')]).toEqual([2, true]);
  });

  it('is not for the author', async () => {
    expect(
      normalise(site, machine, await as(alice, 'change', 'approve', id, repository, '--yes')),
    ).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  change {id} needs the approval of another person: you are its author  DENIED
        fix       the token sent to https://trust.test/ may not do this in registry.test/team/guarded
      exit 1"
    `);
  });

  it('shows what it is about, asks, and tells what came of it', async () => {
    const environment = { VIDIMUS_TOKEN: bob };
    const words = ['change', 'approve', id, repository];
    const declined = await machine.run(words, { environment, answers: ['n'] });
    expect(normalise(site, machine, declined)).toMatchInlineSnapshot(`
      "--- stderr
        change    {id}
        what      end the repository with its 0 tags
                  root: repository (incarnation 1 -> nothing)
        edit      DELETE /v2/registry.test/team/guarded/_trust
        by        token:{id}, 2026-11-21 09:00 (0 seconds)
        approval  1 by others than its author, missing: 1
        until     2026-11-28 09:00 (7 days)
      Approve it? [y/N] 
      ERROR  not confirmed; nothing was published  CANCELLED
      exit 1"
    `);
    const approved = await machine.run(words, { environment, answers: ['y'] });
    expect(normalise(site, machine, { ...approved, stderr: '' })).toMatchInlineSnapshot(`
      "PUBLISHED  registry.test/team/guarded
        change    {id}
        what      end the repository with its 0 tags
        for       token:{id}
      exit 0"
    `);
    expect((await as(bob, 'change', 'approve', id, repository, '--yes')).exit).toBe(1);
  });

  describe('with the key that a signer knows', () => {
    const authorised = (token: string) => ({ Authorization: `Bearer ${token}` });

    /** A root with another managed key, which waits for somebody else than alice. */
    async function proposeRoot(name: string) {
      const guarded = `${site.registry.host}/team/${name}`;
      expect((await as(alice, 'init', guarded, '--managed-root')).exit).toBe(0);
      const asked = await site.app.request(`/v2/${guarded}/_trust/roles/root/rotations`, {
        method: 'POST',
        headers: authorised(alice),
        body: JSON.stringify({ to: [{ custody: 'managed' }], reason: 'a test' }),
      });
      expect(asked.status).toBe(202);
      const { change } = z.object({ change: z.object({ id: z.string() }) }).parse(await asked.json());
      const approveWith = (key: string) =>
        as(bob, 'change', 'approve', change.id, guarded, '--yes', '--key', key);
      return { guarded, approveWith };
    }

    it.each([
      ['ed25519', () => generateKeyPairSync('ed25519')],
      ['p256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ])('signs every document it agrees to (%s)', async (name, generate) => {
      const { guarded, approveWith } = await proposeRoot(`key-${name}`);
      const { privateKey, publicKey } = generate();
      const file = join(machine.home, `${name}.pem`);
      await writeFile(file, privateKey.export({ format: 'pem', type: 'pkcs8' }));
      const { exit, stdout } = await approveWith(file);
      expect([exit, stdout.startsWith('PUBLISHED')]).toEqual([0, true]);
      const audit = await site.app.request(`/v2/${guarded}/_trust/audit`, { headers: authorised(alice) });
      const { items } = z
        .object({ items: z.array(z.looseObject({ action: z.string() })) })
        .parse(await audit.json());
      const material = createHash('sha256').update(publicKey.export({ format: 'der', type: 'spki' }));
      expect(items.find(({ action }) => action === 'change.approve')).toMatchObject({
        after: { signedWith: [material.digest('hex')] },
      });
    });

    it('agrees to nothing when the key is not there, or of another kind', async () => {
      const { guarded, approveWith } = await proposeRoot('no-key');
      expect((await approveWith('nowhere')).stderr).toContain('KEY_UNKNOWN');
      const file = join(machine.home, 'rsa.pem');
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      await writeFile(file, privateKey.export({ format: 'pem', type: 'pkcs8' }));
      expect((await approveWith(file)).stderr).toContain('KEY_INVALID');
      expect((await as(alice, 'change', 'list', guarded)).stdout).toContain('rotation');
    });
  });
});
