/** One repository in both dialects, read by everybody's clients at every step of its life. */
import { join } from 'node:path';
import { pushSmallImage } from '@vidimus/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { startStandInEngine } from '../../support/engine/stand-in-engine.ts';
import { helloImage } from '../../support/image-builder.ts';
import { createDockerCli } from '../../support/notary-clients/docker-cli.ts';
import { startTrustServer, type TrustServerForTest } from '../../support/notary-clients/trust-server.ts';
import { createVidimusCli } from '../../support/notary-clients/vidimus-cli.ts';
import { ADMIN_TOKEN } from '../../support/service-process.ts';
import { createEveryReader } from './every-reader.ts';

const [one, two] = [helloImage('one'), helloImage('two')];

describe('a repository in both dialects', () => {
  let server: TrustServerForTest;
  let registry: DockerRegistry;
  const cleanups: (() => unknown)[] = [];
  beforeAll(async () => {
    [server, registry] = await Promise.all([startTrustServer('embedded'), startDockerRegistry()]);
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
    await registry?.close();
    await server?.close();
  });

  const everyReader = async (repository: string) => {
    const readers = await createEveryReader({ server, registry, repository });
    cleanups.push(readers.close);
    return readers;
  };
  const push = (repository: string, tag: string, image: typeof one) =>
    pushSmallImage(image, { origin: registry.origin, path: repository.slice(registry.host.length + 1), tag });

  it('is the same to every client before and after the service signs a tag, moves it and revokes it', async () => {
    const repository = `${registry.host}/managed`;
    const owner = createVidimusCli({ server, registryHost: registry.host, token: ADMIN_TOKEN });
    cleanups.push(owner.close);
    await owner.done('init', repository, '--dialect', 'tuf,notary');
    await push(repository, '1', one);
    await push(repository, '2', two);
    const readers = await everyReader(repository);
    expect(await readers.see('1')).toEqual(readers.all(undefined));

    await owner.done('sign', `${repository}:1@${one.digest}`);
    expect(await readers.see('1')).toEqual(readers.all(one.digest));

    await owner.done('sign', `${repository}:1@${two.digest}`);
    expect(await readers.see('1')).toEqual(readers.all(two.digest));

    await owner.done('sign', `${repository}:2@${one.digest}`);
    await owner.done('revoke', `${repository}:1`);
    expect(await readers.see('1')).toEqual(readers.all(undefined));
    expect(await readers.see('2')).toEqual(readers.all(one.digest));

    await owner.done('revoke', `${repository}@${one.digest}`, '--reason', 'has a hole');
    expect(await readers.see('2')).toEqual(readers.all(undefined));
    const judgement = await owner.judge(`${repository}@${one.digest}`);
    expect(judgement).toEqual({ refused: ['NOT_VOUCHED', 'DIGEST_REVOKED'] });
  });

  it('is the same to every client before and after its owner signs a tag with docker, moves it and revokes it', async () => {
    const repository = `${registry.host}/mirrored`;
    const engine = await startStandInEngine(registry.origin);
    const logins = { [registry.host]: server.login };
    const docker = createDockerCli({
      server: server.url,
      ca: server.ca,
      engineSocket: engine.socket,
      logins,
    });
    const owner = createVidimusCli({ server, registryHost: registry.host, token: ADMIN_TOKEN });
    cleanups.push(engine.close, docker.close, owner.close);
    const sign = (tag: string, image: typeof one) => {
      engine.images.load(`${repository}:${tag}`, image);
      return docker.done('trust', 'sign', '--local', `${repository}:${tag}`);
    };
    await docker.done('trust', 'key', 'generate', 'alice');
    await docker.done('trust', 'signer', 'add', '--key', 'alice.pub', 'alice', repository);
    await sign('1', one);
    const trustDirectory = join(docker.configDirectory, 'trust');
    const words = ['init', repository, '--dialect', 'tuf,notary', '--trust-dir', trustDirectory, '--json'];
    const added = JSON.parse(await owner.done(...words));
    expect(added).toMatchObject({ summary: { dialects: ['tuf', 'notary'], mirrored: true, problems: [] } });
    const readers = await everyReader(repository);
    expect(await readers.see('1')).toEqual(readers.all(one.digest));
    expect(await readers.see('2')).toEqual(readers.all(undefined));

    await sign('2', one);
    expect(await readers.see('2')).toEqual(readers.all(one.digest));

    await sign('2', two);
    expect(await readers.see('2')).toEqual(readers.all(two.digest));

    await docker.done('trust', 'revoke', '--yes', `${repository}:2`);
    expect(await readers.see('2')).toEqual(readers.all(undefined));
    expect(await readers.see('1')).toEqual(readers.all(one.digest));

    // Nobody but the owner can take the tag away; who reads revocations refuses the digest at once.
    const revocation = ['revoke', `${repository}@${one.digest}`, '--reason', 'has a hole', '--json'];
    const revoked = JSON.parse(await owner.done(...revocation));
    expect(revoked).toMatchObject({ tags: [], stillServed: [{ tag: '1' }] });
    const refused = { vidimus: undefined, 'vidimus, fresh': undefined };
    expect(await readers.see('1')).toEqual(readers.all(one.digest, refused));
    expect(await owner.judge(`${repository}:1`)).toEqual({ refused: ['DIGEST_REVOKED'] });
    engine.images.load(`${repository}:3`, one);
    expect(await docker.fails('trust', 'sign', '--local', `${repository}:3`)).toContain(
      'is revoked in this repository',
    );
    await sign('1', two);
    expect(await readers.see('1')).toEqual(readers.all(two.digest));
  });
});
