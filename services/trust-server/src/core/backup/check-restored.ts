/** The drill: does what was restored open, and would clients take it? */
import { type Database, keyKeys, type Queries } from '@vidimus/database';
import {
  createWrappedKeyStore,
  KeyStoreError,
  parseMasterKey,
  type Random,
  type WrappedKey,
} from '@vidimus/key-store';
import { type DialectName, TufError, verifyRepository } from '@vidimus/tuf';
import { and, asc, gt, isNotNull, isNull } from 'drizzle-orm';
import { codecOf } from '../dialects.ts';
import { algorithmSchema } from '../keys/managed-keys.ts';
import { readCurrentFiles } from '../store/metadata.ts';
import { readLive } from '../store/repositories.ts';
import type { BackupHead } from './backup-lines.ts';

/** One thing that is not as it should be. */
export interface Unsound {
  readonly repository: string;
  readonly what: string;
}

export interface DrillResult {
  readonly keys: number;
  /** Repositories, as a client does. */
  readonly walked: number;
  /** Keys that no master key of the backup opens: those of roots, where the root master key is kept elsewhere. */
  readonly locked: number;
  readonly unsound: readonly Unsound[];
}

export interface DrillParts {
  readonly database: Database;
  readonly masters: BackupHead['masterKeys'];
  readonly repositories: readonly string[];
  readonly random: Random;
  /** Milliseconds since 1970: the moment of the backup, since files expire. */
  readonly atMs: number;
  readonly progress?: (done: number) => void;
}

/** Opens every key, and walks every repository as a client does. @throws DatabaseError, KeyStoreError */
export async function checkRestored(parts: DrillParts): Promise<DrillResult> {
  const { database } = parts;
  const unsound: Unsound[] = [];
  const keys = await checkKeys(parts, unsound);
  let done = 0;
  for (const repository of parts.repositories) {
    unsound.push(...(await checkRepository(database.db, repository, parts.atMs)));
    done += 1;
    parts.progress?.(done);
  }
  return { ...keys, walked: parts.repositories.length, unsound };
}

const keysAtOnce = 500;

async function checkKeys(
  { database, masters, random, atMs }: DrillParts,
  unsound: Unsound[],
): Promise<{ readonly keys: number; readonly locked: number }> {
  const store = createWrappedKeyStore({
    random,
    now: () => atMs,
    master: parseMasterKey(masters.service.key),
    ...(masters.root === undefined ? {} : { rootMaster: parseMasterKey(masters.root.key) }),
  });
  let keys = 0;
  let locked = 0;
  for await (const key of storedKeys(database.db)) {
    keys += 1;
    try {
      await store.open(key);
    } catch (error) {
      if (!(error instanceof KeyStoreError)) throw error;
      if (error.code === 'SIGNER_UNAVAILABLE') locked += 1;
      else
        unsound.push({ repository: key.repository, what: `key ${key.keyId.slice(0, 12)}: ${error.message}` });
    }
  }
  store.forgetAll();
  return { keys, locked };
}

async function* storedKeys(queries: Queries): AsyncGenerator<WrappedKey> {
  let after = '';
  for (;;) {
    const rows = await queries
      .select()
      .from(keyKeys)
      .where(and(isNotNull(keyKeys.wrapped), isNull(keyKeys.retiredAt), gt(keyKeys.keyId, after)))
      .orderBy(asc(keyKeys.keyId))
      .limit(keysAtOnce);
    for (const {
      keyId,
      repository,
      role,
      dialect,
      algorithm,
      publicHex,
      wrapped,
      masterFingerprint,
    } of rows) {
      if (wrapped === null) continue;
      const common = { keyId, repository, role, dialect, publicHex, wrapped, masterFingerprint };
      yield { ...common, algorithm: algorithmSchema.parse(algorithm), createdAt: 0 };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < keysAtOnce) return;
    after = last.keyId;
  }
}

async function checkRepository(
  queries: Queries,
  repository: string,
  atMs: number,
): Promise<readonly Unsound[]> {
  const row = await readLive(queries, repository);
  if (row === undefined) return [{ repository, what: 'it is not there' }];
  const unsound: Unsound[] = [];
  for (const dialect of row.dialects) {
    try {
      await walk(queries, row, dialect, atMs);
    } catch (error) {
      if (!(error instanceof TufError)) throw error;
      unsound.push({ repository, what: `${dialect}: ${error.message}` });
    }
  }
  return unsound;
}

/** What has expired by then is no fault of the backup: a client is asked as of the moment it was made. */
async function walk(
  queries: Queries,
  row: { readonly repository: string; readonly incarnation: number },
  dialect: DialectName,
  atMs: number,
): Promise<void> {
  const files = await readCurrentFiles(queries, row, dialect);
  const newest = files.get('root');
  if (newest === undefined) throw new TufError('MISSING', 'there is no root', { role: 'root' });
  verifyRepository({
    dialect: codecOf(dialect),
    repository: row.repository,
    now: atMs,
    anchor: { kind: 'root', bytes: newest.bytes },
    foreign: false,
    next: (role, version) => {
      const file = files.get(role);
      return version === undefined || file?.version === version ? file?.bytes : undefined;
    },
  });
}
