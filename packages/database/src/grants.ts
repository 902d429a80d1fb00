/**
 * What the serving role may do where another role migrates: it owns nothing, so that whoever takes it over can neither
 * change what is append-only nor switch off the triggers that say so.
 */
import { DatabaseError } from './errors.ts';
import type { MigrationTarget } from './migrate.ts';

const append = 'select, insert';
const change = 'select, insert, update';
const remove = 'select, insert, update, delete';

/** By table, every one of the schema: none is open because it was forgotten. */
export const SERVING_GRANTS: Readonly<Record<string, string>> = {
  access_tokens: change,
  database_migrations: 'select',
  key_keys: change,
  key_masters: change,
  trust_change_approvals: append,
  trust_change_signatures: append,
  trust_changefeed: append,
  trust_changes: change,
  trust_event_roles: append,
  trust_event_tags: append,
  trust_events: append,
  trust_heads: change,
  trust_idempotency: remove,
  trust_job_items: change,
  trust_jobs: change,
  trust_metadata: append,
  trust_repositories: change,
  trust_revoked_keys: append,
  trust_role_keys: change,
  trust_tags: remove,
};

const hint =
  'the role of DATABASE_URL owns nothing: make another one, or as superuser REASSIGN OWNED BY it TO the role of DATABASE_MIGRATE_URL';

/**
 * Gives the serving role exactly what it needs. The caller is the migrating role, alone at it, and everything has
 * been migrated.
 * @throws DatabaseError SERVER_UNSUITABLE when the serving role could undo what it is kept from
 */
export async function grantToServing(target: MigrationTarget, role: string): Promise<void> {
  await assertWeak(target, role);
  const [quoted] = await target.query('select quote_ident($1) as role', [role]);
  const name = String(quoted?.['role']);
  await target.transaction(async (tx) => {
    await tx.query(`revoke all on all tables in schema public from ${name}`);
    for (const [table, privileges] of Object.entries(SERVING_GRANTS)) {
      await tx.query(`grant ${privileges} on table public.${table} to ${name}`);
    }
  });
}

/** One row: whether the role could take back by other means what it is not granted. */
const strengths = `select
    r.rolsuper or r.rolcreaterole or r.rolreplication or r.rolbypassrls as is_mighty,
    pg_has_role(r.oid, current_user, 'MEMBER') as is_migrator,
    has_schema_privilege(r.oid, 'public', 'CREATE') or has_database_privilege(r.oid, current_database(), 'CREATE')
      as may_create,
    exists (select from pg_class c where pg_has_role(r.oid, c.relowner, 'MEMBER')
        and c.relnamespace = 'public'::regnamespace)
      or exists (select from pg_proc p where pg_has_role(r.oid, p.proowner, 'MEMBER')
        and p.pronamespace = 'public'::regnamespace)
      or exists (select from pg_namespace n where pg_has_role(r.oid, n.nspowner, 'MEMBER'))
      or exists (select from pg_database d where d.datname = current_database()
        and pg_has_role(r.oid, d.datdba, 'MEMBER')) as owns
  from pg_roles r where r.rolname = $1`;

async function assertWeak(target: MigrationTarget, role: string): Promise<void> {
  const [found] = await target.query(strengths, [role]);
  const whys: readonly (readonly [string, string])[] = [
    ['is_mighty', 'is a superuser, or may make roles or replicate'],
    ['is_migrator', 'is the role that migrates, or a member of it'],
    // A table of its own, in a schema that is looked at first, would stand in for one it may not change.
    ['may_create', 'may create schemas or tables in this database'],
    ['owns', 'owns tables, functions or schemas, or the database'],
  ];
  const why = found === undefined ? ['', 'is not known here'] : whys.find(([name]) => found[name] !== false);
  if (why === undefined) return;
  throw new DatabaseError('SERVER_UNSUITABLE', { message: `the serving role ${why[1]}`, hint });
}
