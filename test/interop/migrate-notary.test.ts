/**
 * From a Notary server to ours: PostgreSQL filled by Debian's notary-server, with and without notary-signer, and
 * MariaDB filled with what the real client published on a server of ours. Old clients go on with the cache they have.
 */
import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyKeys, openDatabase, trustChangefeed, trustMetadata } from '@vidimus/database';
import { readMasterKeyFile } from '@vidimus/key-store';
import { notaryDialect, toNotaryRole } from '@vidimus/notary';
import { DEFAULT_LIMITS, verifyRoot, verifyTopLevel } from '@vidimus/tuf';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { unwrapSecret } from '../../packages/key-store/src/wrapping.ts';
import { type MariadbServer, startMariadb } from '../support/mariadb-server.ts';
import { createNotaryCli, type NotaryCli } from '../support/notary-clients/notary-cli.ts';
import { makeSignerKey } from '../support/notary-clients/signer-key.ts';
import { type NotaryPeer, startNotaryPeer } from '../support/notary-peer.ts';
import { notaryPrivateBytes, sealSignerKey } from '../support/notary-signer-rows.ts';
import { createNotaryMariadb, createNotaryPostgres, type NotaryDatabase } from '../support/notary-tables.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { createServiceBed, type ServiceBed } from '../support/service-bed.ts';
import { runCommand } from '../support/service-command.ts';
import { ADMIN_TOKEN, type ServiceProcess } from '../support/service-process.ts';

const login = `admin:${ADMIN_TOKEN}`;
const passphrase = 'the signer knows';

let postgres: PostgresServer;
let mariadb: MariadbServer;
beforeAll(async () => {
  [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), mariadb?.stop()]);
});

let bed: ServiceBed;
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function peer(options: Parameters<typeof startNotaryPeer>[0]): Promise<NotaryPeer> {
  const started = await startNotaryPeer(options);
  ending.push(() => started.stop());
  return started;
}

function client(server: string, ca: string, admin?: string): NotaryCli {
  const machine = createNotaryCli({ server, ca, ...(admin === undefined ? {} : { login: admin }) });
  ending.push(() => machine.close());
  return machine;
}

/** The same machine, told to use another server. */
function at(machine: NotaryCli, { url, ca }: { readonly url: string; readonly ca: string }) {
  const server = ['-s', url, '--tlscacert', machine.file(`ca-${hash(url).slice(0, 8)}.crt`, ca)];
  return {
    done: (...args: readonly string[]) => machine.done(...server, ...args),
    fails: (...args: readonly string[]) => machine.fails(...server, ...args),
    /** `target` of every row, in the order of their names. */
    list: async (repository: string) =>
      (await machine.done(...server, 'list', repository))
        .split('\n')
        .slice(2)
        .flatMap((line) => line.split(/\s+/)[0] || [])
        .sort(),
  };
}

/** The timestamp that a machine saw last. */
function cached(machine: NotaryCli, repository: string, role: string): Uint8Array {
  return readFileSync(join(machine.trustDirectory, 'tuf', repository, 'metadata', `${role}.json`));
}

function hash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

const reportSchema = z.object({
  repositories: z.array(
    z.looseObject({
      repository: z.string(),
      outcome: z.string(),
      problems: z.array(z.object({ code: z.string(), message: z.string(), fix: z.string() })).optional(),
      custody: z.record(z.string(), z.string()).optional(),
      added: z.object({ versions: z.number(), changes: z.number(), keys: z.number() }).optional(),
    }),
  ),
  exitCode: z.number(),
});

/** Runs `vidimus migrate notary` and answers its report by repository. */
async function migrate(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { exit, stdout, stderr } = await runCommand(['migrate', 'notary', ...words, '--json'], environment);
  if (exit > 1) throw new Error(`migrate notary ended with ${exit}: ${stdout}${stderr}`);
  const report = reportSchema.parse(JSON.parse(stdout));
  expect(report.exitCode).toBe(exit);
  return new Map(report.repositories.map((entry) => [entry.repository, entry]));
}

interface Target {
  readonly data: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  start(): Promise<{ readonly url: string; readonly ca: string; stop(): Promise<unknown> }>;
}

/** A service that is not running yet, and how `migrate` finds it. */
async function target(kind: 'embedded' | 'postgres'): Promise<Target> {
  bed = createServiceBed();
  ending.push(bed.close);
  const options = kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
  return {
    data: options.data,
    words: ['--data', options.data],
    environment: { ...options.environment },
    start: async () => {
      const service: ServiceProcess = await bed.start({ ...options, flags: ['--tls-dev'] });
      const ca = readFileSync(join(options.data, 'tls', 'ca.crt'), 'utf8');
      return { url: service.url, ca, stop: service.stop };
    },
  };
}

