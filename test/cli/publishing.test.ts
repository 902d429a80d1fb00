/** The first ten minutes of a publisher, as transcripts: init, sign, verify, revoke. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildxIndex, helloImage } from '../support/image-builder.ts';
import { type Machine, normalise, openMachine, openSite, type TrustSite } from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
let web: string;
const one = helloImage('one');
const two = buildxIndex('two').index;

beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site);
  web = site.registry.repository;
  site.registry.add(one, '1.0');
  site.registry.add(two, '2.0');
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

const show = async (words: readonly string[], circumstances = {}): Promise<string> =>
  normalise(site, machine, await machine.run(words, circumstances));

describe('a publisher', () => {
  it('puts a repository under trust, with a spare key and the root pinned', async () => {
    expect(await show(['init', web])).toMatchInlineSnapshot(`
      "CREATED  registry.test/shop/web
        root      v1, 1 of 2 keys, held by clients, expires 2027-11-21 09:00 (12 months)
        key       ~/.local/share/vidimus/keys/{64 hex}.key
        spare     {12 hex}, of the same power: move it to a medium that stays offline
          mv ~/.local/share/vidimus/keys/{64 hex}.* OFFLINE-MEDIUM/
        anchor    pinned here: root v1 sha256:{12 hex}, 1 of 2 root keys: {12 hex}, {12 hex}
        others    vidimus anchor export registry.test/shop/web > FILE
                  and on their machines: vidimus anchor pin registry.test/shop/web --root FILE
        next      vidimus sign registry.test/shop/web:TAG@sha256:DIGEST
      exit 0"
    `);
  });

  it('asks again and is told that it is done', async () => {
    expect(await show(['init', web])).toMatchInlineSnapshot(`
      "EXISTS  registry.test/shop/web
        state     under trust already, and pinned here; nothing was changed
        root      v1, 1 of 2 keys, held by clients, expires 2027-11-21 09:00 (12 months)
        others    vidimus anchor export registry.test/shop/web > FILE
                  and on their machines: vidimus anchor pin registry.test/shop/web --root FILE
        next      vidimus sign registry.test/shop/web:TAG@sha256:DIGEST
      exit 0"
    `);
  });

  it('signs what was built, by digest', async () => {
    expect(await show(['sign', `${web}:1.0@${one.digest}`])).toMatchInlineSnapshot(`
      "SIGNED  registry.test/shop/web:1.0
        pinned    registry.test/shop/web@sha256:{64 hex}
        image     image, linux/amd64, 397 bytes
        type      application/vnd.oci.image.manifest.v1+json
        vouched   by targets; versions: targets 2, snapshot 2, timestamp 2
        next      vidimus verify registry.test/shop/web:1.0
      exit 0"
    `);
  });

  it('sees it allowed with the anchor that init pinned', async () => {
    const { exit, stdout } = await machine.run(['verify', `${web}:1.0`]);
    expect([stdout.split('\n')[0], exit]).toEqual([`ALLOWED  ${web}:1.0`, 0]);
  });

  it('signs by tag alone on a terminal, once it was shown what that is', async () => {
    expect(await show(['sign', `${web}:2.0`], { answers: ['y'] })).toMatchInlineSnapshot(`
      "SIGNED  registry.test/shop/web:2.0
        pinned    registry.test/shop/web@sha256:{64 hex}
        image     index, linux/amd64 linux/arm64, 1074 bytes
        type      application/vnd.oci.image.index.v1+json
        vouched   by targets; versions: targets 3, snapshot 3, timestamp 3
        next      vidimus verify registry.test/shop/web:2.0
      --- stderr
      registry.test/shop/web:2.0 is in the registry now
        digest    sha256:{64 hex}
        image     index, linux/amd64 linux/arm64, 1074 bytes
        type      application/vnd.oci.image.index.v1+json
      Vouch for it as registry.test/shop/web:2.0? [y/N] 
      exit 0"
    `);
  });

  it('signs nothing when the person does not say yes', async () => {
    expect(await show(['sign', `${web}:2.0`], { answers: [''] })).toMatchInlineSnapshot(`
      "--- stderr
      registry.test/shop/web:2.0 is in the registry now
        digest    sha256:{64 hex}
        image     index, linux/amd64 linux/arm64, 1074 bytes
        type      application/vnd.oci.image.index.v1+json
      Vouch for it as registry.test/shop/web:2.0? [y/N] 
      ERROR  not confirmed; nothing was published  CANCELLED
      exit 1"
    `);
  });

  it('signs nothing by tag alone where nobody can be asked', async () => {
    expect(await show(['sign', `${web}:2.0`])).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  CONFIRMATION_NEEDED
        why       by tag alone whatever registry.test/shop/web:2.0 is now would be signed, and there is nobody to ask
        fix       name what was built: @sha256:…, --digest-file, --metadata-file; or trust the registry: --resolve
      exit 2"
    `);
  });

  it('takes a tag back, and sees when clients will refuse', async () => {
    expect(await show(['revoke', `${web}:1.0`])).toMatchInlineSnapshot(`
      "REVOKED  registry.test/shop/web:1.0
        effect    clients refuse it after their next refresh, at the latest 2026-11-22 09:00 (1 day)
        versions  targets 4, snapshot 4, timestamp 4
        undo      vidimus sign registry.test/shop/web:1.0@sha256:{64 hex}
                  the image may have other tags: revoke its digest to refuse it under all of them
        next      vidimus verify registry.test/shop/web:1.0
      exit 0"
    `);
  });

  it('refuses a digest under every tag', async () => {
    expect(
      await show(['revoke', `${web}@${two.digest}`, '--reason', 'CVE-2026-41822, exploited']),
    ).toMatchInlineSnapshot(`
      "REVOKED  registry.test/shop/web@sha256:{12 hex}
        tags      taken away: 2.0
        effect    clients refuse it after their next refresh, at the latest 2026-11-22 09:00 (1 day)
        versions  targets 5, revocations 2, snapshot 5, timestamp 5
        undo      vidimus revoke registry.test/shop/web@sha256:{64 hex} --undo
                  and sign its tags again
        next      vidimus inspect registry.test/shop/web
      exit 0"
    `);
  });

  it('cannot sign a revoked digest', async () => {
    expect(await show(['sign', `${web}:3.0@${two.digest}`])).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  WOULD_BREAK
        why       sha256:{64 hex} is revoked: lift its revocation
                  first
        fix       if it was revoked by mistake: vidimus revoke registry.test/shop/web@sha256:{64 hex} --undo
      exit 1"
    `);
  });

  it('sees the revoked digest denied', async () => {
    const { exit, stdout } = await machine.run(['verify', `${web}@${two.digest}`]);
    expect([stdout.split('\n')[0], exit]).toEqual([`DENIED  ${web}@${two.digest}  DIGEST_REVOKED`, 1]);
  });

  it('takes the revocation back', async () => {
    expect(await show(['revoke', `${web}@${two.digest}`, '--undo'])).toMatchInlineSnapshot(`
      "LIFTED  registry.test/shop/web@sha256:{12 hex}
        effect    no longer refused; the tags that were taken away stay away until signed again
        versions  revocations 3, snapshot 6, timestamp 6
        next      vidimus sign registry.test/shop/web:TAG@sha256:{64 hex}
      exit 0"
    `);
  });

  it('lists what it trusts', async () => {
    expect(await show(['anchor', 'list'])).toMatchInlineSnapshot(`
      "REPOSITORY                DIALECT  KIND  ANCHOR
      registry.test/shop/web  tuf      root  root v1 sha256:{12 hex}, 1 of 2 root keys: {12 hex}, {12 hex}
      exit 0"
    `);
  });
});
