/** Which roles want new keys, or the signatures of people, soon: two questions over all repositories. */
import { type Queries, queryRows, type Row } from '@vidimus/database';
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';

/** What the service proposed is not proposed again for so long, whatever became of it. */
const pauseMs = 86_400_000;
/** People are asked when this share of a file's life is left. */
const noticeShare = 0.25;
const repositoriesPerScan = 100;

export interface DueRole {
  readonly repository: string;
  readonly role: string;
}

/** Only this repository; or those after a name, a hundred at most. */
export type Scope = { readonly repository: string } | { readonly after: string };

/** Repositories whose managed keys of a role are older than they should be. */
export async function readDueRotations(
  queries: Queries,
  role: string,
  madeBeforeMs: number,
  nowMs: number,
  scope: Scope,
): Promise<readonly DueRole[]> {
  const rows = await queryRows(
    queries,
    sql`select distinct k.repository, k.role from key_keys k
      join trust_repositories r on r.repository = k.repository and r.incarnation = k.incarnation
      join trust_role_keys l on l.repository = k.repository and l.incarnation = k.incarnation
        and l.dialect = k.dialect and l.role = k.role and l.key_id = k.key_id and l.until is null
      where k.role = ${role} and k.retired_at is null and k.created_at <= ${at(madeBeforeMs)}
        and ${isWritable} and ${inScope(scope)}
        and not exists (select 1 from trust_changes c where c.repository = r.repository
          and c.incarnation = r.incarnation and ((c.state = 'open' and c.roles && array['root', ${role}]::text[])
            or (c.kind = 'rotation' and c.created_by = 'service' and c.created_at > ${at(nowMs - pauseMs)})))
      order by k.repository limit ${repositoriesPerScan}`,
  );
  return rows.map(toDueRole);
}

/** Files that somebody besides the service must sign, and that are near their end; what Notary clients sign is theirs. */
export async function readDueSignatures(
  queries: Queries,
  nowMs: number,
  scope: Scope,
): Promise<readonly DueRole[]> {
  const rows = await queryRows(
    queries,
    sql`select distinct h.repository, h.role from trust_heads h
      join trust_repositories r on r.repository = h.repository and r.incarnation = h.incarnation
      join trust_metadata m on m.repository = h.repository and m.incarnation = h.incarnation
        and m.dialect = h.dialect and m.role = h.role and m.version = h.version
      where h.resign_after is null and h.role not in ('snapshot', 'timestamp')
        and h.expires_at - (h.expires_at - m.issued_at) * ${noticeShare}::float8 <= ${at(nowMs)}
        and not (h.dialect = 'notary' and coalesce(r.settings ->> 'origin', '') = 'notary')
        and ${isWritable} and ${inScope(scope)}
        and exists (select 1 from trust_role_keys l where l.repository = h.repository
          and l.incarnation = h.incarnation and l.dialect = h.dialect and l.role = h.role and l.until is null)
        and not exists (select 1 from trust_changes c where c.repository = r.repository
          and c.incarnation = r.incarnation and c.roles && array[h.role]::text[] and (c.state = 'open'
            or (c.kind = 'resign' and c.created_by = 'service' and c.created_at > ${at(nowMs - pauseMs)})))
      order by h.repository, h.role`,
  );
  return rows.map(toDueRole);
}

const isWritable = sql`r.ended_at is null and r.activated_at is not null
  and coalesce(r.settings -> 'migration' ->> 'final', 'true') = 'true'`;

function inScope(scope: Scope): SQL {
  return 'repository' in scope ? sql`r.repository = ${scope.repository}` : sql`r.repository > ${scope.after}`;
}

function at(ms: number): SQL {
  return sql`${new Date(ms).toISOString()}::timestamptz`;
}

const rowSchema = z.object({ repository: z.string(), role: z.string() });

function toDueRole(row: Row): DueRole {
  return rowSchema.parse(row);
}
