/** A proposed dialect, or next root of a mirror, whose signatures are complete: it is published. */
import type { Queries } from '@vidimus/database';
import type { Root } from '@vidimus/tuf';
import { type Call, TrustError } from '../../service.ts';
import type { EventDraft } from '../audit/event-chain.ts';
import { assertSameBytes, collected, keysOf, readRoot, stale } from '../changes/change-document.ts';
import { firstTerms } from '../changes/create.ts';
import type { SignedChange } from '../changes/sign-change.ts';
import { readCurrent } from '../publish/current-documents.ts';
import { termsOf } from '../publish/notary-part.ts';
import { type Published, publish } from '../publish/publication.ts';
import { sealRoot } from '../publish/seal.ts';
import { type ChangeRow, closeChange, type StoredDocument } from '../store/changes.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { mirrorAddition, mirrorTerms } from './add-mirror.ts';
import { notaryAddition } from './add-notary.ts';
import type { DialectParts } from './dialect-parts.ts';
import { readFollowedRoot } from './followed-root.ts';
import { isRootCurrent } from './mirror-root.ts';
import { readSource } from './mirror-source.ts';
import { publishAddition } from './publish-addition.ts';

interface Complete {
  readonly change: ChangeRow;
  readonly document: StoredDocument;
  readonly root: Root;
  readonly event: Omit<EventDraft, 'versions'>;
  readonly nowMs: number;
}

interface Done {
  readonly row: RepositoryRow;
  readonly published: Published;
}

/** The caller holds the lock of `row`. @throws TrustError CHANGE_CLOSED for what can no longer be published */
export async function completeDialects(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  call: Call,
  nowMs: number,
): Promise<Pick<SignedChange, 'change' | 'published'>> {
  const [document] = change.documents;
  if (document === undefined) throw new TrustError('INTERNAL', 'a change without a document');
  const root = readRoot(document);
  if (root.expires <= nowMs) throw stale(change);
  const event = {
    action: 'repository.dialects',
    actor: call.actor,
    requestId: call.requestId,
    result: 'done' as const,
    change: change.id,
    before: { dialects: [...row.dialects] },
    after: { dialects: ['tuf', 'notary'], root: document.sha256, rootKeys: [...root.roles.root.keyIds] },
  };
  const complete: Complete = { change, document, root, event, nowMs };
  const previous = await readFollowedRoot(parts.reader, tx, row, change);
  const done =
    previous === undefined
      ? await publishDialect(parts, tx, row, complete)
      : await publishNextRoot(parts, tx, row, previous, complete);
  const { versions } = done.published;
  await closeChange(tx, change.id, { state: 'published', versions });
  return { change: { ...change, state: 'published', published: { ...versions } }, published: done };
}

async function publishDialect(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  { change, document, root, event, nowMs }: Complete,
): Promise<Done> {
  const { dialect } = document;
  if (row.dialects.includes(dialect)) throw stale(change);
  if (dialect === 'tuf') await assertKeysOfSource(parts, tx, row, change, root);
  const terms =
    dialect === 'tuf' ? await mirrorTerms(tx, row, nowMs) : await firstTerms(tx, row, dialect, nowMs);
  if (root.version !== (terms.highest.get('root') ?? 0) + 1) throw stale(change);
  const first = {
    dialect,
    keys: await keysOf(parts, tx, row, dialect, root),
    terms,
    root: { draft: assertSameBytes(root, document), signatures: collected(change, document, root) },
  };
  const toAddition = dialect === 'tuf' ? mirrorAddition : notaryAddition;
  return await publishAddition(parts, tx, row, await toAddition(parts, tx, row, first, event, nowMs));
}

async function publishNextRoot(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  previous: Root,
  { change, document, root, event, nowMs }: Complete,
): Promise<Done> {
  if (root.version !== previous.version + 1) throw stale(change);
  await assertKeysOfSource(parts, tx, row, change, root);
  const heads = headsIn(await readHeads(tx, row), 'tuf');
  const signerOf = await parts.keys.signers(tx, row, row.settings.managed);
  const sealing = { dialect: document.dialect, repository: row.repository, nowMs, signerOf };
  const signatures = collected(change, document, root, previous);
  const sealed = await sealRoot(sealing, assertSameBytes(root, document), previous, signatures);
  const { outdatedRoot: _, ...settings } = row.settings;
  const published = await publish(tx, {
    at: row,
    managed: new Set(settings.managed),
    signerOf,
    parts: [
      {
        dialect: document.dialect,
        base: await readCurrent(parts.reader, tx, row, heads),
        terms: termsOf(row, document.dialect, heads, nowMs),
        root: sealed,
      },
    ],
    events: (versions) => [{ ...event, action: 'root.rotate', versions }],
    move: { settings },
    newId: parts.newId,
  });
  return { row: { ...row, settings, log: published.log }, published };
}

/** Whoever was taken out of the owner's root meanwhile signs nothing for the mirror. @throws TrustError CHANGE_CLOSED */
async function assertKeysOfSource(
  { states }: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  root: Root,
): Promise<void> {
  const { state } = await readSource(states, tx, row);
  if (!isRootCurrent(root, state.root)) throw stale(change);
}
