/** Signatures for a change: each is verified when it arrives; at the threshold the change publishes itself. */
import { CryptoError, fromBase64, fromHex } from '@vidimus/crypto';
import type { Queries } from '@vidimus/database';
import type { DialectName, Key } from '@vidimus/tuf';
import type { SignChange } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { completeDialects } from '../dialect-changes/complete.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { readFollowedRoot } from '../dialect-changes/followed-root.ts';
import { findRevoked } from '../edits/custody.ts';
import { endChange } from '../edits/end-change.ts';
import { keyIn, type Proposal, readProposal } from '../edits/proposal.ts';
import { isBegun, isComplete, settleChange } from '../edits/settle-change.ts';
import { parsePlan } from '../edits/stored-plan.ts';
import { toWholeSecond } from '../instants.ts';
import { takeBackApproved } from '../key-revocation/take-back.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import type { Published } from '../publish/publication.ts';
import {
  type ChangeRow,
  closeChange,
  insertSignature,
  readChange,
  type StoredDocument,
  type StoredSignature,
} from '../store/changes.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { isOf, signedBy, stateOf } from './change-answer.ts';
import { readRoot, signingKey, stale } from './change-document.ts';
import { type CreationPart, completeCreation, keyInCreation, readCreation } from './complete-creation.ts';

export type ChangeParts = DialectParts;

export interface SignedChange {
  readonly change: ChangeRow;
  readonly managed: ReadonlySet<string>;
  readonly published?: { readonly row: RepositoryRow; readonly published: Published };
  /** The repository that the change ended. */
  readonly ended?: RepositoryRow;
}

/** @throws TrustError SIGNATURE_INVALID, CHANGE_CLOSED, CHANGE_UNKNOWN */
export async function signChange(
  parts: ChangeParts,
  call: Call,
  repository: string,
  id: string,
  body: SignChange,
): Promise<SignedChange> {
  const signed = await parts.database.transaction(async (tx) => {
    const row = await lockLive(tx, repository);
    const change = await assertChange(tx, repository, id);
    await assertBaseOf(tx, row, call.ifMatch);
    return await signIn(parts, tx, { row, change, call, nowMs: parts.now() }, body.signatures);
  });
  // Thrown only now: that the change is stale has been written down.
  if (signed.change.state === 'stale') throw stale(signed.change);
  return signed;
}

export interface Signing {
  readonly row: RepositoryRow | undefined;
  readonly change: ChangeRow;
  readonly call: Call;
  readonly nowMs: number;
}

async function signIn(
  parts: ChangeParts,
  tx: Queries,
  { row, change, call, nowMs }: Signing,
  signatures: readonly Posted[],
): Promise<SignedChange> {
  const managed = new Set(row?.settings.managed);
  // What was posted before is answered as before, also when the change has moved on.
  if (change.state !== 'stale' && signatures.every((entry) => isKnown(change, entry))) {
    return { change, managed };
  }
  const asked = await askFor(parts, tx, { row, change, call, nowMs });
  if (asked === undefined || row === undefined) {
    if (row !== undefined && call.dryRun !== true) {
      await endChange(parts, tx, row, change, 'stale', call, nowMs);
    }
    return { change: { ...change, state: 'stale' }, managed };
  }
  const posted = signatures.map((entry) => checkSignature(asked, entry, call, nowMs));
  const fresh = posted.filter((entry) => !signedBy(change, entry).has(entry.keyId));
  if (fresh.length === 0) return { change, managed };
  await assertNotTakenBack(tx, row, asked, fresh);
  const open = assertOpen(change, row, nowMs);
  const signed: ChangeRow = { ...change, signatures: [...change.signatures, ...fresh] };
  if (call.dryRun === true) return { change: signed, managed };

  for (const signature of fresh) await insertSignature(tx, change.id, signature);
  const events = fresh.map(({ dialect, role, keyId }) => ({
    action: 'change.sign',
    actor: call.actor,
    requestId: call.requestId,
    result: 'done' as const,
    change: change.id,
    after: { role, keyId, ...(dialect === 'tuf' ? {} : { dialect }) },
  }));
  const moved = await appendEvents(parts, tx, open, events, nowMs);
  if (!(await isComplete(tx, moved, signed))) return { change: signed, managed };
  return { managed, ...(await complete(parts, tx, moved, signed, asked, call, nowMs)) };
}

