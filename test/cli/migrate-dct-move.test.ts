/** Step 2 of coming over: a root that hands timestamp and snapshot to us, and everything that can be carried. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBase64 } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import { DEFAULT_LIMITS, verifyRoot, verifyRootUpdate } from '@vidimus/tuf';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  DAY,
  type FakeNotary,
  type FiledKey,
  filedRootKey,
  fileKey,
  NOW,
  pathOf,
  type Standing,
  standOn,
  startFakeNotary,
} from '../support/notary-fake.ts';
import { type ArrivingSite, openArrivingSite } from './arriving-site.ts';
import { type Circumstances, type Migrant, openMigrant } from './migrating-world.ts';
import { TOKEN } from './publishing-world.ts';

const PASSPHRASE = 'correct horse battery';
/** Other names in every test: what came to the service stays there. */
let web: string;
let api: string;
let names = 0;
let old: FakeNotary;
let service: ArrivingSite;
let machine: Migrant;
let trustDirectory: string;

beforeAll(async () => {
  old = await startFakeNotary();
  service = await openArrivingSite();
  machine = await openMigrant(() => service.clock.nowMs);
  trustDirectory = join(machine.home, '.docker', 'trust');
});
beforeEach(nameAnew);
afterEach(() => {
  old.files.clear();
  service.imports.length = 0;
  service.losesAnswer = false;
  service.clock.nowMs = NOW;
  rmSync(join(machine.home, '.docker'), { recursive: true, force: true });
  rmSync(join(machine.home, 'dct'), { recursive: true, force: true });
});
afterAll(async () => {
  await old.server.close();
  await service.close();
  await machine.close();
});

function nameAnew(): void {
  names += 1;
  [web, api] = [`registry.example.com/acme/web-${names}`, `registry.example.com/acme/api-${names}`];
}

const failure = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });
const answer = z.object({
  exitCode: z.int(),
  repositories: z.array(
    z.object({
      repository: z.string(),
      moved: z
        .object({
          state: z.string(),
          root: z.int(),
          carried: z.array(z.object({ role: z.string(), version: z.int(), renewed: z.boolean() })),
          leftBehind: z.array(z.object({ role: z.string(), why: z.string(), fix: z.string() })),
          tags: z.array(z.object({ tag: z.string() })),
        })
        .optional(),
      notMoved: failure.optional(),
    }),
  ),
});

function words(...repositories: readonly string[]): readonly string[] {
  const file = join(machine.home, 'repositories.txt');
  writeFileSync(file, repositories.join('\n'));
  return ['migrate', 'dct', '--from', old.server.origin, '--repositories', file, '--to', service.origin];
}

const environment = {
  VIDIMUS_TOKEN: TOKEN,
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: PASSPHRASE,
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: PASSPHRASE,
};

async function move(asked: readonly string[], circumstances: Circumstances = { environment }) {
  const said = await machine.run([...asked, '--json'], circumstances);
  const { repositories, exitCode } = answer.parse(JSON.parse(said.stdout));
  expect(exitCode).toBe(said.exit);
  const [first] = repositories;
  return { exit: said.exit, repositories, moved: first?.moved, notMoved: first?.notMoved };
}

/** A repository whose newest root key is in the trust directory. */
async function stand(wish: Partial<Parameters<typeof standOn>[1]> = {}): Promise<Standing> {
  const standing = await standOn(old.files, { repository: web, ...wish });
  const root = standing.rootKeys.at(-1);
  if (root !== undefined) fileKey(trustDirectory, root, { role: 'root', passphrase: PASSPHRASE });
  return standing;
}

/** The root that was published, as a client that has the old one verifies it. */
function publishedRoot(standing: Standing) {
  const before = lastRoot(standing);
  return verifyRootUpdate(context(), before.document, fromBase64(service.imports[0]?.update['root'] ?? ''));
}

function lastRoot({ roots }: Standing) {
  return verifyRoot(context(), roots.at(-1) ?? new Uint8Array());
}

function context() {
  return { dialect: notaryDialect, repository: web, foreign: true, limits: DEFAULT_LIMITS };
}

