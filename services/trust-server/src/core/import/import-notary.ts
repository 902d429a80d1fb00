/**
 * A repository that goes on from another server whose keys stayed there: its whole chain of roots, and a next root
 * that hands timestamp and snapshot to keys of ours. One call, one transaction: there is never a repository whose
 * roots lead nowhere.
 */

import { fromBase64, sha256Hex } from '@vidimus/crypto';
import { lockUntilCommit, type Queries, trustMetadata } from '@vidimus/database';
import { NotaryError, type ValidUpdate, validateUpdate } from '@vidimus/notary';
import { type Root, TufError, type Verified } from '@vidimus/tuf';
import { and, asc, eq } from 'drizzle-orm';
import type { NotaryPart } from '../../notary-service.ts';
import type { ImportRepository, RepositorySummary } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { by, newNotaryRow } from '../notary/notary-repository.ts';
import { contextOf } from '../notary/stored-state.ts';
import {
  type Done,
  lifetimesOf,
  store,
  toUploadError,
  type UpdateParts,
  waitingKeys,
  withRoot,
} from '../notary/update.ts';
import type { Head, Incarnation } from '../store/metadata.ts';
import { insertRepository, lastIncarnation, lockLive, type RepositoryRow } from '../store/repositories.ts';
import { verifyRootChain } from './root-chain.ts';
import { createVersionWriter } from './store-history.ts';

export interface NotaryImport {
  /** Every root of the other server, oldest first, without a gap. */
  readonly roots: readonly Uint8Array[];
  /** What goes on from them: the next root, targets and delegated roles. */
  readonly update: readonly NotaryPart[];
  /** Versions that clients may have seen there. */
  readonly highest: Readonly<Record<'timestamp' | 'snapshot', number>>;
}

export interface ImportNotaryParts extends UpdateParts {
  readonly summarise: (queries: Queries) => Promise<RepositorySummary>;
}

export interface ImportedNotary {
  readonly summary: RepositorySummary;
  /** False: the same was imported before. */
  readonly created: boolean;
}

/** The body of a request, which was validated. */
export function toNotaryImport({ roots, update, highest }: ImportRepository): NotaryImport {
  return {
    roots: roots.map(fromBase64),
    update: Object.entries(update).map(([role, file]) => ({ role, bytes: fromBase64(file) })),
    highest: { timestamp: highest?.timestamp ?? 0, snapshot: highest?.snapshot ?? 0 },
  };
}

/** @throws TrustError REPOSITORY_EXISTS, BODY_INVALID, SIGNATURE_INVALID, SIGNER_UNAVAILABLE */
export async function importNotary(
  parts: ImportNotaryParts,
  call: Call,
  repository: string,
  body: NotaryImport,
): Promise<ImportedNotary> {
  try {
    const chain = verifyRootChain(contextOf(repository), body.roots);
    const { imported, done } = await parts.database.transaction(async (tx) => {
      await lockUntilCommit(tx, `trust_repositories.create ${repository}`);
      return await importIn(parts, tx, { call, repository, body, chain });
    });
    if (done !== undefined) {
      parts.states.remember(done.row, done.state);
      parts.onPublished(done.row, done.published);
    }
    return imported;
  } catch (error) {
    if (error instanceof DryRun) return error.imported;
    throw toImportError(error);
  }
}

/** Takes the transaction back with what it would have led to. */
class DryRun extends Error {
  readonly imported: ImportedNotary;

  constructor(imported: ImportedNotary) {
    super('a dry run');
    this.name = 'DryRun';
    this.imported = imported;
  }
}

interface Import {
  readonly call: Call;
  readonly repository: string;
  readonly body: NotaryImport;
  readonly chain: readonly Verified<Root>[];
}

async function importIn(
  parts: ImportNotaryParts,
  tx: Queries,
  asked: Import,
): Promise<{ readonly imported: ImportedNotary; readonly done?: Done }> {
  const { call, repository } = asked;
  const present = await lockLive(tx, repository);
  if (present !== undefined) {
    await assertSame(tx, present, asked);
    return { imported: { summary: await parts.summarise(tx), created: false } };
  }
  const done = await create(parts, tx, asked);
  const imported = { summary: await parts.summarise(tx), created: true };
  if (call.dryRun === true) throw new DryRun(imported);
  return { imported, done };
}

