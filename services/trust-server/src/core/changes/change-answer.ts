/** A change as the API prints it (CONTRACTS C5). */
import type { Change, ChangeDocument, ChangeState } from '../../schemas/index.ts';
import { printTime } from '../instants.ts';
import type { ChangeRow, StoredDocument } from '../store/changes.ts';

/** An open change whose time is over is expired, whether or not somebody has written it down yet. */
export function stateOf(change: ChangeRow, nowMs: number): ChangeState {
  return change.state === 'open' && change.expiresAtMs <= nowMs ? 'expired' : change.state;
}

export function toChange(change: ChangeRow, managed: ReadonlySet<string>, nowMs: number): Change {
  return {
    id: change.id,
    repository: change.repository,
    state: stateOf(change, nowMs),
    kind: change.kind,
    edit: { ...change.edit },
    times: { issued: change.times.issued, expires: { ...change.times.expires } },
    summary: change.summary,
    diff: [...change.diff],
    createdBy: change.createdBy,
    createdAt: printTime(change.createdAtMs),
    expiresAt: printTime(change.expiresAtMs),
    base: { ...change.base },
    documents: change.documents.map((document) => toDocument(change, document, managed)),
    ...(change.approvals ? { approvals: toApprovals(change) } : {}),
    ...(change.insteadOf.length === 0 ? {} : { insteadOf: [...change.insteadOf] }),
    ...(change.published === undefined ? {} : { published: { ...change.published } }),
  };
}

function toApprovals({ approvals = 0, approvedBy = [] }: ChangeRow): NonNullable<Change['approvals']> {
  return {
    needed: approvals,
    by: approvedBy.map(({ actor, atMs }) => ({ actor, at: printTime(atMs) })),
    missing: Math.max(0, approvals - approvedBy.length),
  };
}

/** Signatures that clients still owe; the service's own keys sign last, at publication. */
export function missingSignatures(
  document: StoredDocument,
  signed: ReadonlySet<string>,
  managed: ReadonlySet<string>,
): number {
  const missing = document.thresholds.map(({ threshold, keyIds }) => {
    const sure = keyIds.filter((keyId) => signed.has(keyId) || managed.has(keyId)).length;
    return Math.max(0, threshold - sure);
  });
  return Math.max(0, ...missing);
}

/** Key ids that signed a document. */
export function signedBy(change: ChangeRow, document: DocumentName): ReadonlySet<string> {
  return new Set(change.signatures.filter((entry) => isOf(entry, document)).map(({ keyId }) => keyId));
}

/** What tells the documents of a change apart. */
export type DocumentName = Pick<StoredDocument, 'dialect' | 'role'>;

export function isOf(entry: DocumentName, { dialect, role }: DocumentName): boolean {
  return entry.dialect === dialect && entry.role === role;
}

function toDocument(
  change: ChangeRow,
  document: StoredDocument,
  managed: ReadonlySet<string>,
): ChangeDocument {
  const { thresholds, ...rest } = document;
  return {
    ...rest,
    thresholds: thresholds.map((entry) => ({ ...entry, keyIds: [...entry.keyIds] })),
    signatures: change.signatures
      .filter((entry) => isOf(entry, document))
      .map(({ keyId, by, atMs }) => ({ keyId, by, at: printTime(atMs) })),
    missing: missingSignatures(document, signedBy(change, document), managed),
  };
}
