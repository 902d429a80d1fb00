/** README, "Coming from Docker Content Trust": its commands, run as written against real servers and clients. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { type StandInEngine, startStandInEngine } from '../../support/engine/stand-in-engine.ts';
import { helloImage } from '../../support/image-builder.ts';
import { PASSPHRASE } from '../../support/notary-clients/notary-cli.ts';
import { type NotaryServer, startNotaryServer } from '../../support/notary-clients/notary-server.ts';
import { type ClientRun, runClient } from '../../support/notary-clients/run-client.ts';
import { createServiceBed } from '../../support/service-bed.ts';
import type { ServiceProcess } from '../../support/service-process.ts';

const home = mkdtempSync(join(tmpdir(), 'vdm-coming-'));
const bed = createServiceBed();
let registry: DockerRegistry;
let engine: StandInEngine;
let old: NotaryServer;
let service: ServiceProcess;

/** What earlier commands exported. */
let exported = '';

/** In one shell, as a person would; each command sees what the ones before exported. */
function shell(command: string): Promise<ClientRun> {
  const environment = {
    HOME: home,
    PATH: `${join(home, 'bin')}:${process.env['PATH']}`,
    DOCKER_HOST: `unix://${engine.socket}`,
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: PASSPHRASE,
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: PASSPHRASE,
    NO_COLOR: '1',
  };
  return runClient('/bin/bash', ['-c', `${exported}\n${command}`], environment, home);
}

/** The servers of the page are those of the test. */
function toLocal(text: string): string {
  return text
    .replaceAll('https://notary.docker.io', old.url)
    .replaceAll('localhost:5000', registry.host)
    .replaceAll('localhost:4443', new URL(service.url).host);
}

beforeAll(async () => {
  [registry, old] = await Promise.all([startDockerRegistry(), startNotaryServer()]);
  engine = await startStandInEngine(registry.origin);
  const data = await bed.directory();
  // Not the administrator of the configuration: the page takes the first token.
  const environment = { VIDIMUS_ADMIN_TOKEN: '' };
  service = await bed.start({ data, environment, flags: ['--tls-dev', '--listen', '127.0.0.1:0'] });
  symlinkSync(data, join(home, 'vidimus-data'));
  await leaveSomethingBehind();
  installProgram();
});
afterAll(async () => {
  await bed.close();
  await engine?.close();
  await old?.close();
  await registry?.close();
  rmSync(home, { recursive: true, force: true });
});

/** A repository on the old server, and the keys of its owner here. */
async function leaveSomethingBehind(): Promise<void> {
  const authorities = join(home, '.docker', 'tls', new URL(old.url).host);
  mkdirSync(authorities, { recursive: true });
  writeFileSync(join(authorities, 'ca.crt'), old.ca);
  writeFileSync(join(home, 'old.crt'), old.ca);
  const image = `${registry.host}/shop/web`;
  engine.images.load(`${image}:1`, helloImage('one'));
  const pushed = await shell(
    `DOCKER_CONTENT_TRUST=1 DOCKER_CONTENT_TRUST_SERVER=${old.url} docker push ${image}:1`,
  );
  expect(pushed).toMatchObject({ exit: 0 });
  engine.images.load(`${image}:2`, helloImage('two'));
}

/** As `docker login` leaves it: Docker shows the trust server what it has for the image's registry. */
async function logIn(): Promise<void> {
  const { stdout } = await shell('printf %s "admin:$VIDIMUS_TOKEN"');
  const auth = Buffer.from(stdout).toString('base64');
  const logins = JSON.stringify({ auths: { [registry.host]: { auth } } });
  writeFileSync(join(home, '.docker', 'config.json'), logins, { mode: 0o600 });
}

/** `vidimus` on the PATH. */
function installProgram(): void {
  const main = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url));
  const program = join(home, 'bin', 'vidimus');
  mkdirSync(join(home, 'bin'));
  const words = [process.execPath, '--conditions=source', '--import', import.meta.resolve('tsx'), main];
  writeFileSync(program, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`);
  chmodSync(program, 0o755);
}

/** Command and the word its output begins with, in the order of the page. */
function commandsOfReadme(): readonly (readonly [string, string])[] {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const start = readme.indexOf('<!-- coming-over');
  const page = readme.slice(start, readme.indexOf('\n## ', start));
  return [...page.matchAll(/^ {4}\$ (.+)(?:\n {4}([A-Z]+))?$/gm)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
  ]);
}

it('says what README says it does', async () => {
  const commands = commandsOfReadme();
  expect(commands.length).toBeGreaterThan(8);
  for (const [command, word] of commands) {
    const local = toLocal(command);
    // The certificate of the public server is from an authority that every machine knows.
    const authority = local.includes(old.url) ? ' --from-ca ~/old.crt' : '';
    const isExport = command.startsWith('export ');
    // Once: what an export takes from a command, a second run of it might not give again.
    const keep = isExport ? ' && export -p > ~/exported' : '';
    const { exit, stdout, stderr } = await shell(`${local}${authority}${keep}`);
    expect({ exit, stderr: exit === 0 ? '' : stderr }, command).toEqual({ exit: 0, stderr: '' });
    expect(stdout, command).toMatch(new RegExp(`^${word}`, 'm'));
    if (isExport) exported = '. ~/exported';
    if (command.startsWith('export VIDIMUS_TOKEN=')) await logIn();
  }
});
