/** A key in one repository, as its documents, its settings and its open changes stand now. */
import type { Queries } from '@vidimus/database';
import type { KeyImpact } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { stateOf } from '../changes/change-answer.ts';
import { mainDialect } from '../dialects.ts';
import { findMaterial, type RoleKeyRow, readRevokedKeys, readRoleKeys } from '../keys-index/key-rows.ts';
import { readSignedTree, type SignedTree } from '../keys-index/signed-tree.ts';
import { type ChangeRow, readOpenChanges } from '../store/changes.ts';
import { readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { type Foretold, foretell, type Replacement, type RevocationQuestion } from './foretell.ts';
import { toImpact } from './print-impact.ts';

export interface Wish {
  readonly replacement?: Replacement;
  readonly threshold?: number;
  readonly force: boolean;
}

export interface Examined {
  readonly row: RepositoryRow;
  readonly trees: readonly SignedTree[];
  readonly material: string;
  /** Every id under which a role lists it. */
  readonly keyIds: ReadonlySet<string>;
  readonly signer?: string;
  readonly question: RevocationQuestion;
  readonly foretold: Foretold;
  readonly impact: KeyImpact;
  readonly open: readonly ChangeRow[];
  /** Those among them that end with it. */
  readonly ending: readonly ChangeRow[];
}

/**
 * @param id - any id of the key
 * @throws TrustError KEY_UNKNOWN when no role lists it, CUSTODY_INVALID where its owner alone can take it out
 */
export async function examine(
  queries: Queries,
  row: RepositoryRow,
  id: string,
  wish: Wish,
  nowMs: number,
): Promise<Examined> {
  const material = await findMaterial(queries, id, row);
  if (material === undefined) throw unknownKey(row, id);
  const rows = (await readRoleKeys(queries, row)).filter(({ untilMs }) => untilMs === undefined);
  const trees: SignedTree[] = [];
  for (const dialect of row.dialects) trees.push(await readSignedTree(queries, row, dialect));
  const managed = new Set(row.settings.managed);
  const signers = new Map(
    rows.flatMap(({ keyId, signer }) => (signer === undefined ? [] : [[keyId, signer]])),
  );
  const question = {
    material,
    managed,
    custodianOf: (keyId: string): string => signers.get(keyId) ?? keyId,
    ...wish,
  };
  const foretold = foretell(trees, question);
  if (foretold.roles.length === 0) throw await notListed(queries, row, id, material);
  assertOurs(row, foretold, managed);
  const keyIds = new Set(foretold.roles.flatMap(({ revoked }) => revoked));
  const open = (await readOpenChanges(queries, row)).filter((change) => stateOf(change, nowMs) === 'open');
  const ending = endedBy(open, keyIds, foretold);
  const shown = shownKey(rows, material) ?? id;
  const signer = [...keyIds].map((keyId) => signers.get(keyId)).find((name) => name !== undefined);
  const impact = toImpact(foretold, {
    keyId: shown,
    ...(signer === undefined ? {} : { signer }),
    signers,
    openChanges: ending.map((change) => change.id),
    timestampsExpireMs: await lastExpiry(queries, row),
  });
  return {
    row,
    trees,
    material,
    keyIds,
    ...(signer === undefined ? {} : { signer }),
    question,
    foretold,
    impact,
    open,
    ending,
  };
}

/** The id that people are told: that of the dialect whose versions they are told. */
export function shownKey(rows: readonly RoleKeyRow[], material: string): string | undefined {
  const own = rows.filter((row) => row.material === material);
  const main = mainDialect(own.map(({ dialect }) => dialect));
  return (own.find(({ dialect }) => dialect === main) ?? own[0])?.keyId;
}

export function unknownKey({ repository }: Pick<RepositoryRow, 'repository'>, id: string): TrustError {
  return new TrustError('KEY_UNKNOWN', `no role of ${repository} lists key ${id}`, { repository, keyId: id });
}

/** It was listed once. */
async function notListed(
  queries: Queries,
  row: RepositoryRow,
  id: string,
  material: string,
): Promise<TrustError> {
  const revoked = (await readRevokedKeys(queries, [material], row.repository)).get(material);
  if (revoked === undefined) return unknownKey(row, id);
  return new TrustError('KEY_UNKNOWN', `key ${id} is revoked and no role lists it any more`, {
    repository: row.repository,
    keyId: id,
    revokedAt: new Date(revoked.revokedAtMs).toISOString(),
  });
}

/** What Notary clients hold they alone take out: the service edits nothing of theirs. @throws TrustError CUSTODY_INVALID */
function assertOurs(
  { repository, settings }: RepositoryRow,
  { roles }: Foretold,
  managed: ReadonlySet<string>,
): void {
  if (settings.origin !== 'notary') return;
  const theirs = roles.filter(
    ({ dialect, role, revoked }) =>
      role === 'root' || (dialect === 'notary' && !revoked.some((keyId) => managed.has(keyId))),
  );
  const [first] = theirs;
  if (first === undefined) return;
  const how =
    first.role === 'root' || first.role === 'targets' ? 'notary key rotate' : 'notary delegation remove';
  throw new TrustError(
    'CUSTODY_INVALID',
    `the owner of ${repository} holds ${first.role}: take the key out with ${how}`,
    { repository, roles: [...new Set(theirs.map(({ role }) => role))], custody: 'client' },
  );
}

/**
 * A change that carries the key's signature is worth nothing any more; one that asks for it builds on documents that
 * are about to be replaced.
 */
function endedBy(
  open: readonly ChangeRow[],
  keyIds: ReadonlySet<string>,
  { awaited, roles }: Foretold,
): readonly ChangeRow[] {
  const remade = new Set([...awaited.map(({ role }) => role), ...roles.map(({ role }) => role)]);
  return open.filter((change) => {
    if (change.signatures.some(({ keyId }) => keyIds.has(keyId))) return true;
    return change.documents.some(
      ({ role, thresholds }) =>
        remade.has(role) && thresholds.some((each) => each.keyIds.some((keyId) => keyIds.has(keyId))),
    );
  });
}

async function lastExpiry(queries: Queries, row: RepositoryRow): Promise<number> {
  const heads = await readHeads(queries, row);
  return Math.max(0, ...[...heads.values()].map((roles) => roles.get('timestamp')?.expiresMs ?? 0));
}
