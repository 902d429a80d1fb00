/** The tools of these suites tried on the server that Debian ships: where they fail there, they prove nothing elsewhere. */

import { sha256Hex } from '@vidimus/crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { type StandInEngine, startStandInEngine } from '../../support/engine/stand-in-engine.ts';
import { helloImage } from '../../support/image-builder.ts';
import { type Between, standBetween } from '../../support/notary-clients/between.ts';
import { createDockerCli } from '../../support/notary-clients/docker-cli.ts';
import { createNotaryCli, type NotaryCli } from '../../support/notary-clients/notary-cli.ts';
import { type NotaryServer, startNotaryServer } from '../../support/notary-clients/notary-server.ts';
import { wireVersion } from '../../support/notary-clients/read-wire.ts';

const repository = 'registry.example.com/peer/app';

describe("Debian's notary-server", () => {
  let peer: NotaryServer;
  let between: Between;
  let registry: DockerRegistry;
  const clients: { close(): void }[] = [];
  const engines: StandInEngine[] = [];
  const client = (): NotaryCli => {
    const made = createNotaryCli({ server: between.url, ca: between.ca });
    clients.push(made);
    return made;
  };
  const machine = async () => {
    const engine = await startStandInEngine(registry.origin);
    const docker = createDockerCli({ server: peer.url, ca: peer.ca, engineSocket: engine.socket });
    clients.push(docker);
    engines.push(engine);
    return { docker, engine };
  };
  beforeAll(async () => {
    registry = await startDockerRegistry();
    peer = await startNotaryServer();
    between = await standBetween(peer);
  });
  afterAll(async () => {
    for (const made of clients) made.close();
    await between?.close();
    for (const engine of engines) await engine.close();
    await peer?.close();
    await registry?.close();
  });

  it('is driven by the real notary, and somebody between them sees it', async () => {
    const publisher = client();
    await publisher.done('init', repository);
    await publisher.done('add', repository, 'v1', publisher.file('v1', 'first'), '-p');
    const expected = [{ target: 'v1', sha256: sha256Hex(Buffer.from('first')), role: 'targets' }];
    expect(await client().list(repository)).toEqual(expected);
    expect(await wireVersion(peer, repository, 'timestamp')).toBe(1);
    expect(between.exchanges.some(({ method, status }) => method === 'POST' && status === 200)).toBe(true);
  });

  it('is refused by the real notary when somebody replays its older timestamp', async () => {
    const [publisher, reader] = [client(), client()];
    const replayed = `${repository}/replayed`;
    await publisher.done('init', replayed, '-p');
    await publisher.done('add', replayed, 'v1', publisher.file('v1', 'first'), '-p');
    await reader.list(replayed);
    const older = between.last('timestamp.json');
    await publisher.done('add', replayed, 'v2', publisher.file('v2', 'second'), '-p');
    await reader.list(replayed);
    between.replay(older);
    expect(await reader.fails('list', replayed)).toContain('is lower than current version');
    between.honest();
    expect(await reader.list(replayed)).toHaveLength(2);
  });

  it('and a stand-in engine are driven by the real docker, which pulls digests only', async () => {
    const [push, pull] = [await machine(), await machine()];
    const name = `${registry.host}/peer/web`;
    const [one, two] = [helloImage('one'), helloImage('two')];
    push.engine.images.load(`${name}:1`, one);
    await push.docker.done('push', `${name}:1`);
    push.engine.images.load(`${name}:2`, two);
    await push.docker.done('push', `${name}:2`);
    expect(push.engine.pushed).toEqual([
      { repository: name, reference: '1' },
      { repository: name, reference: '2' },
    ]);
    await pull.docker.done('pull', `${name}:1`);
    expect(pull.engine.pulled).toEqual([{ repository: name, reference: one.digest }]);
    expect(pull.engine.tagged).toEqual([[`${name}@${one.digest}`, `${name}:1`]]);
    expect(await pull.docker.done('trust', 'inspect', '--pretty', name)).toContain(two.digest.slice(7));
    expect(await pull.docker.fails('pull', `${name}:3`)).toContain('No valid trust data for 3');
    expect(pull.engine.pulled).toHaveLength(1);
  });
});
