/** The real `notary` and `docker` against our server over TLS, on each database. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trustLines } from '../../../packages/cli/src/serve/tls-dev.ts';
import { createDockerCli, DEBIAN_DOCKER, dockerPrograms } from '../../support/notary-clients/docker-cli.ts';
import { runClient } from '../../support/notary-clients/run-client.ts';
import { startTrustServer, type TrustServerForTest } from '../../support/notary-clients/trust-server.ts';
import { describeDocker } from './docker-suite.ts';
import { describeNotary } from './notary-suite.ts';

const [, newerDocker] = await dockerPrograms();

describe.each(['embedded', 'postgres'] as const)('our server (%s)', (kind) => {
  let server: TrustServerForTest | undefined;
  const running = (): TrustServerForTest => {
    if (server === undefined) throw new Error('the server runs only inside hooks and tests');
    return server;
  };
  beforeAll(async () => {
    server = await startTrustServer(kind);
  });
  afterAll(() => server?.close());

  describe('notary', () => describeNotary(running));
  describe('docker', () => describeDocker('debian', DEBIAN_DOCKER, running));
  // One that is newer than Debian's is tried where there is one; nothing here needs it.
  if (newerDocker !== undefined) {
    describe('newer docker', () => describeDocker('newer', newerDocker, running));
  }
});

describe('what serve --tls-dev tells', () => {
  let server: TrustServerForTest | undefined;
  beforeAll(async () => {
    server = await startTrustServer('embedded');
  });
  afterAll(() => server?.close());

  it('makes docker trust the server with one command, and notary with one argument', async () => {
    const { url = '', caFile = '' } = server ?? {};
    const docker = createDockerCli({ server: url, ca: '' });
    const [, forDocker = '', forNotary = ''] = trustLines(caFile, url).map((line) => line.slice(11));
    const home = docker.configDirectory;
    const ask = (command: string) =>
      runClient('/bin/sh', ['-c', command], { HOME: home, DOCKER_CONFIG: home }, home);
    try {
      const image = 'registry.example.com/nobody/here';
      expect(await docker.fails('pull', image)).toContain('x509');
      expect((await ask(forDocker)).exit).toBe(0);
      expect(await docker.fails('pull', image)).toContain('does not have trust data');
      const { stdout } = await ask(forNotary.replace('REPOSITORY', image));
      expect(stdout).toContain('does not have trust data');
    } finally {
      docker.close();
    }
  });
});
