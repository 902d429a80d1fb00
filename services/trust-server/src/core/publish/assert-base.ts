/** `If-Match`: an edit that names its base must not be carried out on another one. */
import type { Queries } from '@vidimus/database';
import { type RoleVersion, TrustError } from '../../service.ts';
import { mainDialect } from '../dialects.ts';
import { headsIn, type RoleHeads, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** A role that is not there has no version that could match. @throws TrustError VERSION_CONFLICT */
export function assertBase(heads: RoleHeads, base: RoleVersion | undefined): void {
  if (base === undefined) return;
  const current = heads.get(base.role)?.version;
  if (current === base.version) return;
  throw new TrustError('VERSION_CONFLICT', `${base.role} is at version ${current ?? 'none'} now`, {
    role: base.role,
    ...(current === undefined ? {} : { version: current }),
  });
}

/** As `assertBase`, for an edit that needs the heads for nothing else. */
export async function assertBaseOf(
  tx: Queries,
  row: RepositoryRow | undefined,
  base: RoleVersion | undefined,
): Promise<void> {
  if (base === undefined) return;
  const heads = row && headsIn(await readHeads(tx, row), mainDialect(row.dialects));
  assertBase(heads ?? new Map(), base);
}
