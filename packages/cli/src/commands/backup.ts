/** `vidimus key backup` and `key restore`: everything the service knows, in one encrypted file, and back. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { printable } from '@vidimus/reference';
import {
  type BackupHead,
  checkRestored,
  createIds,
  openStream,
  type RestoredContents,
  restoreBackup,
  sealStream,
  writeBackup,
} from '@vidimus/trust-server';
import { readPieces, writeWhole } from '../backup/backup-file.ts';
import { backupKey, backupLock } from '../backup/backup-key.ts';
import {
  openMasters,
  openPlace,
  type ServiceFlags,
  type ServicePlace,
  servicePlace,
} from '../backup/service-database.ts';
import { createTextStream } from '../backup/text-stream.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatFacts } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import type { Fact } from '../publish/outcome-lines.ts';
import { readMasterKeys } from '../serve/master-keys.ts';

export interface BackupOptions extends ServiceFlags {
  readonly out?: string;
  readonly recipient?: readonly string[];
}

/** Writes a backup beside a running service (PostgreSQL), or with the service stopped (embedded). */
export async function backup(context: Context, options: BackupOptions): Promise<ExitCode> {
  const { out } = options;
  if (out === undefined) {
    throw new CliError('USAGE', exitCodes.usage, 'say where to: --out FILE');
  }
  const place = servicePlace(context, options);
  const lock = await backupLock(context, options.recipient);
  const database = await openPlace(context, place);
  try {
    const masters = await openMasters(context, place, database);
    const text = createTextStream();
    const written = writeBackup({
      database,
      masters,
      now: context.world.now,
      write: text.write,
      progress: (rows) => context.terminal.progress(`${rows} rows ...`),
    }).then(
      (contents) => {
        text.close();
        return contents;
      },
      (error: unknown) => {
        text.fail(error);
        throw error;
      },
    );
    const [contents, bytes] = await Promise.all([
      written,
      writeWhole(out, await sealStream(text.stream, lock)),
    ]);
    context.terminal.clear();
    const rows = Object.values(contents.rows).reduce((sum, count) => sum + count, 0);
    const hasRoot = masters.root !== undefined;
    return answer(context, 'BACKED UP', out, {
      json: { file: out, at: contents.at, bytes, rows: contents.rows, rootMasterKey: hasRoot },
      facts: [
        [
          'holds',
          `${contents.rows['trust_repositories'] ?? 0} repositories, ${contents.rows['key_keys'] ?? 0} keys, ${rows} rows, as of ${contents.at}`,
        ],
        ['opened by', 'recipients' in lock ? `${lock.recipients.length} age keys` : 'the passphrase alone'],
        ...(hasRoot
          ? []
          : [['not in it', 'the root master key, which this service does not have: keep it apart'] as const]),
        ['next', `try it before you need it: vidimus key restore ${out} --drill`],
      ],
    });
  } finally {
    await database.close();
  }
}

export interface RestoreOptions extends ServiceFlags {
  readonly identity?: string;
  readonly drill?: boolean;
  /** Where master keys go that the environment does not have (PostgreSQL). */
  readonly keysTo?: string;
}

/** Restores into an empty database, or tries it out in a directory that is thrown away. */
export async function restore(context: Context, file: string, options: RestoreOptions): Promise<ExitCode> {
  const key = await backupKey(context, options.identity);
  const chunks = openStream(await readPieces(file), key);
  if (options.drill === true) return await drill(context, file, chunks);
  const place = servicePlace(context, options);
  const { contents, masters } =
    place.kind === 'postgres'
      ? await restoreInto(context, place, chunks, (masters) => placeMasters(context, masters, options.keysTo))
      : await restoreDirectory(context, place.directory, chunks);
  context.terminal.clear();
  return answer(context, 'RESTORED', place.kind === 'postgres' ? 'the database' : place.directory, {
    json: { ...contents, drill: false },
    facts: [
      ['from', `${file}, as of ${contents.at}`],
      ['holds', `${contents.repositories.length} repositories, ${contents.rows} rows`],
      ...masterFacts(place, masters, options.keysTo),
      ['now', 'every repository is read-only: clients may have seen newer versions than this backup has'],
      ...contents.repositories
        .slice(0, maxNamed)
        .map(
          (name, at): Fact => [at === 0 ? 'next' : '', `vidimus key resume ${printable(name)} --reason TEXT`],
        ),
      ...(contents.repositories.length > maxNamed
        ? [['', `and ${contents.repositories.length - maxNamed} more: vidimus doctor, or --json`] as const]
        : []),
    ],
  });
}

const maxNamed = 5;

interface Restored {
  readonly contents: RestoredContents;
  readonly masters: BackupHead['masterKeys'];
}

type Chunks = AsyncIterable<Uint8Array>;

/** On PostgreSQL one transaction: it is all there, or nothing is. */
async function restoreInto(
  context: Context,
  place: ServicePlace,
  chunks: Chunks,
  keepMasters: (masters: BackupHead['masterKeys']) => Promise<void> = async () => undefined,
): Promise<Restored> {
  const { now, random } = context.world;
  const database = await openPlace(context, place);
  try {
    let masters: BackupHead['masterKeys'] | undefined;
    const contents = await restoreBackup({
      database,
      chunks,
      now,
      newId: createIds({ now, randomBytes: random }),
      keepMasters: async (given) => {
        masters = given;
        await keepMasters(given);
      },
      progress: (rows) => context.terminal.progress(`${rows} rows ...`),
    });
    if (masters === undefined) throw new Error('a backup without a head was restored');
    return { contents, masters };
  } finally {
    await database.close();
  }
}

