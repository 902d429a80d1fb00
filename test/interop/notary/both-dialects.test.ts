/** One repository in both dialects, read by everybody's clients at every step of its life. */
import { join } from 'node:path';
import { fromBase64, readPrivateKeyFile, signerFromPkcs8, toHex } from '@vidimus/crypto';
import { pushSmallImage } from '@vidimus/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTrustDirectory } from '../../../packages/cli/src/trust-dir/trust-directory.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { startStandInEngine } from '../../support/engine/stand-in-engine.ts';
import { helloImage } from '../../support/image-builder.ts';
import { callTrust } from '../../support/notary-clients/call-trust.ts';
import { createDockerCli } from '../../support/notary-clients/docker-cli.ts';
import { PASSPHRASE } from '../../support/notary-clients/notary-cli.ts';
import { startTrustServer, type TrustServerForTest } from '../../support/notary-clients/trust-server.ts';
import { createVidimusCli } from '../../support/notary-clients/vidimus-cli.ts';
import { digestOf } from '../../support/service-calls.ts';
import { ADMIN_TOKEN } from '../../support/service-process.ts';
import { type Watched, watchPublishes } from './count-publishes.ts';
import { createEveryReader } from './every-reader.ts';

const quickEdits = 50;
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

  const rest = async (method: string, repository: string, tail: string, body?: unknown) => {
    const options = { method, token: ADMIN_TOKEN, ...(body === undefined ? {} : { body }) };
    const { status, bytes } = await callTrust(server, `/v2/${repository}/_trust${tail}`, options);
    return { status, body: bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8')) };
  };
  const createManaged = async (repository: string) => {
    const body = { dialects: ['tuf', 'notary'], roles: { root: { keys: [{ custody: 'managed' }] } } };
    const created = await rest('PUT', repository, '', body);
    expect(created, JSON.stringify(created.body)).toMatchObject({ status: 201 });
  };
  /** By the owner of the keys in a directory of Docker's. */
  const addTuf = async (repository: string, trustDirectory: string) => {
    const asked = await rest('PATCH', repository, '', { dialects: ['notary', 'tuf'] });
    expect(asked, JSON.stringify(asked.body)).toMatchObject({ status: 202 });
    const { change } = asked.body;
    const [document] = change.documents;
    const key = readTrustDirectory(trustDirectory).keys.find(({ role }) => role === 'root');
    const { pkcs8 } = readPrivateKeyFile(key?.pem ?? '', PASSPHRASE);
    const signer = signerFromPkcs8(pkcs8, 'ecdsa-sha2-nistp256');
    const sig = toHex(await signer.sign(fromBase64(document.toSign)));
    const [keyId] = document.thresholds[0].keyIds;
    const signed = await rest('POST', repository, `/changes/${change.id}/signatures`, {
      signatures: [{ dialect: 'tuf', role: 'root', keyId, sig }],
    });
    expect(signed, JSON.stringify(signed.body)).toMatchObject({ status: 200 });
  };
  const everyReader = async (repository: string) => {
    const readers = await createEveryReader({ server, registry, repository });
    cleanups.push(readers.close);
    return readers;
  };
  const push = (repository: string, tag: string, image: typeof one) =>
    pushSmallImage(image, { origin: registry.origin, path: repository.slice(registry.host.length + 1), tag });

  it('is the same to every client before and after the service signs a tag, moves it and revokes it', async () => {
    const repository = `${registry.host}/managed`;
    await createManaged(repository);
    const owner = createVidimusCli({ server, registryHost: registry.host, token: ADMIN_TOKEN });
    cleanups.push(owner.close);
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
    await addTuf(repository, join(docker.configDirectory, 'trust'));
    const { body: summary } = await rest('GET', repository, '');
    expect(summary).toMatchObject({ dialects: ['tuf', 'notary'], mirrored: true, problems: [] });
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
    const words = ['revoke', `${repository}@${one.digest}`, '--reason', 'has a hole', '--json'];
    const revoked = JSON.parse(await owner.done(...words));
    expect(revoked).toMatchObject({ tags: [], stillServed: [{ tag: '1' }] });
    const refused = { vidimus: undefined, 'vidimus, fresh': undefined };
    expect(await readers.see('1')).toEqual(readers.all(one.digest, refused));
    engine.images.load(`${repository}:3`, one);
    expect(await docker.fails('trust', 'sign', '--local', `${repository}:3`)).toContain(
      'is revoked in this repository',
    );
    await sign('1', two);
    expect(await readers.see('1')).toEqual(readers.all(two.digest));
  });

  it('is at the same publish in both while it is edited quickly', async () => {
    const repository = `${registry.host}/quick`;
    await createManaged(repository);
    const { tuf, notary, at, close } = await watchPublishes(server, repository, '1');
    cleanups.push(close);
    const digests: (string | undefined)[] = [undefined];
    let isEdited = true;
    const edit = async () => {
      for (let count = 1; count <= quickEdits; count += 1) {
        const isRevoked = count % 5 === 0;
        digests.push(isRevoked ? undefined : digestOf(`edit ${count}`));
        const body = isRevoked ? undefined : { digest: digests[count], size: 100 };
        const { status } = await rest(isRevoked ? 'DELETE' : 'PUT', repository, '/tags/1', body);
        expect(status).toBe(200);
      }
      isEdited = false;
    };
    const seen: Watched[] = [];
    const read = async () => {
      while (isEdited) for (const next of [tuf, notary]) seen.push(await next());
      for (const next of [tuf, notary]) seen.push(await next());
    };
    await Promise.all([edit(), read()]);
    // Whoever reads the one and then the other is never sent back.
    expect(seen.map(({ publish }) => publish)).toEqual(
      seen.map(({ publish }) => publish).sort((a, b) => a - b),
    );
    for (const { publish, digest } of seen) expect(digest, `publish ${publish}`).toBe(digests[publish]);
    expect(seen.slice(-2)).toEqual(
      Array.from({ length: 2 }, () => ({ publish: quickEdits, digest: undefined })),
    );
    const published = await Promise.all(digests.map((_, publish) => at(publish)));
    expect(published).toEqual(digests.map((digest) => ({ tuf: digest, notary: digest })));
  });
});
