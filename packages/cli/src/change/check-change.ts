/**
 * What this machine can say about a change by itself: that its documents are exactly what the described edit makes of
 * what the repository says now, and that the edit fits what is pinned here.
 */
import {
  type Change,
  type CreateRepositoryRequest,
  type Difference,
  describedEdit,
  TrustClientError,
  VERIFIABLE_KINDS,
  type VerifiedDocument,
  verifyChange,
} from '@vidimus/trust-client';
import type { Key } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { openKeys } from '../publish/own-keys.ts';
import { checkCreation } from './check-creation.ts';
import { presentStates } from './present-states.ts';

/** A change whose documents were recomputed from its edit and found equal, byte for byte. */
export interface CheckedChange {
  readonly change: Change;
  readonly documents: readonly VerifiedDocument[];
  /** Keys that the documents list, by id. */
  readonly keys: ReadonlyMap<string, Key>;
  /** Absent for a creation, which has nothing to differ from. */
  readonly difference?: readonly Difference[];
  /** Of a creation. */
  readonly request?: CreateRepositoryRequest;
  /** Whether something pinned here names its root keys; without, a person has to vouch for them. */
  readonly isPinned: boolean;
}

/** A call of this machine that a change is the answer to. */
export interface AskedCall {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/**
 * @param asked the server must not describe another edit than this
 * @throws TrustClientError CHANGE_MISMATCH, CHANGE_STALE, ANCHOR_MISMATCH and what verifying the repository adds;
 * CliError CHANGE_UNSUPPORTED for a kind that is not signed from here
 */
export async function checkChange(
  context: Context,
  change: Change,
  asked?: AskedCall,
): Promise<CheckedChange> {
  const { repository, kind } = change;
  if (kind === 'create') return await checkCreation(context, change);
  if (kind === 'dialects') {
    throw unsupported(change, `whoever holds a root key: vidimus init ${repository} --dialect tuf,notary`);
  }
  if (change.documents.length === 0) {
    throw unsupported(
      change,
      `it waits for approval, not for signatures: vidimus change approve ${change.id}`,
    );
  }
  if (!VERIFIABLE_KINDS.has(kind)) throw unsupported(change, 'sign it with a newer vidimus');
  // Before anything is asked for: what is not understood is not worth it.
  describedEdit(change);
  await assertBothRoots(context, change);
  const present = await presentStates(context, change);
  const now = context.world.now();
  const verified = verifyChange({
    repository,
    change,
    present,
    now,
    ...(asked === undefined ? {} : { request: asked }),
  });
  return { change, ...verified, isPinned: true };
}

function unsupported({ kind }: Change, hint: string): CliError {
  return new CliError(
    'CHANGE_UNSUPPORTED',
    exitCodes.denied,
    `a change of the kind ${kind} is not signed from here`,
    hint,
  );
}

/**
 * Where keys here signed the root of both dialects, both change together: a server that asks for one alone would keep
 * old keys alive in the other.
 */
async function assertBothRoots(context: Context, { repository, documents, kind }: Change): Promise<void> {
  // A key is of one dialect, and so is its end.
  if (kind === 'key') return;
  const offered = new Set(documents.filter(({ role }) => role === 'root').map(({ dialect }) => dialect));
  if (offered.size !== 1) return;
  const store = openKeys(context);
  const records = await Promise.all((await store.list()).map(({ keyId }) => store.signed(keyId)));
  const left = records
    .flat()
    .find((entry) => entry.repository === repository && entry.role === 'root' && !offered.has(entry.dialect));
  if (left === undefined) return;
  throw new TrustClientError(
    'CHANGE_MISMATCH',
    `the change leaves out the root of the dialect ${left.dialect}, which keys here signed`,
    { hint: 'do not sign it: old keys would live on there' },
  );
}