describe('a repository that moves', () => {
  it('goes on from its roots, with keys of the service for timestamp and snapshot alone', async () => {
    const standing = await stand();
    const { exit, moved } = await move(words(web));
    expect(exit).toBe(0);
    expect(moved).toMatchObject({
      state: 'moved',
      root: 4,
      leftBehind: [],
      carried: [
        { role: 'targets', version: 7, renewed: false },
        { role: 'targets/releases', version: 4, renewed: false },
      ],
    });
    expect(moved?.tags.map(({ tag }) => tag)).toEqual(['1.0', '2.0', 'edge']);
    const { document } = publishedRoot(standing);
    const before = lastRoot(standing).document;
    expect(document.roles.root).toEqual(before.roles.root);
    expect(document.roles.targets).toEqual(before.roles.targets);
    expect(document.roles.timestamp).not.toEqual(before.roles.timestamp);
    expect(document.roles.snapshot).not.toEqual(before.roles.snapshot);
    // Bytes are sacred: what was valid is what its signer signed.
    expect(fromBase64(service.imports[0]?.update['targets'] ?? '')).toEqual(
      new Uint8Array(standing.documents.get('targets') ?? []),
    );
    expect(service.imports[0]?.highest).toEqual({ timestamp: 41, snapshot: 17 });
    expect(service.imports[0]?.roots).toHaveLength(3);
  });

  it('is told so', async () => {
    await stand();
    const { stdout } = await machine.run(words(web), { environment });
    const plain = stdout
      .slice(stdout.indexOf('MOVED'))
      .replaceAll(service.origin, 'https://trust.test')
      .replaceAll(web, 'registry.example.com/acme/web')
      .replace(/\b[0-9a-f]{12,64}\b/g, '{hex}');
    expect(plain).toMatchInlineSnapshot(`
      "MOVED  registry.example.com/acme/web  3 tags, root v4
        root      v4 hands timestamp and snapshot over
        carried   targets v7
                  targets/releases v4
        clients   follow from any root they have, with their cached data
      1 of 1 repositories read, 1 of 1 moved
        next      export DOCKER_CONTENT_TRUST_SERVER=https://trust.test, or notary -s https://trust.test
      "
    `);
  });

  it('moves from what was saved, above whatever the old server may have made since', async () => {
    await stand();
    const [, , , , ...rest] = words(web);
    const directory = join(machine.home, 'dct');
    expect(
      (
        await machine.run([
          'migrate',
          'dct',
          '--from',
          old.server.origin,
          ...rest.slice(0, 2),
          '--save',
          directory,
        ])
      ).exit,
    ).toBe(0);
    old.files.clear();
    const { exit } = await move(['migrate', 'dct', '--from', directory, '--to', service.origin]);
    expect(exit).toBe(0);
    expect(service.imports[0]?.highest).toEqual({ timestamp: 41 + 2 ** 20, snapshot: 17 + 2 ** 20 });
  });

  it('is found again by a later run, also when the answer was lost', async () => {
    await stand();
    service.losesAnswer = true;
    const lost = await move(words(web));
    expect([lost.notMoved?.code, lost.exit]).toEqual(['UNREACHABLE', 4]);
    service.losesAnswer = false;
    const again = await move(words(web));
    expect([again.moved?.state, again.moved?.root, again.exit]).toEqual(['present', 4, 0]);
    expect(service.imports).toHaveLength(1);
  });

  it('gets a new certificate for its root key where the old one ended, and clients follow', async () => {
    const standing = await stand({ certificateUntil: NOW + 30 * DAY });
    service.clock.nowMs = NOW + 40 * DAY;
    const { moved, exit } = await move(words(web));
    expect([moved?.root, exit]).toEqual([4, 0]);
    const { document } = publishedRoot(standing);
    const before = lastRoot(standing).document;
    expect(document.roles.root.keyIds).not.toEqual(before.roles.root.keyIds);
    notaryDialect.assertRootNow?.(document, service.clock.nowMs);
  });

  it('is signed again where it ends soon and its key is here', async () => {
    const targets = await filedRootKey('targets', web);
    const targetsKey = { ...targets.key };
    await stand({ targetsKey, targetsExpires: '2026-11-25T00:00:00Z' });
    fileKey(trustDirectory, targets, { role: 'targets', gun: web, passphrase: PASSPHRASE });
    service.clock.nowMs = NOW + 10 * DAY;
    const { moved, exit } = await move(words(web));
    expect(moved?.carried[0]).toEqual({ role: 'targets', version: 8, renewed: true });
    expect(exit).toBe(0);
  });

  it('leaves behind what has expired and nobody here can sign, and says how it comes back', async () => {
    await stand({ releasesExpires: '2026-11-25T00:00:00Z' });
    service.clock.nowMs = NOW + 10 * DAY;
    const { moved } = await move(words(web));
    expect(moved?.leftBehind.map(({ role }) => role)).toEqual(['targets/releases']);
    expect(moved?.leftBehind[0]?.fix).toMatch(/signer publishes it again/);
    expect(moved?.tags.map(({ tag }) => tag)).toEqual(['1.0', 'edge']);
  });
});