const signerAlias = 'one';
const signerEnvironment = { NOTARY_SIGNER_ONE: passphrase };

describe('a Notary server whose signer is lost', () => {
  it('comes over, names the lost key and the way out, and its clients go on', async () => {
    const repository = 'registry.example.com/lost/app';
    const source = await createNotaryPostgres(postgres);
    const old = await peer({ databaseUrl: source.url });
    const [owner, reader] = [client(old.url, old.ca, login), client(old.url, old.ca)];
    const file = owner.file('v1', 'v1');
    await owner.done('init', repository, '-p');
    await owner.done('add', repository, 'v1', file, '-p');
    expect((await reader.list(repository)).map((row) => row.target)).toEqual(['v1']);

    const into = await target('embedded');
    const words = [...into.words, '--server-db', source.url];
    const first = (await migrate(words)).get(repository);
    expect(first).toMatchObject({
      outcome: 'imported',
      custody: { timestamp: 'elsewhere', snapshot: 'elsewhere' },
    });
    expect(first?.added?.changes).toBe(2);
    const lost = first?.problems?.find(({ code }) => code === 'TIMESTAMP_KEY_LOST');
    expect(lost?.message).toMatch(/expires 20\d\d-/);
    expect(lost?.fix).toContain(`notary key rotate ${repository} timestamp -r`);

    // A copy to be looked at, while the other one still signs.
    let ours = await into.start();
    expect(await at(client(ours.url, ours.ca), ours).list(repository)).toEqual(['v1']);
    expect(await at(owner, ours).fails('add', repository, 'no', file, '-p')).toContain('being migrated');
    expect(await at(owner, ours).fails('key', 'rotate', repository, 'timestamp', '-r')).toMatch(
      /migrated|400/,
    );
    await ours.stop();
    await owner.done('reset', repository, '--all');
    await owner.done('add', repository, 'v2', file, '-p');
    await old.stop();

    const human = await runCommand(['migrate', 'notary', ...words, '--final']);
    expect(human.stderr).toBe('');
    expect(human.stdout).toMatch(
      /^UPDATED {4}registry\.example\.com\/lost\/app {2}root v1, 2 tags, 3 new versions\n/,
    );
    expect(human.stdout).toContain(`notary key rotate ${repository} timestamp -r`);
    expect(human.exit).toBe(0);

    ours = await into.start();
    expect(await at(reader, ours).list(repository)).toEqual(['v1', 'v2']);
    expect(await at(client(ours.url, ours.ca), ours).list(repository)).toEqual(['v1', 'v2']);
    await at(owner, ours).done('key', 'rotate', repository, 'timestamp', '-r');
    await at(owner, ours).done('add', repository, 'v3', file, '-p');
    expect(await at(reader, ours).list(repository)).toEqual(['v1', 'v2', 'v3']);
  });
});

describe.each(['ecdsa', 'ed25519'] as const)('a Notary server with its signer (%s)', (algorithm) => {
  it('comes over with its keys: what is signed here verifies under the old root', async () => {
    const repository = 'registry.example.com/signer/app';
    const source = await createNotaryPostgres(postgres);
    const signer = { databaseUrl: source.url, alias: signerAlias, passphrase, algorithm };
    const old = await peer({ databaseUrl: source.url, signer });
    const [owner, reader] = [client(old.url, old.ca, login), client(old.url, old.ca)];
    const file = owner.file('v1', 'v1');
    await owner.done('init', repository, '-p');
    await owner.done('key', 'rotate', repository, 'snapshot', '-r');
    await owner.done('add', repository, 'v1', file, '-p');
    expect((await reader.list(repository)).map((row) => row.target)).toEqual(['v1']);
    const root = cached(reader, repository, 'root');

    const into = await target('postgres');
    // The service is there already, and hears of it.
    const ours = await into.start();
    const words = [...into.words, '--server-db', source.url, '--signer-db', source.url];
    const unset = (await migrate(words, into.environment)).get(repository);
    expect(unset?.problems?.map(({ code }) => code)).toEqual([
      'PASSPHRASE_MISSING',
      'PASSPHRASE_MISSING',
      'TIMESTAMP_KEY_LOST',
    ]);
    expect(await at(client(ours.url, ours.ca), ours).list(repository)).toEqual(['v1']);
    await old.stop();

    const environment = { ...into.environment, ...signerEnvironment };
    const final = (await migrate([...words, '--final'], environment)).get(repository);
    expect(final).toMatchObject({
      outcome: 'updated',
      custody: { timestamp: 'service', snapshot: 'service' },
      added: { versions: 0, keys: 2 },
      problems: [],
    });
    expect((await migrate([...words, '--final'], environment)).get(repository)?.outcome).toBe('unchanged');

    await at(owner, ours).done('add', repository, 'v2', file, '-p');
    expect(await at(reader, ours).list(repository)).toEqual(['v1', 'v2']);
    expect(hash(cached(reader, repository, 'root'))).toBe(hash(root));
    const context = { dialect: notaryDialect, repository, foreign: true, limits: DEFAULT_LIMITS };
    const trusted = verifyRoot(context, root).document;
    const timestamp = verifyTopLevel(context, trusted, 'timestamp', cached(reader, repository, 'timestamp'));
    expect(timestamp.document.version).toBe(4);
  });
});

