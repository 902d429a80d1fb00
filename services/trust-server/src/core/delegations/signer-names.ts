/** Who holds the keys of delegations, as far as anybody was named. Names rest on the server's word, never on a signature. */
import { type Queries, trustRoleKeys } from '@vidimus/database';
import { and, eq, isNotNull, isNull } from 'drizzle-orm';
import type { Incarnation } from '../store/metadata.ts';

/** Key id to the name of the party that holds it. */
export type NamedSigners = ReadonlyMap<string, string>;

export async function readSigners(
  queries: Queries,
  { repository, incarnation }: Incarnation,
): Promise<NamedSigners> {
  const rows = await queries
    .select({ keyId: trustRoleKeys.keyId, signer: trustRoleKeys.signer })
    .from(trustRoleKeys)
    .where(
      and(
        eq(trustRoleKeys.repository, repository),
        eq(trustRoleKeys.incarnation, incarnation),
        isNull(trustRoleKeys.until),
        isNotNull(trustRoleKeys.signer),
      ),
    );
  return new Map(rows.flatMap(({ keyId, signer }) => (signer === null ? [] : [[keyId, signer] as const])));
}

/** A key of which nobody said whose it is. */
export function nameOf(names: NamedSigners, keyId: string): string {
  return names.get(keyId) ?? keyId.slice(0, 12);
}