describe('a repository that stays', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['has no root key here', () => standOn(old.files, { repository: web }), 'ROOT_KEY_MISSING 1'],
    [
      'has a key file that holds another key',
      async () => {
        const { rootKeys } = await standOn(old.files, { repository: web });
        const root = rootKeys.at(-1);
        const other = await filedRootKey('another', web);
        const named: FiledKey = { ...other, canonicalId: root?.canonicalId ?? '' };
        fileKey(trustDirectory, named, { role: 'root', passphrase: PASSPHRASE });
      },
      'KEY_INVALID 2',
    ],
    [
      'has targets that expired, and no key for them',
      async () => {
        await stand({ targetsExpires: '2026-11-25T00:00:00Z' });
        service.clock.nowMs = NOW + 10 * DAY;
      },
      'TARGETS_EXPIRED 1',
    ],
    [
      'has no targets that verify',
      async () => {
        await stand();
        for (const name of old.files.keys())
          if (/\/targets\.[0-9a-f]{64}\.json$/.test(name)) old.files.delete(name);
      },
      'TARGETS_MISSING 1',
    ],
    [
      'has a chain of roots that breaks',
      async () => {
        const { roots } = await stand();
        old.files.set(pathOf(web, '1.root'), roots[1] ?? 404);
      },
      'NOT_TRUSTWORTHY 1',
    ],
    [
      'is another one there already',
      async () => {
        await stand();
        await stand({ roots: 1 });
        expect((await move(words(web))).moved?.root).toBe(2);
        service.imports.length = 0;
        old.files.clear();
        await stand();
      },
      'REPOSITORY_EXISTS 1',
    ],
  ])('%s', async (_, prepare, code) => {
    await prepare();
    const { exit, notMoved } = await move(words(web));
    expect(`${notMoved?.code} ${exit}`).toBe(code);
    expect(service.imports).toEqual([]);
    if (!code.startsWith('KEY_INVALID')) expect(notMoved?.hint ?? '').not.toBe('');
  });

  it('does not keep the next one from moving', async () => {
    await standOn(old.files, { repository: api });
    await stand();
    const { repositories, exit } = await move(words(api, web));
    expect(repositories.map(({ moved, notMoved }) => moved?.state ?? notMoved?.code)).toEqual([
      'ROOT_KEY_MISSING',
      'moved',
    ]);
    expect(exit).toBe(1);
  });

  it('stays with all others where the service does not know the caller', async () => {
    await standOn(old.files, { repository: api });
    await stand();
    const { VIDIMUS_TOKEN: _, ...anonymous } = environment;
    const { repositories, exit } = await move(words(web, api), { environment: anonymous });
    expect(repositories.map(({ notMoved }) => notMoved?.code)).toEqual(['UNAUTHORIZED', 'UNAUTHORIZED']);
    expect(repositories[1]?.notMoved?.message).toMatch(/^not tried/);
    expect(exit).toBe(3);
  });
});

describe('passphrases', () => {
  const withoutPassphrase = { VIDIMUS_TOKEN: TOKEN };

  it('are asked for on a terminal, three times at most', async () => {
    await stand();
    const asked = await machine.run(words(web), {
      environment: withoutPassphrase,
      answers: ['wrong', PASSPHRASE],
    });
    expect(asked.exit).toBe(0);
    expect(asked.stderr).toContain('that passphrase does not open it');
    expect(`${asked.stderr}${asked.stdout}`).not.toContain(PASSPHRASE);
    nameAnew();
    await stand();
    const wrong = await machine.run(words(web), {
      environment: withoutPassphrase,
      answers: ['a', 'b', 'c', PASSPHRASE],
    });
    expect([wrong.exit, wrong.stdout.includes('PASSPHRASE_WRONG')]).toEqual([2, true]);
  });

  it('are read from the variables of notary, too', async () => {
    await stand();
    const both = { ...withoutPassphrase, NOTARY_ROOT_PASSPHRASE: PASSPHRASE };
    expect((await move(words(web), { environment: both })).exit).toBe(0);
  });

  it('are missed, and the variables named, where there is nobody to ask', async () => {
    await stand();
    const { notMoved, exit } = await move(words(web), { environment: withoutPassphrase });
    expect([notMoved?.code, exit]).toEqual(['PASSPHRASE_NEEDED', 2]);
    expect(notMoved?.hint).toContain('DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE');
    const wrong = await move(words(web), {
      environment: { ...withoutPassphrase, NOTARY_ROOT_PASSPHRASE: 'wrong' },
    });
    expect(wrong.notMoved?.code).toBe('PASSPHRASE_WRONG');
  });
});