describe.each(['mysql', 'postgres'] as const)('documents and keys of a server of ours, in %s', (kind) => {
  it('come over in the documented format, delegations too', async () => {
    const repository = 'registry.example.com/copied/app';
    const source = await (kind === 'mysql' ? createNotaryMariadb(mariadb) : createNotaryPostgres(postgres));
    const from = await target('embedded');
    const old = await from.start();
    const [owner, reader] = [client(old.url, old.ca, login), client(old.url, old.ca)];
    const file = owner.file('v1', 'v1');
    const signer = await makeSignerKey('alice');
    await owner.done('init', repository, '-p');
    await owner.done('key', 'rotate', repository, 'snapshot', '-r');
    const certificate = owner.file('alice.crt', signer.certificate);
    await owner.done('delegation', 'add', repository, 'targets/releases', certificate, '--all-paths', '-p');
    const role = 'targets/releases';
    await owner.done('key', 'import', owner.file('alice.key', signer.privateKey), '--role', role);
    await owner.done('add', repository, 'v1', file, '-p');
    await owner.done('add', repository, 'v2', file, '--roles', role, '-p');
    await owner.done('key', 'rotate', repository, 'root');
    expect(await at(reader, old).list(repository)).toEqual(['v1', 'v2']);
    await old.stop();
    await copyAsNotary(from.data, repository, source);

    const into = await target('embedded');
    const words = [...into.words, '--server-db', source.url, '--signer-db', source.url, '--final'];
    const report = (await migrate(words, signerEnvironment)).get(repository);
    expect(report).toMatchObject({
      outcome: 'imported',
      custody: { timestamp: 'service', snapshot: 'service' },
      problems: [],
    });
    const ours = await into.start();
    expect(await at(reader, ours).list(repository)).toEqual(['v1', 'v2']);
    expect(await at(client(ours.url, ours.ca), ours).list(repository)).toEqual(['v1', 'v2']);
    await at(owner, ours).done('add', repository, 'v3', file, '-p');
    expect(await at(reader, ours).list(repository)).toEqual(['v1', 'v2', 'v3']);
    await at(owner, ours).done('key', 'rotate', repository, 'timestamp', '-r');
    expect(await at(reader, ours).list(repository)).toEqual(['v1', 'v2', 'v3']);
  });
});

/** What a service of ours holds, as notary-server and notary-signer would have stored it. */
async function copyAsNotary(directory: string, repository: string, into: NotaryDatabase): Promise<void> {
  const master = await readMasterKeyFile(join(directory, 'master.key'));
  const database = await openDatabase({ directory });
  try {
    const ofRepository = <T extends { repository: string }>(rows: readonly T[]): readonly T[] =>
      rows.filter((row) => row.repository === repository);
    for (const { role, version, bytes } of ofRepository(await database.db.select().from(trustMetadata))) {
      await into.insertFile({ gun: repository, role: toNotaryRole(role), version, data: bytes });
    }
    for (const { version, sha256 } of ofRepository(await database.db.select().from(trustChangefeed))) {
      await into.insertChange({ gun: repository, version, sha256 });
    }
    for (const { wrapped, publicHex, ...row } of ofRepository(await database.db.select().from(keyKeys))) {
      if (wrapped === null) continue;
      const place = { ...row, algorithm: 'ed25519' as const };
      const seed = unwrapSecret(master.key, wrapped, place);
      const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
      const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      await into.insertKey({
        keyId: row.keyId,
        algorithm: 'ed25519',
        alias: signerAlias,
        publicBytes: Buffer.from(publicHex, 'hex'),
        sealed: await sealSignerKey(notaryPrivateBytes(key), passphrase),
        gun: repository,
        role: row.role,
      });
    }
  } finally {
    await database.close();
  }
}
