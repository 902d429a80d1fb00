/** Rows of `trust_changes` and their signatures. Whoever writes here holds the lock of the repository's row. */
import { type Queries, trustChangeSignatures, trustChanges } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import { and, arrayOverlaps, asc, desc, eq, inArray, lt, lte, type SQL } from 'drizzle-orm';
import { z } from 'zod';
import {
  type ChangeKind,
  type ChangeState,
  changeKindSchema,
  changeStateSchema,
} from '../../schemas/index.ts';
import { type Approval, readApprovals } from '../approvals/approval-rows.ts';
import { parseDialect } from '../dialects.ts';
import type { Incarnation } from './metadata.ts';

const thresholdSchema = z.strictObject({
  of: z.enum(['role', 'previous', 'new']),
  threshold: z.int(),
  keyIds: z.array(z.string()),
});
const documentSchema = z.strictObject({
  dialect: z.enum(['tuf', 'notary']),
  role: z.string(),
  version: z.int(),
  /** Base64 of the exact bytes to sign. */
  toSign: z.string(),
  /** Hex SHA-256 of those bytes. */
  sha256: z.string(),
  thresholds: z.array(thresholdSchema),
});
const editSchema = z.strictObject({ method: z.string(), path: z.string(), body: z.unknown() });
const timesSchema = z.strictObject({ issued: z.string(), expires: z.record(z.string(), z.string()) });
const diffSchema = z.array(
  z.strictObject({
    role: z.string(),
    what: z.string(),
    before: z.string().optional(),
    after: z.string().optional(),
  }),
);
const versionsSchema = z.record(z.string(), z.int());

/** One document that waits for signatures. */
export type StoredDocument = Readonly<z.infer<typeof documentSchema>>;

export interface StoredSignature {
  readonly dialect: DialectName;
  readonly role: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
  readonly by: string;
  readonly atMs: number;
}

export interface ChangeRow extends Incarnation {
  readonly id: string;
  readonly state: ChangeState;
  readonly kind: ChangeKind;
  readonly edit: z.infer<typeof editSchema>;
  readonly times: z.infer<typeof timesSchema>;
  readonly documents: readonly StoredDocument[];
  readonly summary: string;
  readonly diff: z.infer<typeof diffSchema>;
  readonly base: z.infer<typeof versionsSchema>;
  readonly insteadOf: readonly string[];
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly published?: z.infer<typeof versionsSchema>;
  /** What the documents are made again from; `core/edits/stored-plan.ts` reads it. */
  readonly plan?: unknown;
  /** How many people beside its author must approve it; 0 when absent. */
  readonly approvals?: number;
  /** Who has, oldest first; of changes that need approval. */
  readonly approvedBy?: readonly Approval[];
  readonly signatures: readonly StoredSignature[];
}

const columns = {
  id: trustChanges.id,
  repository: trustChanges.repository,
  incarnation: trustChanges.incarnation,
  state: trustChanges.state,
  kind: trustChanges.kind,
  edit: trustChanges.edit,
  times: trustChanges.times,
  documents: trustChanges.documents,
  summary: trustChanges.summary,
  diff: trustChanges.diff,
  base: trustChanges.base,
  insteadOf: trustChanges.insteadOf,
  createdBy: trustChanges.createdBy,
  createdAt: trustChanges.createdAt,
  expiresAt: trustChanges.expiresAt,
  published: trustChanges.published,
  plan: trustChanges.plan,
  approvals: trustChanges.approvals,
};

/** Stores a new change; signatures come later. */
export async function insertChange(tx: Queries, row: ChangeRow): Promise<void> {
  await tx.insert(trustChanges).values({
    id: row.id,
    repository: row.repository,
    incarnation: row.incarnation,
    state: row.state,
    kind: row.kind,
    // A change that others only approve has no document of theirs.
    roles: row.documents.length === 0 ? ['root'] : row.documents.map(({ role }) => role),
    edit: row.edit,
    times: row.times,
    documents: row.documents,
    summary: row.summary,
    diff: row.diff,
    base: row.base,
    insteadOf: [...row.insteadOf],
    createdBy: row.createdBy,
    createdAt: new Date(row.createdAtMs),
    expiresAt: new Date(row.expiresAtMs),
    published: null,
    plan: row.plan ?? null,
    approvals: row.approvals ?? 0,
  });
}

/** A change with its signatures. */
export async function readChange(
  queries: Queries,
  repository: string,
  id: string,
): Promise<ChangeRow | undefined> {
  const [row] = await select(
    queries,
    and(eq(trustChanges.repository, repository), eq(trustChanges.id, id)),
    1,
  );
  return row;
}

/** The open changes of an incarnation, newest first; those past their expiry are among them. */
export async function readOpenChanges(queries: Queries, at: Incarnation): Promise<readonly ChangeRow[]> {
  return await select(
    queries,
    and(
      eq(trustChanges.repository, at.repository),
      eq(trustChanges.incarnation, at.incarnation),
      eq(trustChanges.state, 'open'),
    ),
    maxOpenChanges,
  );
}

/** Far more than one a role. */
const maxOpenChanges = 1_000;

/**
 * Changes of a repository that ended without being published, newest first: those of the roles of `documents`, so that
 * whoever opens and rejects changes of one role in great numbers hides none of another.
 */
