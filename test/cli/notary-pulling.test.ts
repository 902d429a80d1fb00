/** Somebody who pulls from a repository that Notary clients made: what is printed, and what is refused. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { helloImage } from '../support/image-builder.ts';
import { makeCertificate } from '../support/notary-certificates.ts';
import { certificateKey } from '../support/notary-keys.ts';
import { NotarySimulator } from '../support/notary-simulator.ts';
import { DAY, define, map } from '../support/tuf-simulator.ts';
import { makeNotaryPullingWorld, type NotaryPullingWorld } from './notary-pulling-world.ts';
import { inspectionSchema, pulledSchema, verificationSchema } from './pulling-schemas.ts';

const one = helloImage('one');
const two = helloImage('two');
let world: NotaryPullingWorld;

/** A signer who signs into `releases`, another who never did, and a target that names no image. */
async function openWorld(): Promise<NotaryPullingWorld> {
  const opened = await makeNotaryPullingWorld();
  const { simulator } = opened;
  for (const role of ['releases', 'alice', 'bob']) simulator.delegate('targets', role);
  opened.sign('targets', '1.0', two);
  for (const role of ['releases', 'alice']) {
    opened.sign(role, '1.0', one);
    simulator.write(role);
  }
  const sha512 = Buffer.alloc(64, 7).toString('base64');
  define(map(simulator.document('targets'), 'targets'), 'odd', { length: 3, hashes: { sha512 } });
  opened.publish('targets');
  return opened;
}

const image = (): string => `${world.repository}:1.0`;

/** `exit CODE` of a verdict, or of an error. */
async function outcome(words: readonly string[]): Promise<string> {
  const { exit, stdout } = await world.run([...words, '--json']);
  const said = JSON.parse(stdout);
  const code = said.error?.code ?? said.decision?.failures?.[0]?.code ?? said.decision?.decision;
  return `${exit} ${code}`;
}

describe('a repository of the notary dialect, to people', () => {
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(async () => {
    await world.close();
  });

  it('is inspected: tags by signer, everybody who may sign, and no list of revocations', async () => {
    expect(await world.show(['inspect', world.repository])).toMatchInlineSnapshot(`
      "registry.test/shop/web     notary

      TAG     VOUCHED DIGEST       BY                SINCE  REGISTRY  STATE
      1.0     sha256:{12 hex}  releases (alice)  -      same      ok
      latest  sha256:{12 hex}  targets           -      gone      ok

      ROLE       KEYS  NEED  VERSION  EXPIRES                KEY IDS
      root       1     1     1        2036-11-18 (10 years)  {12 hex}
      targets    1     1     2        2029-11-20 (3 years)   {12 hex}
      releases   1     1     1        2029-11-20 (3 years)   {12 hex}
      alice      1     1     1        2029-11-20 (3 years)   {12 hex}
      bob        1     1     0        nothing signed yet     {12 hex}
      snapshot   1     1     2        2029-11-20 (3 years)   {12 hex}
      timestamp  1     1     2        2026-12-05 (14 days)   {12 hex}

      root certificates, for anchor pin --cert-id: {12 hex}
      not images: odd is signed without its sha256
      2 tags, none needs attention; this dialect has no list of revoked digests, they lose their tags
        full digests and key ids: --wide, --json
      exit 0"
    `);
  });

  it('is verified as Docker looks it up, releases first', async () => {
    expect(await world.show(['verify', image()])).toMatchInlineSnapshot(`
      "ALLOWED  registry.test/shop/web:1.0
        pinned    registry.test/shop/web@sha256:{64 hex}
        image     image
        vouched   releases 1 of 1: {12 hex}
        fresh     timestamp v2 checked now, good until 2026-12-05 09:00 (14 days)
        anchor    pinned root certificate, root v1
        registry  the tag points to the same digest
        policy    local@0: built-in 3 of 3 rules
      exit 0"
    `);
  });

  it('is pulled by the digest that was judged', async () => {
    const { exit, stdout } = await world.run([
      'pull',
      image(),
      '--to',
      `oci:${join(world.home, 'oci')}`,
      '--json',
    ]);
    const { pulled, decision, trust } = pulledSchema.parse(JSON.parse(stdout));
    expect([exit, pulled?.reference, decision.image.size]).toEqual([
      0,
      `${world.repository}@${one.digest}`,
      one.size,
    ]);
    expect(trust).toMatchObject({ dialect: 'notary', anchor: 'certificate' });
  });

  it('says the same to scripts', async () => {
    const verified = verificationSchema.parse(
      JSON.parse((await world.run(['verify', image(), '--json'])).stdout),
    );
    expect(verified.vouchedBy).toMatchObject([{ role: 'releases', path: ['targets', 'releases'] }]);
    const inspected = inspectionSchema.parse(
      JSON.parse((await world.run(['inspect', world.repository, '--json'])).stdout),
    );
    expect(inspected.tags.find(({ tag }) => tag === '1.0')).toMatchObject({
      digest: one.digest,
      signers: ['alice'],
    });
    expect(inspected.roles.find(({ role }) => role === 'bob')).toMatchObject({
      delegator: 'targets',
      version: 0,
      expires: null,
      paths: [''],
    });
    expect(inspected.revocations).toEqual({ status: 'absent', because: 'dialect' });
    expect(inspected.notImages).toEqual([{ path: 'odd', why: 'is signed without its sha256' }]);
    // Of the bare key, where the document lists its certificate.
    const root = inspected.roles.find(({ role }) => role === 'root');
    expect(root?.keyIds).toEqual([world.certId]);
    expect(root?.canonicalKeyIds).not.toEqual([world.certId]);
  });

  it('refuses a tag that is signed by sha512 alone, and says why', async () => {
    expect(await world.show(['verify', `${world.repository}:odd`])).toMatchInlineSnapshot(`
      "DENIED  registry.test/shop/web:odd  NOT_COVERED
        why       built-in/vouched: the trust data of registry.test/shop/web does not speak of this digest
                  the tag is signed by sha512 and not by sha256, so it names no image
                  whoever publishes it signs it again with its SHA-256
        fix       vidimus verify registry.test/shop/web:odd --online
                  vidimus doctor
        more      vidimus inspect registry.test/shop/web     decision {id}
      exit 3"
    `);
  });

  it('is looked after by doctor, on a server that is a Notary server and nothing else', async () => {
    await world.run(['anchor', 'pin', world.repository, '--cert-id', world.certId]);
    world.bed.server.answer = (request, response) => {
      const isHealth = request.url === '/_notary_server/health';
      response.writeHead(isHealth ? 200 : 404).end(isHealth ? '{}' : '');
    };
    const { stdout } = await world.run(['doctor', 'server']);
    world.bed.server.answer = undefined;
    expect(stdout).toMatch(/^SERVER {4}ok {4}http/m);
  });
});

