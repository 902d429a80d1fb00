/** What people do with Docker's content trust, done by the real command line over a stand-in engine and a real registry. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { type StandInEngine, startStandInEngine } from '../../support/engine/stand-in-engine.ts';
import { helloImage } from '../../support/image-builder.ts';
import { standBetween } from '../../support/notary-clients/between.ts';
import { createDockerCli, DEBIAN_DOCKER, type DockerCli } from '../../support/notary-clients/docker-cli.ts';
import { createNotaryCli } from '../../support/notary-clients/notary-cli.ts';
import { wireVersion } from '../../support/notary-clients/read-wire.ts';
import { makeSignerKey } from '../../support/notary-clients/signer-key.ts';
import type { TrustServer } from '../../support/notary-clients/trust-server.ts';

const [one, two] = [helloImage('one'), helloImage('two')];

/** @param name - part of every repository, so that several programs can use one server */
export function describeDocker(name: string, program: string, server: () => TrustServer): void {
  let registry: DockerRegistry;
  const cleanups: (() => unknown)[] = [];
  interface Reached {
    readonly url: string;
    readonly ca: string;
  }
  interface Machine {
    readonly docker: DockerCli;
    readonly engine: StandInEngine;
  }
  const machine = async (mayPublish: boolean, from: Reached = server()): Promise<Machine> => {
    const { login } = server();
    const { url, ca } = from;
    const engine = await startStandInEngine(registry.origin);
    const logins = mayPublish ? { [registry.host]: login } : {};
    const docker = createDockerCli({ server: url, ca, program, engineSocket: engine.socket, logins });
    cleanups.push(engine.close, docker.close);
    return { docker, engine };
  };
  const publisher = () => machine(true);
  const reader = () => machine(false);
  beforeAll(async () => {
    registry = await startDockerRegistry();
  });
  afterAll(async () => {
    for (const cleanup of cleanups) await cleanup();
    await registry?.close();
  });

  /** Pulls on a new machine, and answers what its engine was told to pull. */
  const pullFresh = async (image: string) => {
    const { docker, engine } = await reader();
    const { exit, stderr } = await docker.run('pull', image);
    // Nothing to warn of, either, such as something that ends within half a year.
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: expect.stringMatching(/^(Tagging .*\n)*$/) });
    expect(engine.pulled.every(({ reference }) => /^sha256:[0-9a-f]{64}$/.test(reference))).toBe(true);
    return engine.pulled;
  };

  it('pushes to a new repository, pulls digests, follows a moved tag, refuses what nobody signed', async () => {
    const { docker, engine } = await publisher();
    const warm = await reader();
    const repository = `${registry.host}/${name}/push`;
    engine.images.load(`${repository}:1`, one);
    expect(await docker.done('push', `${repository}:1`)).toContain(`Successfully signed ${repository}:1`);
    expect(await pullFresh(`${repository}:1`)).toEqual([{ repository, reference: one.digest }]);
    await warm.docker.done('pull', `${repository}:1`);

    engine.images.load(`${repository}:1`, two);
    await docker.done('push', `${repository}:1`);
    await warm.docker.done('pull', `${repository}:1`);
    expect(warm.engine.pulled.map(({ reference }) => reference)).toEqual([one.digest, two.digest]);
    expect(warm.engine.tagged.at(-1)).toEqual([`${repository}@${two.digest}`, `${repository}:1`]);

    // Somebody moves the tag in the registry alone.
    const { images } = (await publisher()).engine;
    images.load(`${repository}:1`, one);
    await images.push(repository, '1');
    images.load(`${repository}:unsigned`, one);
    await images.push(repository, 'unsigned');
    expect(await pullFresh(`${repository}:1`)).toEqual([{ repository, reference: two.digest }]);
    expect(await warm.docker.fails('pull', `${repository}:unsigned`)).toContain(
      'No valid trust data for unsigned',
    );
    expect(await warm.docker.fails('pull', `${registry.host}/${name}/nothing:1`)).toContain(
      'does not have trust data',
    );
    expect(warm.engine.pulled).toHaveLength(2);
  });

  it('signs with delegated keys: signers are added, sign, are inspected, revoke and are removed', async () => {
    const { docker, engine } = await publisher();
    const repository = `${registry.host}/${name}/signed`;
    await docker.done('trust', 'key', 'generate', 'alice');
    await docker.done('trust', 'signer', 'add', '--key', 'alice.pub', 'alice', repository);
    const bob = await makeSignerKey('bob');
    docker.file('bob.key', bob.privateKey);
    docker.file('bob.crt', bob.certificate);
    await docker.done('trust', 'key', 'load', 'bob.key', '--name', 'bob');
    await docker.done('trust', 'signer', 'add', '--key', 'bob.crt', 'bob', repository);

    engine.images.load(`${repository}:1`, one);
    engine.images.load(`${repository}:2`, two);
    await docker.done('trust', 'sign', `${repository}:1`);
    await docker.done('trust', 'sign', `${repository}:2`);
    const shown = await (await reader()).docker.done('trust', 'inspect', '--pretty', repository);
    expect(shown).toMatch(new RegExp(`^1\\s+${one.digest.slice(7)}\\s+alice, bob$`, 'm'));
    expect(shown).toMatch(new RegExp(`^2\\s+${two.digest.slice(7)}\\s+alice, bob$`, 'm'));
    expect(shown).toMatch(/^alice\s+[0-9a-f]{12}$/m);
    expect(await pullFresh(`${repository}:1`)).toEqual([{ repository, reference: one.digest }]);

    await docker.done('trust', 'revoke', `${repository}:1`);
    const consumer = await reader();
    expect(await consumer.docker.done('trust', 'inspect', '--pretty', repository)).not.toContain(
      one.digest.slice(7),
    );
    expect(await consumer.docker.fails('pull', `${repository}:1`)).toContain('No valid trust data for 1');
    expect(consumer.engine.pulled).toEqual([]);

    const before = await wireVersion(server(), repository, 'targets');
    const removed = await docker.done('trust', 'signer', 'remove', 'bob', repository);
    // 28.2 ends with 0 and does nothing at all.
    if (program !== DEBIAN_DOCKER && !removed.includes('Successfully removed')) return;
    expect(await wireVersion(server(), repository, 'targets')).toBe(before + 1);
    const left = await consumer.docker.done('trust', 'inspect', '--pretty', repository);
    expect(left).toMatch(/^alice\s+[0-9a-f]{12}$/m);
    expect(left).not.toMatch(/^bob\s+[0-9a-f]{12}$/m);
    expect(await pullFresh(`${repository}:2`)).toEqual([{ repository, reference: two.digest }]);
  });

  it('follows keys that notary rotated, with a warm cache and without, and no older timestamp', async () => {
    const { docker, engine } = await publisher();
    const between = await standBetween(server());
    cleanups.push(between.close);
    const warm = await machine(false, between);
    const repository = `${registry.host}/${name}/rotated`;
    engine.images.load(`${repository}:1`, one);
    await docker.done('push', `${repository}:1`);
    await warm.docker.done('pull', `${repository}:1`);
    const older = between.last('timestamp.json');

    const { url, ca, login } = server();
    const trustDirectory = join(docker.configDirectory, 'trust');
    const notary = createNotaryCli({ server: url, ca, login, trustDirectory });
    cleanups.push(notary.close);
    for (const rotation of [['root'], ['targets'], ['timestamp', '-r'], ['snapshot', '-r'], ['root']]) {
      await notary.done('key', 'rotate', repository, ...rotation);
    }
    engine.images.load(`${repository}:1`, two);
    await docker.done('push', `${repository}:1`);
    await warm.docker.done('pull', `${repository}:1`);
    expect(warm.engine.pulled.map(({ reference }) => reference)).toEqual([one.digest, two.digest]);
    expect(await pullFresh(`${repository}:1`)).toEqual([{ repository, reference: two.digest }]);

    between.replay(older);
    expect(await warm.docker.fails('pull', `${repository}:1`)).toMatch(/potential malicious behavior/i);
    expect(warm.engine.pulled).toHaveLength(2);
  });

  it('says that it may not create a repository without a login', async () => {
    const { docker, engine } = await reader();
    const repository = `${registry.host}/${name}/anonymous`;
    engine.images.load(`${repository}:1`, one);
    expect(await docker.fails('push', `${repository}:1`)).toContain('not authorized');
    expect(await wireVersion(server(), repository, 'root')).toBe(0);
  });
}