export async function readDeadChanges(
  queries: Queries,
  repository: string,
  documents: readonly Pick<StoredDocument, 'role'>[],
): Promise<readonly ChangeRow[]> {
  const roles = [...new Set(documents.map(({ role }) => role))];
  if (roles.length === 0) return [];
  return await select(
    queries,
    and(
      eq(trustChanges.repository, repository),
      arrayOverlaps(trustChanges.roles, roles),
      inArray(trustChanges.state, ['rejected', 'expired', 'stale']),
    ),
    maxDeadChanges,
  );
}

const maxDeadChanges = 100;

/** Changes of a repository, all incarnations, newest first. */
export async function pageChanges(
  queries: Queries,
  repository: string,
  limit: number,
  before: string | undefined,
): Promise<readonly ChangeRow[]> {
  return await select(
    queries,
    and(
      eq(trustChanges.repository, repository),
      before === undefined ? undefined : lt(trustChanges.id, before),
    ),
    limit,
  );
}

/** Ids of changes of all repositories in these states, newest first. */
export async function pageAllChanges(
  queries: Queries,
  states: readonly ChangeState[] | undefined,
  limit: number,
  before: string | undefined,
): Promise<readonly { readonly id: string; readonly repository: string }[]> {
  return await queries
    .select({ id: trustChanges.id, repository: trustChanges.repository })
    .from(trustChanges)
    .where(
      and(
        states === undefined ? undefined : inArray(trustChanges.state, [...states]),
        before === undefined ? undefined : lt(trustChanges.id, before),
      ),
    )
    .orderBy(desc(trustChanges.id))
    .limit(limit);
}

/** Changes by id, newest first. */
export async function readChanges(queries: Queries, ids: readonly string[]): Promise<readonly ChangeRow[]> {
  if (ids.length === 0) return [];
  return await select(queries, inArray(trustChanges.id, [...ids]), ids.length);
}

/** Open changes whose time is over. */
export async function readDueChanges(
  queries: Queries,
  nowMs: number,
  limit: number,
): Promise<readonly { readonly id: string; readonly repository: string }[]> {
  return await queries
    .select({ id: trustChanges.id, repository: trustChanges.repository })
    .from(trustChanges)
    .where(and(eq(trustChanges.state, 'open'), lte(trustChanges.expiresAt, new Date(nowMs))))
    .orderBy(asc(trustChanges.expiresAt))
    .limit(limit);
}

/** Ends a change. */
export async function closeChange(
  tx: Queries,
  id: string,
  end:
    | { readonly state: Exclude<ChangeState, 'open' | 'published'> }
    | { readonly state: 'published'; readonly versions: Readonly<Record<string, number>> },
): Promise<void> {
  await tx
    .update(trustChanges)
    .set({ state: end.state, published: end.state === 'published' ? end.versions : null })
    .where(and(eq(trustChanges.id, id), eq(trustChanges.state, 'open')));
}

/** Keeps a verified signature; the first of a key stays. */
export async function insertSignature(
  tx: Queries,
  change: string,
  signature: StoredSignature,
): Promise<void> {
  await tx
    .insert(trustChangeSignatures)
    .values({
      change,
      dialect: signature.dialect,
      role: signature.role,
      keyId: signature.keyId,
      signature: signature.signature,
      signedBy: signature.by,
      signedAt: new Date(signature.atMs),
    })
    .onConflictDoNothing();
}

async function select(
  queries: Queries,
  where: SQL | undefined,
  limit: number,
): Promise<readonly ChangeRow[]> {
  const rows = await queries
    .select(columns)
    .from(trustChanges)
    .where(where)
    .orderBy(desc(trustChanges.id))
    .limit(limit);
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const signatures = await readSignatures(queries, ids);
  const guarded = rows.filter(({ approvals }) => approvals > 0).map(({ id }) => id);
  const approvedBy = await readApprovals(queries, guarded);
  return rows.map(({ createdAt, expiresAt, published, plan, ...row }) => ({
    ...row,
    ...(plan === null ? {} : { plan }),
    state: changeStateSchema.parse(row.state),
    kind: changeKindSchema.parse(row.kind),
    edit: editSchema.parse(row.edit),
    times: timesSchema.parse(row.times),
    documents: z.array(documentSchema).parse(row.documents),
    diff: diffSchema.parse(row.diff),
    base: versionsSchema.parse(row.base),
    createdAtMs: createdAt.getTime(),
    expiresAtMs: expiresAt.getTime(),
    ...(published === null ? {} : { published: versionsSchema.parse(published) }),
    signatures: signatures.get(row.id) ?? [],
    ...(row.approvals === 0 ? {} : { approvedBy: approvedBy.get(row.id) ?? [] }),
  }));
}

async function readSignatures(
  queries: Queries,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly StoredSignature[]>> {
  const rows = await queries
    .select({
      change: trustChangeSignatures.change,
      dialect: trustChangeSignatures.dialect,
      role: trustChangeSignatures.role,
      keyId: trustChangeSignatures.keyId,
      signature: trustChangeSignatures.signature,
      by: trustChangeSignatures.signedBy,
      at: trustChangeSignatures.signedAt,
    })
    .from(trustChangeSignatures)
    .where(inArray(trustChangeSignatures.change, [...ids]))
    .orderBy(asc(trustChangeSignatures.signedAt), asc(trustChangeSignatures.keyId));
  const signatures = new Map<string, StoredSignature[]>();
  for (const { change, at, dialect, ...row } of rows) {
    const known = signatures.get(change) ?? [];
    known.push({ ...row, dialect: parseDialect(dialect), atMs: at.getTime() });
    signatures.set(change, known);
  }
  return signatures;
}
