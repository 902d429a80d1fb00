/** Who signs and reads on a Notary server that is to be left, and what they make of it; then the same people elsewhere. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createDockerCli, type DockerCli } from '../support/notary-clients/docker-cli.ts';
import { createNotaryCli, type NotaryCli } from '../support/notary-clients/notary-cli.ts';
import { makeSignerKey } from '../support/notary-clients/signer-key.ts';

/**
 * Its root was rotated, its snapshot is the server's. Alice signs for releases, from where she delegated to bob; what
 * was delegated to him directly he did not sign yet.
 */
export const web = 'registry.example.com/acme/web';
export const nightly = 'targets/releases/nightly';
/** As `notary init` leaves it: its owner holds the snapshot key. */
export const plain = 'registry.example.com/acme/plain';
/** Made by docker, with the signer dora. */
export const docked = 'registry.example.com/acme/docked';
/** The same once more. */
export const live = 'registry.example.com/acme/live';

export const [one, two, three, four, five] = ['1', '2', '3', '4', '5'].map((digit) => digit.repeat(64));

/** A trust server, and what one shows it. */
interface Place {
  readonly url: string;
  readonly ca: string;
  /** `user:password`; without one only what needs none works. */
  readonly login?: string;
}

const persons = ['alice', 'bob', 'reader', 'sleeper', 'late'] as const;
type Person = (typeof persons)[number];

/** Each with a machine; `sleeper` looked at the first root and not since, `late` after everybody else. */
export interface People extends Readonly<Record<Person, NotaryCli>> {
  /** Made everything and holds its keys; docker and notary share one directory. */
  readonly owner: NotaryCli;
  readonly docker: DockerCli;
  readonly close: () => void;
}

/** @param before - machines to copy, with the keys and what they have cached; else they know nothing */
export function createPeople({ url, ca, login }: Place, before?: People): People {
  const at = { server: url, ca, ...(login === undefined ? {} : { login }) };
  const closing: (() => void)[] = [];
  const keep = <Client extends { close(): void }>(client: Client): Client => {
    closing.push(client.close);
    return client;
  };
  const make = (person: Person): NotaryCli => {
    const client = keep(createNotaryCli(at));
    if (before !== undefined) copyTrust(before[person], client);
    return client;
  };
  const logins = login === undefined ? {} : { 'registry.example.com': login };
  const docker = keep(createDockerCli({ ...at, logins }));
  const owner = keep(createNotaryCli({ ...at, trustDirectory: join(docker.configDirectory, 'trust') }));
  if (before !== undefined) copyTrust(before.owner, owner);
  return {
    owner,
    docker,
    alice: make('alice'),
    bob: make('bob'),
    reader: make('reader'),
    sleeper: make('sleeper'),
    late: make('late'),
    close: () => {
      for (const close of closing) close();
    },
  };
}

export function copyTrust(from: { trustDirectory: string }, to: { trustDirectory: string }): void {
  cpSync(from.trustDirectory, to.trustDirectory, { recursive: true });
}

/** Publishes a tag in targets, or in these roles. */
export async function publish(
  signer: NotaryCli,
  repository: string,
  tag: string,
  digest = '',
  roles: readonly string[] = [],
): Promise<void> {
  const options = roles.flatMap((role) => ['--roles', role]);
  await signer.done('addhash', repository, tag, '528', '--sha256', digest, ...options, '-p');
}

/** All that is there before anything moves. */
export async function signThere({ owner, docker, alice, bob, reader, sleeper }: People): Promise<void> {
  await owner.done('init', web, '-p');
  await publish(owner, web, '1.0', one);
  await sleeper.list(web);
  await owner.done('key', 'rotate', web, 'root');
  await owner.done('key', 'rotate', web, 'snapshot', '-r');
  await delegate(owner, alice, 'targets/releases');
  await delegate(owner, bob, 'targets/qa');
  await publish(alice, web, '2.0', two, ['targets/releases']);
  await delegate(alice, bob, nightly);
  await publish(bob, web, 'night', four, [nightly]);

  await owner.done('init', plain, '-p');
  await publish(owner, plain, '1.0', one);

  await docker.done('trust', 'key', 'generate', 'dora');
  for (const repository of [docked, live]) {
    await addSigner(docker, 'dora', repository);
    await publish(owner, repository, '1.0', one, ['targets/releases', 'targets/dora']);
  }
  for (const repository of [web, plain, docked, live]) await reader.list(repository);
}

export async function addSigner(docker: DockerCli, name: string, repository: string): Promise<void> {
  await docker.done('trust', 'signer', 'add', '--key', `${name}.pub`, name, repository);
}

async function delegate(delegator: NotaryCli, signer: NotaryCli, role: string): Promise<void> {
  const { certificate, privateKey } = await makeSignerKey('signer');
  const file = delegator.file('signer.crt', certificate);
  await delegator.done('delegation', 'add', web, role, file, '--all-paths', '-p');
  await signer.done('key', 'import', signer.file('signer.key', privateKey), '--role', role);
}