describe('an anchor of the notary dialect', () => {
  beforeEach(async () => {
    world = await openWorld();
    await world.configure({});
  });
  afterEach(async () => {
    await world.close();
  });

  const pin = (...words: readonly string[]): Promise<string> =>
    world.show(['anchor', 'pin', world.repository, ...words]);
  const kept = async (): Promise<unknown> =>
    JSON.parse((await world.run(['anchor', 'list', '--json'])).stdout);

  it('by certificate is pinned, listed, and says by itself how the repository is read', async () => {
    expect(await outcome(['verify', image()])).toBe('3 ANCHOR_MISSING');
    expect(await pin('--cert-id', world.certId)).toMatchInlineSnapshot(`
      "PINNED  registry.test/shop/web
        anchor    root certificates: {12 hex}
        dialect   notary
        next      vidimus inspect registry.test/shop/web
      exit 0"
    `);
    expect(await world.show(['anchor', 'list'])).toMatchInlineSnapshot(`
      "REPOSITORY                DIALECT  KIND         ANCHOR
      registry.test/shop/web  notary   certificate  root certificates: {12 hex}
      exit 0"
    `);
    expect(await outcome(['verify', image()])).toBe('0 allow');
  });

  it('by authority holds for the certificates that it issued', async () => {
    const { simulator, repository } = world;
    const ca = makeCertificate({ key: 'ca', commonName: 'Acme CA', notBefore: simulator.now, isCa: true });
    await writeFile(join(world.home, 'ca.pem'), ca.pem);
    expect(await pin('--ca', join(world.home, 'ca.pem'))).toMatchInlineSnapshot(`
      "PINNED  registry.test/shop/web
        anchor    root certificates of the authority that was pinned
        dialect   notary
        next      vidimus inspect registry.test/shop/web
      exit 0"
    `);
    expect(await outcome(['verify', image()])).toBe('1 ANCHOR_MISMATCH');
    const issued = certificateKey({ key: 'l', commonName: repository, notBefore: simulator.now, issuer: ca });
    const own = new NotarySimulator({ repository, rootKeys: [issued] });
    simulator.files.clear();
    for (const [name, bytes] of own.files) simulator.files.set(name, bytes);
    world.registry.add(one, 'latest');
    expect(await outcome(['verify', `${repository}:nope`])).toBe('1 NOT_VOUCHED');
    await world.configure({ dialect: 'notary', anchor: { ca: 'ca.pem' } });
    expect(await outcome(['verify', `${repository}:nope`, '--cache', join(world.home, 'c')])).toBe(
      '1 NOT_VOUCHED',
    );
  });

  it('by root file is known for what it is, also from another machine', async () => {
    const file = join(world.home, '1.root.json');
    await writeFile(file, world.simulator.files.get('1.root.json') ?? '');
    await pin('--root', file);
    expect(await kept()).toMatchObject({ anchors: [{ dialect: 'notary', kind: 'root' }] });
    const { stdout } = await world.run(['anchor', 'export', world.repository]);
    await writeFile(join(world.home, 'exported.json'), stdout);
    const there = ['--cache', join(world.home, 'there')];
    await pin('--root', join(world.home, 'exported.json'), ...there);
    expect(await outcome(['verify', image(), ...there])).toBe('0 allow');
  });

  it('by first use is taken where the configuration says so, and then kept', async () => {
    await world.configure({ dialect: 'notary', anchor: 'firstUse' });
    expect((await world.run(['verify', image()])).stderr).toMatch(/ FIRST_USE$/m);
    expect(await kept()).toMatchObject({ anchors: [{ dialect: 'notary', kind: 'firstUse' }] });
    expect((await world.run(['verify', image()])).stderr).toBe('');
  });

  it.each([
    ['two forms at once', ['--cert-id', 'a'.repeat(64), '--root', 'x'], '2 USAGE'],
    ['half of an id', ['--cert-id', 'a'.repeat(12)], '2 USAGE'],
    ['a threshold, which root says', ['--cert-id', 'a'.repeat(64), '--threshold', '1'], '2 USAGE'],
    ['certificates of the dialect tuf', ['--cert-id', 'a'.repeat(64), '--dialect', 'tuf'], '2 USAGE'],
    ['a dialect that nobody reads', ['--cert-id', 'a'.repeat(64), '--dialect', 'x'], '2 USAGE'],
    ['an authority that is none', ['--ca', '/dev/null'], '2 ANCHOR_INVALID'],
    [
      'a root that is called one of the other dialect',
      ['--root', 'ROOT', '--dialect', 'tuf'],
      '2 ANCHOR_INVALID',
    ],
  ])('is refused with %s', async (_, words, expected) => {
    const file = join(world.home, 'root.json');
    await writeFile(file, world.simulator.files.get('1.root.json') ?? '');
    const spelled = words.map((word) => (word === 'ROOT' ? file : word));
    expect(await outcome(['anchor', 'pin', world.repository, ...spelled])).toBe(expected);
    expect(await kept()).toEqual({ anchors: [] });
  });
});

