/** An open change, made again from its plan and from what is current: whether it is still what people signed. */
import { isDeepStrictEqual } from 'node:util';
import type { Queries } from '@vidimus/database';
import type { Key } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { type DocumentName, isOf } from '../changes/change-answer.ts';
import type { ChangeRow, StoredDocument } from '../store/changes.ts';
import { readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { hasMoved } from './change-base.ts';
import { restsOnRevoked } from './custody.ts';
import type { EditParts } from './edit-plan.ts';
import { shownIn, toDocument } from './open-change.ts';
import { authoritiesAfter, documentsOfOthers, type PreparedPart, prepare } from './prepare.ts';
import type { StoredPlan } from './stored-plan.ts';

export interface Proposal {
  readonly plan: StoredPlan;
  /** With the times that the change gave its documents. */
  readonly prepared: readonly PreparedPart[];
}

/**
 * Undefined when it is stale: its base has moved, a key that it lists or that signed it was revoked, or the same edit would make other documents,
 * or ask other people.
 * The caller holds the lock of `row`.
 * @throws TufError EDIT_INVALID
 */
export async function readProposal(
  parts: Pick<EditParts, 'reader' | 'states'>,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  plan: StoredPlan,
): Promise<Proposal | undefined> {
  if (hasMoved(row.dialects, await readHeads(tx, row), change)) return undefined;
  const managed = new Set(row.settings.managed);
  const every = plan.tags !== undefined && row.dialects.length > 1;
  const prepared: PreparedPart[] = [];
  for (const { lifetimesMs, ...part } of plan.parts) {
    const preparing = { managed, issuedMs: plan.issuedMs, lifetimesMs, every };
    prepared.push(await prepare(parts, tx, row, part, preparing));
  }
  const signers = change.signatures.flatMap((entry) => signerOf({ plan, prepared }, entry) ?? []);
  if (await restsOnRevoked(tx, row, prepared, signers)) return undefined;
  const again = documentsAgain(prepared, managed, change);
  // Bytes are sacred: what is published must be what was signed, to the last one.
  return again !== undefined && isDeepStrictEqual(again.map(toComparable), change.documents.map(toComparable))
    ? { plan, prepared }
    : undefined;
}

/** Root may need a key that was taken back, to sign its own end (TUF 5.3.4): it is left aside here. */
function signerOf(proposal: Proposal, entry: DocumentName & { readonly keyId: string }): Key | undefined {
  return entry.role === 'root' ? undefined : keyIn(proposal, entry, entry.keyId);
}

/** Undefined where a role among them is delegated no more. */
function documentsAgain(
  prepared: readonly PreparedPart[],
  managed: ReadonlySet<string>,
  change: ChangeRow,
): readonly StoredDocument[] | undefined {
  try {
    return prepared.flatMap((part) =>
      documentsOfOthers(part, managed, shownIn(change)).map((document) => toDocument(part, document)),
    );
  } catch (error) {
    if (error instanceof TrustError && error.code === 'ROLE_UNKNOWN') return undefined;
    throw error;
  }
}

function toComparable({ dialect, role, version, toSign, thresholds }: StoredDocument): unknown {
  return JSON.parse(JSON.stringify({ dialect, role, version, toSign, thresholds }));
}

/** The key that an id stands for in a document: of the next root, or of the one before; of the role's delegator. */
export function keyIn({ prepared }: Proposal, document: DocumentName, keyId: string): Key | undefined {
  const part = prepared.find(({ dialect }) => dialect === document.dialect);
  if (part === undefined || !isOf({ dialect: part.dialect, role: document.role }, document)) return undefined;
  if (document.role === 'root') {
    return part.next.root?.keys.get(keyId) ?? part.base.documents.root.keys.get(keyId);
  }
  return authoritiesAfter(part)(document.role)?.keys.get(keyId);
}