/** Beside its place, and moved there when it is whole: a directory that is there is complete. */
async function restoreDirectory(context: Context, directory: string, chunks: Chunks): Promise<Restored> {
  await assertNothingAt(directory);
  const parent = dirname(resolve(directory));
  await mkdir(parent, { recursive: true });
  const beside = join(parent, `.restore-${randomBytes(4).toString('hex')}`);
  try {
    const restored = await restoreInto(context, { kind: 'embedded', directory: beside }, chunks, (masters) =>
      keepMasterFiles(beside, masters),
    );
    await assertNothingAt(directory);
    await rm(directory, { recursive: true, force: true });
    await rename(beside, directory);
    return restored;
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
}

async function keepMasterFiles(directory: string, masters: BackupHead['masterKeys']): Promise<void> {
  const files = [
    ['master.key', masters.service],
    ['root-master.key', masters.root],
  ] as const;
  for (const [name, master] of files) {
    if (master === undefined) continue;
    await writeFile(join(directory, name), `${master.key}\n`, { mode: 0o600, flag: 'wx' });
  }
}

async function assertNothingAt(directory: string): Promise<void> {
  let entries: readonly string[];
  try {
    entries = await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  if (entries.length === 0) return;
  throw new CliError(
    'NOT_EMPTY',
    exitCodes.usage,
    `${directory} is not empty`,
    'restore into another one with --data DIR, or move this one away',
  );
}

/**
 * On PostgreSQL the master keys come from the environment. Those of the backup must be there, or be written where the
 * person says, before anything is restored.
 */
async function placeMasters(
  { world }: Context,
  masters: BackupHead['masterKeys'],
  directory: string | undefined,
): Promise<void> {
  if (directory !== undefined) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await keepMasterFiles(directory, masters);
    return;
  }
  const { environment, random } = world;
  const given = await readMasterKeys({ environment, random, dataDirectory: undefined });
  if (given.service.fingerprint === masters.service.fingerprint) return;
  throw new CliError(
    'MASTER_KEY_WRONG',
    exitCodes.usage,
    `VIDIMUS_MASTER_KEY has fingerprint ${given.service.fingerprint}, the keys of the backup need ${masters.service.fingerprint}`,
    'set the master key of then, or have it written with --keys-to DIR',
  );
}

function masterFacts(
  place: ServicePlace,
  { service, root }: BackupHead['masterKeys'],
  keysTo: string | undefined,
): readonly Fact[] {
  if (place.kind === 'embedded') return [];
  const named = [`VIDIMUS_MASTER_KEY of fingerprint ${service.fingerprint}`];
  if (root !== undefined) named.push(`VIDIMUS_ROOT_MASTER_KEY of fingerprint ${root.fingerprint}`);
  const where = keysTo === undefined ? '' : `: master.key and root-master.key in ${keysTo}`;
  return [['needs', `${named.join(' and ')}${where}`]];
}

async function drill(context: Context, file: string, chunks: Chunks): Promise<ExitCode> {
  const { random, environment } = context.world;
  const directory = join(environment['TMPDIR'] || '/tmp', `vidimus-drill-${randomBytes(6).toString('hex')}`);
  await mkdir(directory, { mode: 0o700 });
  try {
    const place: ServicePlace = { kind: 'embedded', directory: join(directory, 'data') };
    const { contents, masters } = await restoreInto(context, place, chunks);
    const database = await openPlace(context, place);
    const result = await checkRestored({
      database,
      masters,
      repositories: contents.repositories,
      random,
      atMs: Date.parse(contents.at),
      progress: (done) =>
        context.terminal.progress(`${done} of ${contents.repositories.length} repositories ...`),
    }).finally(() => database.close());
    context.terminal.clear();
    const isSound = result.unsound.length === 0;
    answer(context, isSound ? 'SOUND' : 'UNSOUND', file, {
      json: { ...contents, ...result, drill: true, sound: isSound },
      facts: [
        ['as of', formatTimeAndDistance(Date.parse(contents.at), context.world.now())],
        [
          'keys',
          `${result.keys - result.locked} opened${result.locked === 0 ? '' : `, ${result.locked} need the root master key, which is kept apart`}`,
        ],
        ['clients', `${result.walked} repositories walked as a client does`],
        ...result.unsound
          .slice(0, maxNamed)
          .map(({ repository, what }): Fact => ['FAILED', printable(`${repository}: ${what}`)]),
        ['effect', 'nothing was changed; the copy was deleted'],
      ],
    });
    return isSound ? exitCodes.done : exitCodes.denied;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function answer(
  context: Context,
  verdict: string,
  subject: string,
  { json, facts }: { readonly json: Readonly<Record<string, unknown>>; readonly facts: readonly Fact[] },
): ExitCode {
  const { terminal } = context;
  if (context.options.json === true) context.json(json);
  else {
    terminal.out(`${terminal.colors.bold(verdict)}  ${printable(subject, 1_000)}`);
    for (const line of formatFacts(facts)) terminal.out(line);
  }
  return exitCodes.done;
}
