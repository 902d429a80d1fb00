/** A repository that has the notary dialect alone: it has no list of revoked digests, so the organisation's speaks. */
import { join } from 'node:path';
import { createClientCache, pinAnchor } from '@vidimus/trust-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDirectory, nameIn, revokeIn } from '../support/directory-simulator.ts';
import { helloImage } from '../support/image-builder.ts';
import { type SimulatorServer, serveSimulator } from '../support/trust-simulator-server.ts';
import type { TufSimulator } from '../support/tuf-simulator.ts';
import { makeNotaryPullingWorld, type NotaryPullingWorld } from './notary-pulling-world.ts';

const image = helloImage('one');
let world: NotaryPullingWorld;
let directory: TufSimulator;
let server: SimulatorServer;

beforeAll(async () => {
  world = await makeNotaryPullingWorld();
  world.sign('targets', '1.0', image);
  world.publish('targets');
  directory = makeDirectory();
  directory.now = world.simulator.now;
  server = await serveSimulator(directory);
  const cache = createClientCache(join(world.home, '.cache', 'vidimus'));
  const root = { kind: 'root', bytes: directory.bytes('root') } as const;
  await pinAnchor(cache, '_directory', root, 'tuf', { server: server.url, name: 'acme' });
  await world.configure({});
});
afterAll(async () => {
  await server.close();
  await world.close();
});

const name = (keyId: string): void => {
  nameIn(directory, world.repository, { roots: { notary: { keyIds: [keyId], threshold: 1 } } });
  directory.publishAll();
};
const verify = () => world.run(['verify', `${world.repository}:1.0`]);

describe('a directory that names a repository of the notary dialect', () => {
  it('is its anchor, and says which dialect is read', async () => {
    name(world.certId);
    const verified = await verify();
    expect([verified.exit, verified.stdout]).toEqual([
      0,
      expect.stringContaining('acme directory (pinned), root v1'),
    ]);
  });

  it('revokes digests for it', async () => {
    revokeIn(directory, image.digest);
    directory.publishAll();
    const refused = await verify();
    expect([refused.exit, refused.stdout]).toEqual([1, expect.stringContaining('DIGEST_REVOKED')]);
    expect(refused.stdout).toContain('by the organisation');
  });

  it('refuses it with other root certificates', async () => {
    name('0'.repeat(64));
    const refused = await verify();
    expect([refused.exit, refused.stdout]).toEqual([1, expect.stringContaining('ANCHOR_MISMATCH')]);
  });
});
