/** Which master keys a database is used with, and how one takes another's place while every replica goes on. */
import { type Database, keyKeys, keyMasters, type Queries } from '@vidimus/database';
import { KeyStoreError, type MasterKey, type WrappedKey, type WrappedKeyStore } from '@vidimus/key-store';
import { and, asc, count, eq, gt, isNotNull, ne, or } from 'drizzle-orm';
import { z } from 'zod';

/** Keys wrapped anew in one transaction. */
const keysAtOnce = 50;

/** The master keys a process was given. `previous` opens what it wrapped, and wraps nothing. */
export interface GivenMasters {
  readonly service: MasterKey;
  readonly root?: MasterKey;
  readonly previous?: { readonly service?: MasterKey; readonly root?: MasterKey };
}

const purposes = ['service', 'root'] as const;
type Purpose = (typeof purposes)[number];

/**
 * Refuses to go on with other master keys than the database is used with. One that comes with the one before it
 * takes its place; a master key that was replaced never comes back.
 * @throws KeyStoreError MASTER_KEY_WRONG, also while keys are wrapped by one that was not given
 */
export async function pinMasterKeys(database: Database, masters: GivenMasters): Promise<void> {
  await database.transaction(async (tx) => {
    for (const purpose of purposes) {
      const master = masters[purpose];
      if (master !== undefined) await pin(tx, purpose, master, masters.previous?.[purpose]);
    }
  });
}

async function pin(
  tx: Queries,
  purpose: Purpose,
  master: MasterKey,
  previous: MasterKey | undefined,
): Promise<void> {
  const given = master.fingerprint;
  await tx.insert(keyMasters).values({ purpose, fingerprint: given }).onConflictDoNothing();
  // Two replicas that start at once must not both take the place.
  const [row] = await tx.select().from(keyMasters).where(eq(keyMasters.purpose, purpose)).for('update');
  if (row === undefined) return;
  const { fingerprint: needed } = row;
  if (needed !== given) {
    if (previous?.fingerprint !== needed) throw wrong(given, needed);
    // A replica that has the new one for opening alone: it goes on with the old one until it is started anew.
    if (row.previous === given) return;
    const next = { fingerprint: given, previous: needed };
    await tx.update(keyMasters).set(next).where(eq(keyMasters.purpose, purpose));
  }
  const known = [given, ...(previous === undefined ? [] : [previous.fingerprint])];
  const others = await countOthers(tx, purpose, known);
  if (others > 0) throw wrong(given, row.previous ?? needed, others);
}

/** Keys in use that none of these master keys opens. */
async function countOthers(tx: Queries, purpose: Purpose, known: readonly string[]): Promise<number> {
  const [row] = await tx
    .select({ keys: count() })
    .from(keyKeys)
    .where(
      and(
        isNotNull(keyKeys.wrapped),
        purpose === 'root' ? eq(keyKeys.role, 'root') : ne(keyKeys.role, 'root'),
        ...known.map((fingerprint) => ne(keyKeys.masterFingerprint, fingerprint)),
      ),
    );
  return row?.keys ?? 0;
}

function wrong(given: string, needed: string, keys?: number): KeyStoreError {
  const what = keys === undefined ? 'the stored keys need' : `${keys} stored keys still need`;
  return new KeyStoreError('MASTER_KEY_WRONG', `the master key has fingerprint ${given}, ${what} ${needed}`, {
    given,
    needed,
    ...(keys === undefined ? {} : { keys }),
  });
}

const algorithmSchema = z.enum(['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa']);

export interface Rewrapped {
  readonly keys: number;
  /** Ids of keys that do not open where they stand: moved or altered, and left as they are. */
  readonly refused: readonly string[];
}

/**
 * Wraps what a previous master key wrapped under the present one, some keys at a time: it may end anywhere and be
 * begun again, and several replicas may do it at once. Nothing else waits for it.
 * @param isStopped - asked before each transaction
 */
export async function rewrapKeys(
  database: Database,
  keyStore: WrappedKeyStore,
  masters: GivenMasters,
  isStopped: () => boolean = () => false,
): Promise<Rewrapped> {
  let keys = 0;
  const refused: string[] = [];
  let after: string | undefined = '';
  while (after !== undefined && !isStopped()) {
    const from: string = after;
    const step: Step = await database.transaction((tx) => rewrapSome(tx, keyStore, masters, from));
    keys += step.keys;
    refused.push(...step.refused);
    after = step.last;
  }
  return { keys, refused };
}

/** `last`: the id to go on from; undefined at the end. */
interface Step extends Rewrapped {
  readonly last: string | undefined;
}

async function rewrapSome(
  tx: Queries,
  keyStore: WrappedKeyStore,
  masters: GivenMasters,
  after: string,
): Promise<Step> {
  const wanted = await retiringRows(tx, masters);
  if (wanted.length === 0) return { keys: 0, refused: [], last: undefined };
  const rows = await tx
    .select()
    .from(keyKeys)
    .where(and(isNotNull(keyKeys.wrapped), gt(keyKeys.keyId, after), or(...wanted)))
    .orderBy(asc(keyKeys.keyId))
    .limit(keysAtOnce)
    .for('update');
  const refused: string[] = [];
  for (const row of rows) if (!(await rewrapRow(tx, keyStore, row))) refused.push(row.keyId);
  return { keys: rows.length - refused.length, refused, last: rows.at(-1)?.keyId };
}

/** False for a key that does not open where it stands. */
async function rewrapRow(
  tx: Queries,
  keyStore: WrappedKeyStore,
  { wrapped, algorithm, createdAt, ...row }: typeof keyKeys.$inferSelect,
): Promise<boolean> {
  if (wrapped === null) return true;
  const read = { algorithm: algorithmSchema.parse(algorithm), createdAt: createdAt.getTime() };
  let next: WrappedKey;
  try {
    next = keyStore.rewrap({ ...row, ...read, wrapped });
  } catch (error) {
    if (error instanceof KeyStoreError && error.code === 'KEY_CORRUPT') return false;
    throw error;
  }
  await tx
    .update(keyKeys)
    .set({ wrapped: next.wrapped, masterFingerprint: next.masterFingerprint })
    .where(
      and(
        eq(keyKeys.keyId, row.keyId),
        eq(keyKeys.repository, row.repository),
        eq(keyKeys.role, row.role),
        eq(keyKeys.dialect, row.dialect),
      ),
    );
  return true;
}

/** Only under the master key that the database is used with: else two replicas would undo each other's work. */
async function retiringRows(tx: Queries, masters: GivenMasters) {
  const present = await tx.select().from(keyMasters);
  return purposes.flatMap((purpose) => {
    const previous = masters.previous?.[purpose];
    const isPresent = present.some(
      (row) => row.purpose === purpose && row.fingerprint === masters[purpose]?.fingerprint,
    );
    if (previous === undefined || !isPresent) return [];
    const ofPurpose = purpose === 'root' ? eq(keyKeys.role, 'root') : ne(keyKeys.role, 'root');
    return [and(ofPurpose, eq(keyKeys.masterFingerprint, previous.fingerprint))];
  });
}