/** Publishes a change that lacks nothing; `asked` is what it asks for, as read just now. */
export async function complete(
  parts: ChangeParts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  { proposal, creation }: Asked,
  call: Call,
  nowMs: number,
): Promise<Pick<SignedChange, 'change' | 'published'>> {
  await takeBackApproved(parts, tx, change, nowMs);
  if (proposal !== undefined) return await settleChange(parts, tx, row, change, proposal, call, nowMs);
  if (creation !== undefined) return await completeCreation(parts, tx, row, change, creation, call, nowMs);
  return await completeDialects(parts, tx, row, change, call, nowMs);
}

/** The same bytes by the same key for the same document. */
function isKnown(change: ChangeRow, posted: Posted): boolean {
  const signature = toBytes(posted.dialect, posted.sig);
  return change.signatures.some(
    (entry) =>
      isOf(entry, posted) &&
      entry.keyId === posted.keyId &&
      signature !== undefined &&
      Buffer.from(entry.signature).equals(signature),
  );
}

/** Undefined for a change that has become stale. @throws TrustError CHANGE_CLOSED */
export async function askFor(
  parts: ChangeParts,
  tx: Queries,
  { row, change, nowMs }: Signing,
): Promise<Asked | undefined> {
  if (change.kind === 'dialects') {
    const previous = row && (await readFollowedRoot(parts.reader, tx, row, change));
    return { change, row, keyOf: (document, keyId) => signingKey(keyId, readRoot(document), previous) };
  }
  const open = assertOpen(change, row, nowMs);
  if (change.kind === 'create') {
    const creation = await readCreation(parts, tx, open, change);
    if (creation === undefined) return undefined;
    return { change, row, creation, keyOf: (document, keyId) => keyInCreation(creation, document, keyId) };
  }
  const plan = parsePlan(change.plan);
  const proposal = plan && (await readProposal(parts, tx, open, change, plan));
  if (proposal === undefined) return undefined;
  return { change, row, proposal, keyOf: (document, keyId) => keyIn(proposal, document, keyId) };
}

/** @throws TrustError CHANGE_CLOSED, CHANGE_UNKNOWN */
export async function rejectChange(
  parts: ChangeParts,
  call: Call,
  repository: string,
  id: string,
): Promise<SignedChange> {
  return await parts.database.transaction(async (tx) => {
    const row = await lockLive(tx, repository);
    const change = await assertChange(tx, repository, id);
    await assertBaseOf(tx, row, call.ifMatch);
    const managed = new Set(row?.settings.managed);
    if (change.state === 'rejected') return { change, managed };
    const nowMs = parts.now();
    const open = assertOpen(change, row, nowMs);
    await assertNotBegun(tx, open, change);
    if (call.dryRun !== true) await endChange(parts, tx, open, change, 'rejected', call, nowMs);
    return { change: { ...change, state: 'rejected' }, managed };
  });
}

/** A signer may have signed it already, and signs no other root of its version. @throws TrustError CHANGE_CLOSED */
async function assertNotBegun(tx: Queries, row: RepositoryRow, change: ChangeRow): Promise<void> {
  if (!(await isBegun(tx, row, change))) return;
  throw new TrustError('CHANGE_CLOSED', `change ${change.id} waits for nobody: it is being published`, {
    change: change.id,
  });
}

/** Writes down that a change's time is over; nothing happens to one that was settled meanwhile. */
export async function expireChange(
  parts: Pick<ChangeParts, 'database' | 'keys' | 'now' | 'newId'>,
  repository: string,
  id: string,
): Promise<void> {
  await parts.database.transaction(async (tx) => {
    const row = await lockLive(tx, repository);
    const change = await readChange(tx, repository, id);
    const nowMs = parts.now();
    if (change?.state !== 'open' || stateOf(change, nowMs) !== 'expired') return;
    // What waits for nobody is published late rather than never.
    if (row !== undefined && (await isBegun(tx, row, change))) return;
    const isOver = change.kind === 'create' && row?.activatedAtMs !== undefined;
    if (row?.incarnation === change.incarnation && !isOver) {
      const call = { actor: 'service', requestId: 'freshness' };
      await endChange(parts, tx, row, change, 'expired', call, nowMs);
    } else await closeChange(tx, id, { state: 'expired' });
  });
}

