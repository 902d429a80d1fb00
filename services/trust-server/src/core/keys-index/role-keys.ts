/**
 * `trust_role_keys`: which keys which roles list, derived from the signed documents in the transaction that publishes
 * them. It answers questions that go from a key to repositories; nothing is ever trusted because of it.
 */
import { type Queries, queryRows } from '@vidimus/database';
import { type DialectName, REVOCATIONS_ROLE, type Root, type Targets } from '@vidimus/tuf';
import { sql } from 'drizzle-orm';
import { TrustError } from '../../service.ts';
import type { Incarnation } from '../store/metadata.ts';
import { aliasesOf, materialOf, schemeOf } from './key-ids.ts';
import { readRevokedKeys } from './key-rows.ts';
import { authoritiesIn, readSignedTree, type SignedTree } from './signed-tree.ts';

/** What a publish made current in one dialect, and what was current before. */
export interface PublishedDocuments {
  readonly root?: Root;
  /** Targets, delegated roles and bins, by role. */
  readonly changed: readonly { readonly role: string; readonly document: Targets }[];
  readonly before: DocumentsBefore;
}

export interface DocumentsBefore {
  readonly root?: Root;
  /** The document of a role; undefined where there was none, `unknown` where nobody looked. */
  readonly targetsOf: (role: string) => Targets | undefined | 'unknown';
}

/** Whether a publish may have changed who signs what. Most do not, and then the index costs nothing. */
export function changesRoleKeys(
  dialect: DialectName,
  { root, changed, before }: PublishedDocuments,
): boolean {
  if (root !== undefined && (before.root === undefined || rolesText(root) !== rolesText(before.root))) {
    return true;
  }
  return changed.some(({ role, document }) => {
    if (dialect === 'tuf' && role === REVOCATIONS_ROLE) return false;
    const old = before.targetsOf(role);
    if (old === 'unknown') return true;
    return delegationsText(old) !== delegationsText(document);
  });
}

function rolesText({ roles }: Root): string {
  return JSON.stringify(
    Object.entries(roles)
      .map(([role, { keyIds }]) => [role, [...keyIds].sort()])
      .sort(),
  );
}

function delegationsText(document: Targets | undefined): string {
  const delegations = document?.delegations;
  if (delegations === undefined) return '';
  const { roles, succinct } = delegations;
  const told = roles.map(({ name, keyIds }) => [name, [...keyIds].sort()]);
  return JSON.stringify([told, succinct === undefined ? null : [...succinct.keyIds].sort()]);
}

/** A key that a role lists. */
export interface ListedKey {
  readonly role: string;
  readonly keyId: string;
  readonly material: string;
  readonly aliases: readonly string[];
  readonly scheme: string;
  /** Of the delegating document. */
  readonly version: number;
  /** When that was published, milliseconds since 1970. */
  readonly publishedMs: number;
}

/** Every key that a tree lists, each once a role, in the order of roles and keys. */
export function listedKeys(tree: SignedTree): readonly ListedKey[] {
  const listed = new Map<string, ListedKey>();
  for (const [role, authorities] of authoritiesIn(tree)) {
    for (const { keys, roleKeys, version, publishedMs } of authorities) {
      for (const keyId of roleKeys.keyIds) {
        const key = keys.get(keyId);
        const name = `${role}\n${keyId}`;
        if (key === undefined || listed.has(name)) continue;
        const [material, scheme] = [materialOf(key), schemeOf(key)];
        const aliases = aliasesOf(tree.dialect, key);
        listed.set(name, { role, keyId, material, aliases, scheme, version, publishedMs });
      }
    }
  }
  return [...listed.values()];
}

/** By key id. */
export type SignerNames = Readonly<Record<string, string>>;

/**
 * Makes the index of one dialect say what its documents say now; the caller holds the repository's lock, and what it
 * published is written. Rows of keys that nobody lists any more stay, with the time of their end.
 * @param options - `atMs`: when the documents became current; absent for what is only indexed now: since they were
 * published. `brought`: they come from somebody else's server, and are judged like those that are published here
 * @throws TrustError KEY_INVALID when a role lists a revoked key that it did not list before
 */
export async function indexRoleKeys(
  tx: Queries,
  at: Incarnation,
  dialect: DialectName,
  options: { readonly signers?: SignerNames; readonly atMs?: number; readonly brought?: true } = {},
): Promise<void> {
  const listed = listedKeys(await readSignedTree(tx, at, dialect));
  const rows = listed.map(({ publishedMs, version, keyId, aliases, ...rest }) => ({
    ...rest,
    key_id: keyId,
    aliases,
    signer: options.signers?.[keyId] ?? null,
    since_version: version,
    since: new Date(options.atMs ?? publishedMs),
  }));
  const { repository, incarnation } = at;
  const until = new Date(options.atMs ?? 0).toISOString();
  const added = await queryRows(
    tx,
    sql`with listed as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as k(role text, key_id text, material text,
        aliases text[], scheme text, signer text, since_version int8, since timestamptz)
    ), ended as (
      update trust_role_keys as t set until = greatest(${until}::timestamptz, t.since)
      where t.repository = ${repository} and t.incarnation = ${incarnation}::int and t.dialect = ${dialect}
        and t.until is null
        and not exists (select 1 from listed k where k.role = t.role and k.key_id = t.key_id)
    ), named as (
      update trust_role_keys as t set signer = k.signer from listed k
      where t.repository = ${repository} and t.incarnation = ${incarnation}::int and t.dialect = ${dialect}
        and t.until is null and k.role = t.role and k.key_id = t.key_id
        and k.signer is not null and k.signer is distinct from t.signer
    ) insert into trust_role_keys as t (repository, incarnation, dialect, role, key_id, material, aliases, scheme, signer,
        since_version, since, until)
      select ${repository}, ${incarnation}::int, ${dialect}, k.role, k.key_id, k.material, k.aliases, k.scheme,
        coalesce(k.signer, (select max(o.signer) from trust_role_keys o where o.repository = ${repository}
          and o.incarnation = ${incarnation}::int and o.key_id = k.key_id)),
        k.since_version, k.since, null
      from listed k where not exists (select 1 from trust_role_keys o where o.repository = ${repository}
        and o.incarnation = ${incarnation}::int and o.dialect = ${dialect} and o.until is null
        and o.role = k.role and o.key_id = k.key_id)
      on conflict (repository, incarnation, dialect, role, key_id, since_version) do update set until = null
      returning t.material`,
  );
  const isJudged = options.atMs !== undefined || options.brought === true;
  if (!isJudged || added.length === 0) return;
  const materials = added.map(({ material }) => String(material));
  await assertNotRevoked(tx, repository, materials, listed);
}

/** However it came into a document, a key that was taken back never counts again. @throws TrustError KEY_INVALID */
async function assertNotRevoked(
  tx: Queries,
  repository: string,
  materials: readonly string[],
  listed: readonly ListedKey[],
): Promise<void> {
  const revoked = await readRevokedKeys(tx, materials, repository);
  const key = listed.find(({ material }) => revoked.has(material));
  if (key === undefined) return;
  throw new TrustError('KEY_INVALID', `key ${key.keyId} was revoked: role ${key.role} cannot list it`, {
    keyId: key.keyId,
    role: key.role,
    reason: 'KEY_REVOKED',
  });
}