/** Asked again after an answer was lost. @throws TrustError REPOSITORY_EXISTS */
async function assertSame(tx: Queries, row: RepositoryRow, { repository, body }: Import): Promise<void> {
  const next = body.update.find(({ role }) => role === 'root');
  const wanted = [...body.roots, ...(next === undefined ? [] : [next.bytes])].map(sha256Hex);
  const stored = row.activatedAtMs === undefined ? [] : await readRoots(tx, row);
  if (stored.length > 0 && stored.join(' ') === wanted.join(' ')) return;
  throw new TrustError('REPOSITORY_EXISTS', `${repository} exists, and did not come from this`, {
    repository,
  });
}

async function readRoots(tx: Queries, { repository, incarnation }: Incarnation): Promise<readonly string[]> {
  const rows = await tx
    .select({ sha256: trustMetadata.sha256 })
    .from(trustMetadata)
    .where(
      and(
        eq(trustMetadata.repository, repository),
        eq(trustMetadata.incarnation, incarnation),
        eq(trustMetadata.dialect, 'notary'),
        eq(trustMetadata.role, 'root'),
      ),
    )
    .orderBy(asc(trustMetadata.version));
  return rows.map(({ sha256 }) => sha256);
}

async function create(parts: ImportNotaryParts, tx: Queries, asked: Import): Promise<Done> {
  const { call, repository, body, chain } = asked;
  const nowMs = parts.now();
  const made = newNotaryRow(repository, (await lastIncarnation(tx, repository)) + 1, nowMs);
  const held = await parts.keys.held(tx, made, 'notary');
  const valid = judge(asked, made, new Set(held.keys()), nowMs);
  const row = withRoot(made, valid.root, held);
  await insertRepository(tx, { ...row, activatedAtMs: nowMs });
  await parts.keys.settle(tx, row, waitingKeys(row, held));
  const writer = createVersionWriter(tx, row, nowMs);
  for (const { document, envelope } of chain) {
    await writer.add({
      role: 'root',
      version: document.version,
      bytes: envelope.bytes,
      sha256: sha256Hex(envelope.bytes),
      expiresMs: document.expires,
      storedAtMs: undefined,
    });
  }
  await writer.end();
  const done = await store(parts, tx, {
    call: { ...call, mayCreate: true },
    row,
    before: undefined,
    heads: new Map([head('timestamp', body.highest.timestamp), head('snapshot', body.highest.snapshot)]),
    valid,
    nowMs,
  });
  const after = { roots: chain.length, highest: { ...body.highest } };
  const event = { ...by(call), action: 'repository.import', after };
  const log = await appendEvents(parts, tx, { ...row, log: done.published.log }, [event], nowMs);
  return { ...done, row: log, published: { ...done.published, log: log.log } };
}

/** @throws NotaryError */
function judge(
  { repository, body, chain }: Import,
  row: RepositoryRow,
  heldKeyIds: ReadonlySet<string>,
  nowMs: number,
): ValidUpdate {
  const newest = chain.at(-1)?.envelope.bytes ?? new Uint8Array();
  const valid = validateUpdate({
    repository,
    stored: new Map([['root', newest]]),
    heldKeyIds,
    parts: body.update,
    nowMs,
    lifetimesMs: lifetimesOf(row),
    goesOn: true,
  });
  const has = (role: string): boolean => valid.accepted.some((file) => file.role === role);
  if (!has('root') || !has('targets')) {
    throw new NotaryError('INVALID_UPDATE', 'an import brings the next root, and targets');
  }
  const uploaded = valid.accepted.find(({ role }) => role === 'snapshot');
  if (uploaded !== undefined && uploaded.version <= body.highest.snapshot) {
    throw new NotaryError(
      'INVALID_UPDATE',
      `clients may have seen snapshot ${body.highest.snapshot} already`,
    );
  }
  const { snapshot } = valid;
  if (snapshot === undefined) return valid;
  const version = Math.max(snapshot.version, body.highest.snapshot + 1);
  return { ...valid, snapshot: { ...snapshot, version } };
}

/** The version that the next one has to follow; nothing of it is stored. */
function head(role: string, version: number): [string, Head] {
  return [role, { dialect: 'notary', role, version, sha256: '', expiresMs: 0 }];
}

/** What broke which rule, in the codes of REST. */
function toImportError(error: unknown): unknown {
  if (error instanceof NotaryError) {
    const { kind, message, detail } = error;
    return new TrustError('BODY_INVALID', message, { kind, ...detail }, { cause: error });
  }
  if (!(error instanceof TufError)) return toUploadError(error);
  const code = error.code === 'THRESHOLD' ? 'SIGNATURE_INVALID' : 'BODY_INVALID';
  return new TrustError(code, error.message, { rule: error.code, ...error.detail }, { cause: error });
}
