/** Publishes a change whose signatures and approvals are complete. */
import { type Queries, trustChangeApprovals } from '@vidimus/database';
import type { DialectName, NextDocuments, Signature } from '@vidimus/tuf';
import { count, eq } from 'drizzle-orm';
import type { Call } from '../../service.ts';
import { approvalsOf } from '../approvals/approval-signatures.ts';
import { isOf, missingSignatures, signedBy } from '../changes/change-answer.ts';
import { codecOf } from '../dialects.ts';
import { type ChangeRow, closeChange } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn } from '../store/repository-settings.ts';
import type { EditParts } from './edit-plan.ts';
import { type PreparedPart, prepare } from './prepare.ts';
import { keyIn, type Proposal } from './proposal.ts';
import { type PublishedEdit, publishEdit, settingsAfter } from './publish-edit.ts';

export interface Settled {
  readonly change: ChangeRow;
  readonly published: PublishedEdit;
}

/** Whether everybody has signed and approved who was asked to. */
export async function isComplete(tx: Queries, row: RepositoryRow, change: ChangeRow): Promise<boolean> {
  const managed = new Set(row.settings.managed);
  const isSigned = change.documents.every(
    (document) => missingSignatures(document, signedBy(change, document), managed) === 0,
  );
  if (!isSigned || (change.approvals ?? 0) === 0) return isSigned;
  const [approved] = await tx
    .select({ people: count() })
    .from(trustChangeApprovals)
    .where(eq(trustChangeApprovals.change, change.id));
  return (approved?.people ?? 0) >= (change.approvals ?? 0);
}

/** Whether an edit waits for nobody, and may be signed already by a signer that signs no other root of its version. */
export async function isBegun(tx: Queries, row: RepositoryRow, change: ChangeRow): Promise<boolean> {
  // Creations and ends have ways of their own.
  const isEdit = change.kind !== 'create' && change.kind !== 'dialects' && change.kind !== 'end';
  return isEdit && (await isComplete(tx, row, change));
}

/**
 * What others signed is published as they signed it; what the service signs alone is made from what is current now.
 * The caller holds the lock of `row`, and has seen that the change is complete.
 * @throws TrustError SIGNER_UNAVAILABLE, DIALECTS_DISAGREE
 */
export async function settleChange(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  proposal: Proposal,
  call: Pick<Call, 'actor' | 'requestId'>,
  nowMs: number,
): Promise<Settled> {
  const { plan } = proposal;
  const after = settingsAfter(row.settings, plan);
  const managed = new Set(row.settings.managed);
  const prepared: PreparedPart[] = [];
  for (const part of proposal.prepared) {
    const { dialect, edit } = part;
    const lifetimesMs = lifetimesIn(after, dialect);
    const every = part.base.documents.delegated !== undefined;
    const preparing = { managed, issuedMs: nowMs, lifetimesMs, every };
    const now = await prepare(parts, tx, row, { dialect, edit }, preparing);
    prepared.push({ ...now, next: asSigned(change, part, now.next) });
  }
  const published = await publishEdit(parts, tx, row, {
    call,
    plan,
    prepared,
    collected: (dialect, role) => collectedOf(change, proposal, dialect, role),
    approvals: (dialect, role) => approvalsOf(change, dialect, role),
    change: change.id,
    nowMs,
  });
  const { versions } = published.published;
  await closeChange(tx, change.id, { state: 'published', versions });
  return { change: { ...change, state: 'published', published: { ...versions } }, published };
}

/** Documents of the change as they were signed, all others as they are made now. */
function asSigned(
  { documents }: ChangeRow,
  { dialect, next }: PreparedPart,
  now: NextDocuments,
): NextDocuments {
  const isSigned = (role: string): boolean => documents.some((each) => isOf(each, { dialect, role }));
  const root = isSigned('root') ? next.root : now.root;
  const targets = new Map(now.targets);
  for (const [role, draft] of next.targets) if (isSigned(role)) targets.set(role, draft);
  return { ...(root === undefined ? {} : { root }), targets };
}

function collectedOf(
  change: ChangeRow,
  proposal: Proposal,
  dialect: DialectName,
  role: string,
): readonly Signature[] {
  return change.signatures
    .filter((entry) => isOf(entry, { dialect, role }))
    .flatMap(({ keyId, signature }) => {
      const scheme = keyIn(proposal, { dialect, role }, keyId)?.usable?.scheme;
      return scheme === undefined ? [] : [codecOf(dialect).toSignature(keyId, scheme, signature)];
    });
}