/** @throws TrustError CHANGE_UNKNOWN */
export async function assertChange(tx: Queries, repository: string, id: string): Promise<ChangeRow> {
  const change = await readChange(tx, repository, id);
  if (change !== undefined) return change;
  throw new TrustError('CHANGE_UNKNOWN', `there is no change ${id} in ${repository}`, { change: id });
}

/** @throws TrustError CHANGE_CLOSED */
export function assertOpen(change: ChangeRow, row: RepositoryRow | undefined, nowMs: number): RepositoryRow {
  const state = stateOf(change, nowMs);
  if (state === 'open' && row?.incarnation === change.incarnation) return row;
  throw new TrustError('CHANGE_CLOSED', `change ${change.id} is ${state === 'open' ? 'stale' : state}`, {
    change: change.id,
    state: state === 'open' ? 'stale' : state,
  });
}

type Posted = SignChange['signatures'][number];

/** What a change asks for. */
export interface Asked {
  readonly change: ChangeRow;
  readonly row: RepositoryRow | undefined;
  /** Of an edit. */
  readonly proposal?: Proposal;
  /** Of a creation. */
  readonly creation?: readonly CreationPart[];
  readonly keyOf: (document: StoredDocument, keyId: string) => Key | undefined;
}

/** Anybody may post anything here: only what a listed client key signed over the exact bytes gets in. */
function checkSignature(
  { change, row, keyOf }: Asked,
  posted: Posted,
  call: Call,
  nowMs: number,
): StoredSignature {
  const document = change.documents.find((entry) => isOf(entry, posted));
  const refuse = (why: string): never => {
    throw new TrustError('SIGNATURE_INVALID', `the signature by ${posted.keyId} is refused: ${why}`, {
      role: posted.role,
      keyId: posted.keyId,
      ...(document === undefined ? {} : { expectedSha256: document.sha256 }),
    });
  };
  if (document === undefined) return refuse('the change has no such document');
  const asked = document.thresholds.some(({ keyIds }) => keyIds.includes(posted.keyId));
  if (!asked) return refuse('the key is not one of those that may sign');
  if (row?.settings.managed.includes(posted.keyId)) return refuse('the service signs with this key itself');
  const key = keyOf(document, posted.keyId)?.usable;
  const signature = toBytes(document.dialect, posted.sig);
  if (key === undefined || signature === undefined) return refuse('it cannot be read');
  if (!key.verify(fromBase64(document.toSign), signature)) return refuse('it is not over these bytes');
  return {
    dialect: document.dialect,
    role: posted.role,
    keyId: posted.keyId,
    signature,
    by: call.actor,
    atMs: toWholeSecond(nowMs),
  };
}

/**
 * A role may list it still, until others have signed its end. Root alone may need it, to sign that (TUF 5.3.4).
 * @throws TrustError SIGNATURE_INVALID
 */
async function assertNotTakenBack(
  tx: Queries,
  row: RepositoryRow,
  { change, keyOf }: Asked,
  fresh: readonly StoredSignature[],
): Promise<void> {
  const keys = fresh.flatMap((entry) => {
    const document = change.documents.find((each) => isOf(each, entry));
    return document === undefined || entry.role === 'root' ? [] : (keyOf(document, entry.keyId) ?? []);
  });
  const key = await findRevoked(tx, row, keys);
  if (key === undefined) return;
  throw new TrustError('SIGNATURE_INVALID', `the signature by ${key.keyId} is refused: the key was revoked`, {
    keyId: key.keyId,
    reason: 'KEY_REVOKED',
  });
}

/** The `tuf` dialect writes hex, the other one base64. */
function toBytes(dialect: DialectName, sig: string): Uint8Array | undefined {
  try {
    return dialect === 'tuf' ? fromHex(sig) : fromBase64(sig);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}
