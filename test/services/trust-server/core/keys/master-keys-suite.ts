/** One master key after another, while the service goes on. Runs over every kind of database. */
import { sha256, toBase64 } from '@vidimus/crypto';
import { type Database, keyKeys, keyMasters } from '@vidimus/database';
import { createWrappedKeyStore, type MasterKey, parseMasterKey } from '@vidimus/key-store';
import { and, eq, isNotNull } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type GivenMasters,
  pinMasterKeys,
  rewrapKeys,
} from '../../../../../services/trust-server/src/core/index.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import { bodyOf, Client, call, managed, openCore, tagOf } from '../core-for-test.ts';

const keyNamed = (name: string): MasterKey => parseMasterKey(toBase64(sha256(Buffer.from(name))));
const [old, oldRoot] = [keyNamed('service master'), keyNamed('root master')];
const [next, nextRoot] = [keyNamed('next master'), keyNamed('next root')];
const third = keyNamed('third master');

const before: GivenMasters = { service: old, root: oldRoot };
const ready: GivenMasters = { ...before, previous: { service: next, root: nextRoot } };
const after: GivenMasters = { service: next, root: nextRoot, previous: { service: old, root: oldRoot } };
const done: GivenMasters = { service: next, root: nextRoot };

const storeOf = ({ service, root, previous }: GivenMasters) =>
  createWrappedKeyStore({
    random: (n) => crypto.getRandomValues(new Uint8Array(n)),
    now: () => 0,
    master: service,
    ...(root === undefined ? {} : { rootMaster: root }),
    retiring: [previous?.service, previous?.root].filter((key) => key !== undefined),
  });

export function masterKeysSuite(given: DatabaseForSuite): void {
  const pin = (masters: GivenMasters) => pinMasterKeys(given.database(), masters);
  const wrong = expect.objectContaining({ code: 'MASTER_KEY_WRONG' });
  const wrappedBy = async (database: Database) =>
    new Set(
      (await database.db.select().from(keyKeys).where(isNotNull(keyKeys.wrapped))).map(
        ({ masterFingerprint }) => masterFingerprint,
      ),
    );
  let names = 0;
  let repository = '';

  beforeEach(async () => {
    names += 1;
    repository = `registry.example.com/masters/${names}`;
    // Rows cannot be taken away: those of the test before are destroyed keys.
    await given
      .database()
      .db.update(keyKeys)
      .set({ wrapped: null, retiredAt: new Date(0) });
    for (const [purpose, { fingerprint }] of Object.entries({ service: old, root: oldRoot })) {
      const row = { fingerprint, previous: null };
      await given.database().db.update(keyMasters).set(row).where(eq(keyMasters.purpose, purpose));
    }
    await pin(before);
    const { service } = openCore(given.database());
    await bodyOf(service.createRepository(call, repository, managed));
  });

  describe('a master key that follows another', () => {
    it('takes its place, and everything is wrapped anew', async () => {
      await pin(after);
      const { keys, refused } = await rewrapKeys(given.database(), storeOf(after), after);
      expect(keys).toBeGreaterThanOrEqual(5);
      expect(refused).toEqual([]);
      expect(await wrappedBy(given.database())).toEqual(new Set([next.fingerprint, nextRoot.fingerprint]));
      await pin(done);
      expect(await rewrapKeys(given.database(), storeOf(after), after)).toEqual({ keys: 0, refused: [] });
      const core = openCore(given.database(), { keyStore: storeOf(done) });
      await bodyOf(core.service.putTag(call, repository, '1.0', tagOf('a')));
      expect(Object.keys(await (await new Client(core, repository).pin()).targets())).toEqual(['1.0']);
    });

    it('is refused without the one before it', async () => {
      await expect(pin(done)).rejects.toThrow(wrong);
      await expect(pin({ ...done, previous: { service: third, root: third } })).rejects.toThrow(wrong);
    });

    it('needs the one before it until everything is wrapped anew', async () => {
      await pin(after);
      await expect(pin(done)).rejects.toThrow(wrong);
      await rewrapKeys(given.database(), storeOf(after), after);
      await pin(done);
    });

    it('lets replicas go on that have it for opening alone', async () => {
      await pin(ready);
      await pin(after);
      await pin(ready);
      const [row] = await given
        .database()
        .db.select()
        .from(keyMasters)
        .where(eq(keyMasters.purpose, 'service'));
      expect(row).toMatchObject({ fingerprint: next.fingerprint, previous: old.fingerprint });
      // They undo nothing, and what they make meanwhile is wrapped anew, too.
      expect(await rewrapKeys(given.database(), storeOf(ready), ready)).toEqual({ keys: 0, refused: [] });
      await rewrapKeys(given.database(), storeOf(after), after);
      const replica = openCore(given.database(), { keyStore: storeOf(ready) });
      await bodyOf(replica.service.putTag(call, repository, '1.0', tagOf('a')));
      await bodyOf(replica.service.createRepository(call, `${repository}-late`, managed));
      expect((await rewrapKeys(given.database(), storeOf(after), after)).keys).toBeGreaterThanOrEqual(5);
      await pin(done);
    });

    it('never lets a replaced one come back', async () => {
      await pin(after);
      await rewrapKeys(given.database(), storeOf(after), after);
      await expect(pin(before)).rejects.toThrow(wrong);
    });

    it('goes on where a crash left it', async () => {
      await pin(after);
      let asked = 0;
      for (let i = 0; i < 12; i += 1) {
        await bodyOf(
          openCore(given.database(), { keyStore: storeOf(ready) }).service.createRepository(
            call,
            `${repository}-${i}`,
            managed,
          ),
        );
      }
      const { keys } = await rewrapKeys(given.database(), storeOf(after), after, () => {
        asked += 1;
        return asked > 1;
      });
      expect(keys).toBe(50);
      expect((await wrappedBy(given.database())).size).toBe(4);
      await rewrapKeys(given.database(), storeOf(after), after);
      await pin(done);
    });

    it('leaves a row that was moved to another repository, and says so', async () => {
      const { db } = given.database();
      const other = `${repository}-other`;
      await bodyOf(openCore(given.database()).service.createRepository(call, other, managed));
      const timestampOf = async (name: string) => {
        const rows = await db
          .select()
          .from(keyKeys)
          .where(and(eq(keyKeys.repository, name), eq(keyKeys.role, 'timestamp')));
        const [row] = rows;
        if (row === undefined) throw new Error('no key');
        return row;
      };
      const [mine, theirs] = [await timestampOf(repository), await timestampOf(other)];
      const swapped = { wrapped: theirs.wrapped, publicHex: theirs.publicHex };
      await db.update(keyKeys).set(swapped).where(eq(keyKeys.keyId, mine.keyId));
      await pin(after);
      const { refused } = await rewrapKeys(given.database(), storeOf(after), after);
      expect(refused).toEqual([mine.keyId]);
      const isLeft = and(isNotNull(keyKeys.wrapped), eq(keyKeys.masterFingerprint, old.fingerprint));
      const left = await db.select().from(keyKeys).where(isLeft);
      expect(left.map(({ keyId }) => keyId)).toEqual([mine.keyId]);
    });
  });
}
