/** Signatures for a change: each is verified when it arrives; at the threshold the change publishes itself. */
import { CryptoError, fromBase64, fromHex } from '@vidimus/crypto';
import type { Database, Queries } from '@vidimus/database';
import { type Draft, type EditTerms, type Root, tufDialect } from '@vidimus/tuf';
import type { SignChange } from '../../schemas.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { toWholeSecond } from '../instants.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
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
import { highestVersions } from '../store/metadata.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { missingSignatures, signedBy, stateOf } from './change-answer.ts';
import { endPending } from './end-pending.ts';
import { publishFirst } from './first-publish.ts';

export interface ChangeParts {
  readonly database: Database;
  readonly keys: ManagedKeys;
  readonly now: () => number;
  readonly newId: () => string;
}

export interface SignedChange {
  readonly change: ChangeRow;
  readonly managed: ReadonlySet<string>;
  readonly published?: { readonly row: RepositoryRow; readonly published: Published };
}

/** @throws TrustError SIGNATURE_INVALID, CHANGE_CLOSED, CHANGE_UNKNOWN */
export async function signChange(
  parts: ChangeParts,
  call: Call,
  repository: string,
  id: string,
  body: SignChange,
): Promise<SignedChange> {
  return await parts.database.transaction(async (tx) => {
    const row = await lockLive(tx, repository);
    const change = await assertChange(tx, repository, id);
    await assertBaseOf(tx, row, call.ifMatch);
    const nowMs = parts.now();
    const posted = body.signatures.map((entry) => checkSignature(change, row, entry, call, nowMs));
    const fresh = posted.filter(({ role, keyId }) => !signedBy(change, role).has(keyId));
    const managed = new Set(row?.settings.managed);
    // What was posted before is answered as before, also when the change has moved on.
    if (fresh.length === 0) return { change, managed };
    const open = assertOpen(change, row, nowMs);
    const signed: ChangeRow = { ...change, signatures: [...change.signatures, ...fresh] };
    if (call.dryRun === true) return { change: signed, managed };

    for (const signature of fresh) await insertSignature(tx, id, signature);
    const events = fresh.map(({ role, keyId }) => ({
      action: 'change.sign',
      actor: call.actor,
      requestId: call.requestId,
      result: 'done' as const,
      change: id,
      after: { role, keyId },
    }));
    const moved = await appendEvents(parts, tx, open, events, nowMs);
    const isComplete = signed.documents.every(
      (document) => missingSignatures(document, signedBy(signed, document.role), managed) === 0,
    );
    if (!isComplete) return { change: signed, managed };
    return { managed, ...(await publishCreation(parts, tx, moved, signed, call, nowMs)) };
  });
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
    if (call.dryRun !== true) await endPending(parts, tx, open, change, 'rejected', call, nowMs);
    return { change: { ...change, state: 'rejected' }, managed };
  });
}

/** Writes down that a change's time is over; nothing happens to one that was settled meanwhile. */
export async function expireChange(parts: ChangeParts, repository: string, id: string): Promise<void> {
  await parts.database.transaction(async (tx) => {
    const row = await lockLive(tx, repository);
    const change = await readChange(tx, repository, id);
    const nowMs = parts.now();
    if (change?.state !== 'open' || stateOf(change, nowMs) !== 'expired') return;
    const call = { actor: 'service', requestId: 'freshness' };
    if (row?.incarnation === change.incarnation && row.activatedAtMs === undefined) {
      await endPending(parts, tx, row, change, 'expired', call, nowMs);
    } else await closeChange(tx, id, { state: 'expired' });
  });
}

