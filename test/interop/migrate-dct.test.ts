/**
 * Trust data taken away from a real `notary-server`, with keys that the real `notary` made; and the same clients
 * afterwards, with what they had cached.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Migrant, openMigrant } from '../cli/migrating-world.ts';
import { createNotaryCli, type NotaryCli, PASSPHRASE } from '../support/notary-clients/notary-cli.ts';
import { type NotaryServer, startNotaryServer } from '../support/notary-clients/notary-server.ts';
import { type FakeService, SERVICE_TOKEN, startFakeService } from '../support/notary-service-fake.ts';

const web = 'registry.example.com/acme/web';
const digest = 'a'.repeat(64);
let peer: NotaryServer;
let service: FakeService;
/** Made the repository, and holds its keys. */
let owner: NotaryCli;
/** Looked at it when its root was version 1, and not since. */
let sleeper: NotaryCli;
/** Looked at it last before it moved. */
let reader: NotaryCli;
let machine: Migrant;
let directory: string;
let fromPeer: readonly string[];

beforeAll(async () => {
  peer = await startNotaryServer();
  service = await startFakeService(Date.now);
  machine = await openMigrant(Date.now);
  const machineOf = (): NotaryCli => createNotaryCli({ server: peer.url, ca: peer.ca });
  [owner, sleeper, reader] = [machineOf(), machineOf(), machineOf()];
  directory = join(machine.home, 'dct');
  const [list, ca] = [join(machine.home, 'repositories.txt'), join(machine.home, 'ca.crt')];
  await writeFile(list, `# what we sign\n${web}\n`);
  await writeFile(ca, peer.ca);
  fromPeer = ['migrate', 'dct', '--from', peer.url, '--from-ca', ca, '--repositories', list];
  await owner.done('init', web, '-p');
  await owner.done('addhash', web, '1.0', '528', '--sha256', digest, '-p');
  await sleeper.list(web);
  await owner.done('key', 'rotate', web, 'root');
  await owner.done('key', 'rotate', web, 'snapshot', '-r');
  await reader.list(web);
});
afterAll(async () => {
  for (const client of [owner, sleeper, reader]) client?.close();
  await peer?.close();
  await service?.server.close();
  await machine?.close();
});

const report = z.object({
  state: z.string(),
  roots: z.object({ from: z.int(), to: z.int() }),
  roles: z.array(z.object({ role: z.string(), keys: z.array(z.object({ file: z.string().optional() })) })),
  tags: z.array(z.object({ tag: z.string(), digest: z.string() })),
  problems: z.array(z.unknown()),
  moved: z.object({ state: z.string(), root: z.int() }).optional(),
});

async function ask(...words: readonly string[]): Promise<z.infer<typeof report>> {
  const said = await machine.run([...words, '--trust-dir', owner.trustDirectory, '--json'], {
    environment: { VIDIMUS_TOKEN: SERVICE_TOKEN, NOTARY_ROOT_PASSPHRASE: PASSPHRASE },
  });
  expect([said.exit, said.stderr]).toEqual([0, '']);
  const [first] = z.object({ repositories: z.array(report) }).parse(JSON.parse(said.stdout)).repositories;
  if (first === undefined) throw new Error('no repository');
  return first;
}

describe('migrate dct', () => {
  it('reads, verifies and saves what a notary-server has, and finds the keys of notary', async () => {
    const saved = await ask(...fromPeer, '--save', directory);
    expect(saved).toMatchObject({ state: 'saved', roots: { from: 1, to: 3 }, problems: [] });
    expect(saved.tags).toEqual([{ tag: '1.0', digest: `sha256:${digest}` }]);
    const held = saved.roles.filter(({ keys }) => keys.every(({ file }) => file !== undefined));
    expect(held.map(({ role }) => role)).toEqual(['root', 'targets']);
    expect((await ask(...fromPeer, '--save', directory)).state).toBe('unchanged');
  });

  it('says the same from what was saved, with the server stopped, and publishes it elsewhere', async () => {
    await peer.close();
    const offline = await ask('migrate', 'dct', '--from', directory);
    expect(offline).toMatchObject({ state: 'read', roots: { from: 1, to: 3 }, problems: [] });
    const { moved } = await ask('migrate', 'dct', '--from', directory, '--to', service.server.origin);
    expect(moved).toEqual({ state: 'moved', root: 4 });
  });

  it.each([
    ['has the newest root and timestamp cached', () => reader],
    ['saw only the first root', () => sleeper],
    ['made the repository', () => owner],
  ])('is followed by a client that %s', async (_, client) => {
    const said = await client().done('list', web, '-s', service.server.origin);
    expect(said).toContain(digest);
  });

  it('is believed by a client that knows nothing yet', async () => {
    const stranger = createNotaryCli({ server: service.server.origin, ca: peer.ca });
    expect(await stranger.list(web)).toEqual([{ target: '1.0', sha256: digest, role: 'targets' }]);
    stranger.close();
  });
});
