/**
 * Copies of the database directory at a checkpoint, complete and on stable storage: `journal/base-<16 digits>`.
 *
 * The engine never fsyncs. When the machine itself stops, any of its pages may be missing on the disk, in any order, and
 * nothing inside the engine notices. Then `db/` is thrown away and made anew: the base (before the first one: an empty
 * database) and the journal after it.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import { syncDirectory, syncTree } from './disk.ts';

const baseName = /^base-\d{16}$/;
const unfinishedName = 'base.new';
const runningName = 'running';
const bootIdFile = '/proc/sys/kernel/random/boot_id';

/**
 * Copies `db` as it is now and makes the copy durable and the newest base. Nothing may write to `db` while `copy` runs.
 * @returns the size of the copy in bytes
 */
export async function makeBase(
  db: string,
  journal: string,
  nextSeq: number,
  exclusively: (copy: () => Promise<void>) => Promise<void>,
): Promise<number> {
  const unfinished = join(journal, unfinishedName);
  await rm(unfinished, { recursive: true, force: true });
  const bytes = await copyDurably(db, unfinished, exclusively);
  const name = `base-${String(nextSeq).padStart(16, '0')}`;
  await rm(join(journal, name), { recursive: true, force: true });
  await rename(unfinished, join(journal, name));
  await syncDirectory(journal);
  await removeBases(journal, name);
  return bytes;
}

/** A copy that fails is removed: on a full disk it would take the room that the journal needs. */
async function copyDurably(
  from: string,
  to: string,
  exclusively: (copy: () => Promise<void>) => Promise<void>,
): Promise<number> {
  try {
    await exclusively(() => cp(from, to, { recursive: true }));
    return await syncTree(to);
  } catch (error) {
    await rm(to, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Replaces `db` with the newest base, or with nothing when the journal reaches back to an empty database.
 * @returns what the journal must be repeated on
 * @throws DatabaseError JOURNAL_GAP, before anything is removed
 */
export async function restoreBase(
  db: string,
  journal: string,
  reach: { readonly firstSeq: number; readonly nextSeq: number },
): Promise<'base' | 'empty'> {
  const newest = (await listBases(journal)).at(-1);
  const baseSeq = newest === undefined ? 1 : Number.parseInt(newest.slice('base-'.length), 10);
  if (baseSeq < reach.firstSeq || baseSeq > reach.nextSeq) throw noBase(db);
  await rm(db, { recursive: true, force: true });
  if (newest === undefined) return 'empty';
  const unfinished = `${db}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await cp(join(journal, newest), unfinished, { recursive: true });
  await rename(unfinished, db);
  return 'base';
}

/** True when `db` cannot be believed: it was in use when the machine stopped, or is gone. */
export async function isSuspect(db: string, journal: string): Promise<boolean> {
  const marker = join(journal, runningName);
  if (!existsSync(marker)) return !existsSync(db);
  const [then, now] = [await readFile(marker, 'utf8'), await bootId()];
  return now === undefined || then !== now || !existsSync(db);
}

/** From here until `markStopped`, a stop of the machine makes `db` suspect. */
export async function markRunning(journal: string): Promise<void> {
  const file = await open(join(journal, runningName), 'w', 0o600);
  try {
    await file.writeFile((await bootId()) ?? 'unknown');
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(journal);
}

/** Says that `db` is complete on stable storage, after making it so. */
export async function markStopped(db: string, journal: string): Promise<void> {
  await syncTree(db);
  await syncDirectory(dirname(db));
  await rm(join(journal, runningName), { force: true });
  await syncDirectory(journal);
}

/** Makes the journal's directory where it is missing. */
export async function makeJournalDirectory(journal: string): Promise<void> {
  if ((await mkdir(journal, { recursive: true, mode: 0o700 })) !== undefined)
    await syncDirectory(dirname(journal));
}

function noBase(db: string): DatabaseError {
  return new DatabaseError('JOURNAL_GAP', {
    message: `${db} is missing or was open when the machine stopped, and the journal has no base to make it anew from`,
    hint: 'restore db/ and journal/ together from one backup',
  });
}

async function removeBases(journal: string, kept: string): Promise<void> {
  for (const name of await listBases(journal)) {
    if (name !== kept) await rm(join(journal, name), { recursive: true, force: true });
  }
}

async function listBases(journal: string): Promise<readonly string[]> {
  return (await readdir(journal)).filter((name) => baseName.test(name)).sort();
}

/** Another one after each start of the kernel; what a process wrote outlives the process, not the kernel. */
async function bootId(): Promise<string | undefined> {
  return await readFile(bootIdFile, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}