describe('a Notary server that lies', () => {
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  it('is refused when it goes back to an older timestamp', async () => {
    const old = world.simulator.files.get('timestamp.json') ?? new Uint8Array();
    world.publish();
    await world.run(['verify', image()]);
    world.simulator.files.set('timestamp.json', old);
    expect(await outcome(['verify', image()])).toBe('1 ROLLBACK');
    expect(await outcome(['inspect', world.repository])).toBe('1 ROLLBACK');
  });

  it('is refused when what it shows has expired', async () => {
    world.simulator.now += 15 * DAY;
    expect(await outcome(['verify', image()])).toBe('1 EXPIRED');
  });

  it('is refused when it shows the certificate of somebody else, or another repository', async () => {
    const { simulator, repository } = world;
    const show = (other: NotarySimulator): void => {
      simulator.files.clear();
      for (const [name, bytes] of other.files) simulator.files.set(name, bytes);
    };
    const stranger = certificateKey({ key: 'stranger', commonName: repository, notBefore: simulator.now });
    show(new NotarySimulator({ repository, rootKeys: [stranger] }));
    expect(await outcome(['verify', image()])).toBe('1 ANCHOR_MISMATCH');
    const other = new NotarySimulator({ repository: 'registry.example.com/other' });
    show(other);
    const [key] = other.signers.get('root') ?? [];
    await world.configure({ dialect: 'notary', anchor: { certIds: [key?.keyId ?? ''] } });
    expect(await outcome(['verify', image()])).toBe('1 BINDING');
    expect(await world.show(['inspect', repository])).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  BINDING
        why       the root certificate is for another repository:
                  {64 hex}
        fix       the server shows the trust data of another repository: do not go on, and tell its administrator
      exit 1"
    `);
  });

  it('does not make a client of one dialect read the other', async () => {
    world.simulator.files.clear();
    await world.configure({ dialect: 'notary', anchor: 'firstUse' });
    expect(await outcome(['verify', image()])).toBe('1 NO_TRUST_DATA');
    expect(world.bed.server.seen().every((path) => !path.includes('/_trust/metadata/'))).toBe(true);
  });
});