async function publishCreation(
  parts: ChangeParts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  call: Call,
  nowMs: number,
): Promise<Pick<SignedChange, 'change' | 'published'>> {
  const document = documentOf(change, 'root');
  const root = readRoot(document);
  const terms: EditTerms = {
    repository: row.repository,
    nowMs,
    lifetimesMs: new Map(Object.entries(row.settings.lifetimesMs)),
    highest: await highestVersions(tx, row.repository, 'tuf'),
  };
  const isNext = root.version === (terms.highest.get('root') ?? 0) + 1;
  if (!isNext || root.expires <= nowMs) {
    throw new TrustError('CHANGE_CLOSED', `change ${change.id} is stale: propose it again`, {
      change: change.id,
      state: 'stale',
    });
  }
  const own = await parts.keys.publicKeys(tx, row, 'tuf');
  const keysOf = (role: 'root' | 'targets' | 'snapshot' | 'timestamp') => {
    const { keyIds, threshold } = root.roles[role];
    return { keys: keyIds.flatMap((keyId) => root.keys.get(keyId) ?? []), threshold };
  };
  const published = await publishFirst(parts, tx, row, {
    keys: {
      root: keysOf('root'),
      targets: keysOf('targets'),
      snapshot: keysOf('snapshot'),
      timestamp: keysOf('timestamp'),
      revocations: { keys: own.get('revocations') ?? [], threshold: row.settings.revocationsThreshold },
    },
    terms,
    root: {
      draft: assertSameBytes(root, document),
      signatures: change.signatures
        .filter(({ role }) => role === 'root')
        .map(({ keyId, signature }) => ({ keyId, value: signature })),
    },
    event: {
      action: 'repository.create',
      actor: call.actor,
      requestId: call.requestId,
      result: 'done',
      change: change.id,
      after: { root: document.sha256 },
    },
  });
  const { versions } = published;
  await closeChange(tx, change.id, { state: 'published', versions });
  return {
    change: { ...change, state: 'published', published: { ...versions } },
    published: { row: { ...row, activatedAtMs: nowMs, log: published.log }, published },
  };
}

async function assertChange(tx: Queries, repository: string, id: string): Promise<ChangeRow> {
  const change = await readChange(tx, repository, id);
  if (change !== undefined) return change;
  throw new TrustError('CHANGE_UNKNOWN', `there is no change ${id} in ${repository}`, { change: id });
}

function assertOpen(change: ChangeRow, row: RepositoryRow | undefined, nowMs: number): RepositoryRow {
  const state = stateOf(change, nowMs);
  if (state === 'open' && row?.incarnation === change.incarnation) return row;
  throw new TrustError('CHANGE_CLOSED', `change ${change.id} is ${state === 'open' ? 'stale' : state}`, {
    change: change.id,
    state: state === 'open' ? 'stale' : state,
  });
}

type Posted = SignChange['signatures'][number];

/** Anybody may post anything here: only what a listed client key signed over the exact bytes gets in. */
function checkSignature(
  change: ChangeRow,
  row: RepositoryRow | undefined,
  posted: Posted,
  call: Call,
  nowMs: number,
): StoredSignature {
  const document = change.documents.find((entry) => entry.role === posted.role);
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
  const key = readRoot(document).keys.get(posted.keyId)?.usable;
  const signature = toBytes(posted.sig);
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

/** The `tuf` dialect writes hex. */
function toBytes(sig: string): Uint8Array | undefined {
  try {
    return fromHex(sig);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function documentOf(change: ChangeRow, role: string): StoredDocument {
  const document = change.documents.find((entry) => entry.role === role);
  if (document === undefined) throw new TrustError('INTERNAL', `the change has no ${role}`);
  return document;
}

function readRoot(document: StoredDocument): Root {
  const file = tufDialect.seal(fromBase64(document.toSign), []);
  return tufDialect.decode('root', tufDialect.open(file, file.length));
}

/** Bytes are sacred: what is published must be what was signed, to the last one. */
function assertSameBytes(root: Root, document: StoredDocument): Draft<Root> {
  const again = tufDialect.encode(root);
  if (Buffer.from(again).equals(fromBase64(document.toSign))) return root;
  throw new TrustError('INTERNAL', 'the document of the change cannot be made again');
}
