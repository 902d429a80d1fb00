/** A mirrored repository whose owner changes keys, with the real notary and docker: every client goes on. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { startStandInEngine } from '../../support/engine/stand-in-engine.ts';
import { helloImage } from '../../support/image-builder.ts';
import { createDockerCli, type DockerCli } from '../../support/notary-clients/docker-cli.ts';
import { createNotaryCli } from '../../support/notary-clients/notary-cli.ts';
import { startTrustServer, type TrustServerForTest } from '../../support/notary-clients/trust-server.ts';
import { createVidimusCli, type VidimusCli } from '../../support/notary-clients/vidimus-cli.ts';
import { ADMIN_TOKEN } from '../../support/service-process.ts';
import { createEveryReader, type EveryReader } from './every-reader.ts';

const [one, two] = [helloImage('one'), helloImage('two')];
const cleanups: (() => unknown)[] = [];
let server: TrustServerForTest;
let registry: DockerRegistry;
let repository: string;
let docker: DockerCli;
let owner: VidimusCli;
let readers: EveryReader;
let sign: (image: typeof one) => Promise<unknown>;

beforeAll(async () => {
  [server, registry] = await Promise.all([startTrustServer('embedded'), startDockerRegistry()]);
  repository = `${registry.host}/shop/web`;
  const { url, ca, login } = server;
  const engine = await startStandInEngine(registry.origin);
  const logins = { [registry.host]: login };
  docker = createDockerCli({ server: url, ca, engineSocket: engine.socket, logins });
  owner = createVidimusCli({ server, registryHost: registry.host, token: ADMIN_TOKEN });
  cleanups.push(engine.close, docker.close, owner.close);
  sign = (image) => {
    engine.images.load(`${repository}:1`, image);
    return docker.done('trust', 'sign', '--local', `${repository}:1`);
  };
  await docker.done('trust', 'key', 'generate', 'alice');
  await docker.done('trust', 'signer', 'add', '--key', 'alice.pub', 'alice', repository);
  await sign(one);
  expect(await init()).toMatchObject({ mirrored: true, problems: [] });
  readers = await createEveryReader({ server, registry, repository });
  cleanups.push(readers.close);
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await registry?.close();
  await server?.close();
});

const trustDirectory = (): string => join(docker.configDirectory, 'trust');

/** Both dialects, asked for with the owner's keys; answers the summary. */
async function init(): Promise<unknown> {
  const words = ['init', repository, '--dialect', 'tuf,notary', '--trust-dir', trustDirectory(), '--json'];
  return JSON.parse(await owner.done(...words)).summary;
}

it('goes on while keys of every role rotate, and its root follows with old and new keys', async () => {
  const { url, ca, login } = server;
  const notary = createNotaryCli({ server: url, ca, login, trustDirectory: trustDirectory() });
  cleanups.push(notary.close);
  for (const rotation of [['timestamp', '-r'], ['snapshot', '-r'], ['targets'], ['root']]) {
    await notary.done('key', 'rotate', repository, ...rotation);
  }
  await sign(two);
  expect(await readers.see('1')).toEqual(readers.all(two.digest));
  expect(await init()).toMatchObject({ versions: { root: 2 }, problems: [] });
  await sign(one);
  expect(await readers.see('1')).toEqual(readers.all(one.digest));
});

it('has no tags of a signer who was removed', async () => {
  await docker.done('trust', 'signer', 'remove', '--force', 'alice', repository);
  expect(await readers.see('1')).toEqual(readers.all(undefined));
});
