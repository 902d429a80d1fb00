/** The private halves of the service's own keys, as somebody who has its database and its master key reads them. */
import { keyKeys, openDatabase } from '@vidimus/database';
import { createWrappedKeyStore, parseMasterKey } from '@vidimus/key-store';
import { and, eq, isNotNull } from 'drizzle-orm';
import { z } from 'zod';
import type { DialectName } from './people.ts';

/** Signs with one of them. */
export interface StolenKey {
  readonly dialect: DialectName;
  readonly role: string;
  readonly keyId: string;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

const dialectSchema = z.enum(['tuf', 'notary']);
const algorithmSchema = z.literal('ed25519');

/** @param masterKey - base64 */
export async function stealServiceKeys(
  databaseUrl: string,
  masterKey: string,
  repository: string,
): Promise<readonly StolenKey[]> {
  const database = await openDatabase({ url: databaseUrl });
  try {
    const rows = await database.db
      .select()
      .from(keyKeys)
      .where(and(eq(keyKeys.repository, repository), isNotNull(keyKeys.wrapped)));
    const store = createWrappedKeyStore({
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      now: () => 0,
      master: parseMasterKey(masterKey),
    });
    const online = rows.filter(({ role }) => role === 'timestamp' || role === 'snapshot');
    return await Promise.all(
      online.map(async (row) => {
        const signer = await store.open({
          ...row,
          algorithm: algorithmSchema.parse(row.algorithm),
          wrapped: row.wrapped ?? new Uint8Array(),
          createdAt: 0,
        });
        const { role, keyId } = row;
        return { dialect: dialectSchema.parse(row.dialect), role, keyId, sign: signer.sign };
      }),
    );
  } finally {
    await database.close();
  }
}
