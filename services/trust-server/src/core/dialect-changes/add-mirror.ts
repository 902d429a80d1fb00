/**
 * The dialect `tuf` for a repository that Notary clients publish: the owner's own keys sign its root, and the service
 * repeats below it what the clients' thresholds verified.
 */
import type { Queries } from '@vidimus/database';
import { type EditTerms, nextRoot, type Target } from '@vidimus/tuf';
import type { AddDialects } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import type { EventDraft } from '../audit/event-chain.ts';
import { firstTerms } from '../changes/create.ts';
import { firstDocuments } from '../changes/first-documents.ts';
import { assertAllCustodians, type FirstPart } from '../changes/first-publish.ts';
import { readCurrent } from '../publish/current-documents.ts';
import { termsOf } from '../publish/notary-part.ts';
import { assertFlat } from '../publish/plan-tags.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { RepositorySettings } from '../store/repository-settings.ts';
import { readAllTags } from '../store/tags.ts';
import type { DialectParts } from './dialect-parts.ts';
import { mirrorRootKeys } from './mirror-root.ts';
import { assertSourceLives, type MirrorSource, readSource, toBase, toMirrorTarget } from './mirror-source.ts';
import { makeNewKeys } from './new-keys.ts';
import type { Prepared } from './prepared.ts';
import type { Addition } from './publish-addition.ts';

/** Of the role that Notary clients do not know, as in any other repository. */
const revocationsLifetimeMs = 30 * 86_400_000;

/** @throws TrustError BODY_INVALID, VERSION_UNCERTAIN, DIALECT_INEXPRESSIBLE, WOULD_BREAK; TufError EDIT_INVALID */
export async function prepareMirror(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  body: AddDialects,
  nowMs: number,
): Promise<Prepared> {
  assertNoKeys(body);
  const { state } = await readMirrorable(parts, tx, row, nowMs);
  const rootKeys = mirrorRootKeys(state.root);
  const { keys, made } = await makeNewKeys(parts.keys, row.repository, 'tuf', rootKeys);
  const first = { dialect: 'tuf', keys, terms: await mirrorTerms(tx, row, nowMs) } as const;
  assertAllCustodians(first, new Set(made.map(({ key }) => key.keyId)));
  const { root } = firstDocuments(first, first.terms);
  return { dialect: 'tuf', first, made, root, byClients: true };
}

/**
 * The next root of a mirror, with the keys that the root of the source has now.
 * @throws TrustError BODY_INVALID, DIALECT_INEXPRESSIBLE; TufError EDIT_INVALID
 */
export async function prepareNextRoot(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  body: AddDialects,
  nowMs: number,
): Promise<Prepared> {
  assertNoKeys(body);
  const heads = headsIn(await readHeads(tx, row), 'tuf');
  const current = await readCurrent(parts.reader, tx, row, heads);
  const { state } = await readSource(parts.states, tx, row);
  const root = nextRoot(
    current.root,
    { root: mirrorRootKeys(state.root) },
    termsOf(row, 'tuf', heads, nowMs),
  );
  return { dialect: 'tuf', made: [], root, previous: current.root, byClients: true };
}

/** What is published once its root is signed. @throws TrustError DIALECT_INEXPRESSIBLE, WOULD_BREAK */
export async function mirrorAddition(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  first: FirstPart,
  event: Omit<EventDraft, 'versions'>,
  nowMs: number,
): Promise<Addition> {
  const source = await readMirrorable(parts, tx, row, nowMs);
  const heads = headsIn(await readHeads(tx, row), 'notary');
  return {
    first,
    tags: await toTargets(tx, row, source, nowMs),
    present: { dialect: 'notary', base: toBase(source), terms: termsOf(row, 'notary', heads, nowMs) },
    settings: toSettings(row),
    event,
  };
}

/** The circumstances of the first publish of a mirror. */
export async function mirrorTerms(tx: Queries, row: RepositoryRow, nowMs: number): Promise<EditTerms> {
  return await firstTerms(tx, { ...row, settings: toSettings(row) }, 'tuf', nowMs);
}

function toSettings({ settings }: RepositoryRow): RepositorySettings {
  const lifetimesMs = { ...settings.lifetimesMs, revocations: revocationsLifetimeMs };
  return { ...settings, lifetimesMs, mirrored: true };
}

async function readMirrorable(
  { states }: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  nowMs: number,
): Promise<MirrorSource> {
  if (row.settings.migration?.final === false) {
    throw new TrustError(
      'VERSION_UNCERTAIN',
      `${row.repository} is being migrated from another server and is read-only here until that is final`,
    );
  }
  const source = await readSource(states, tx, row);
  assertSourceLives(source, nowMs);
  assertFlat({ kind: 'flat' }, source.images.size);
  return source;
}

/** Since when a tag means its digest is known from the uploads. */
async function toTargets(
  tx: Queries,
  row: RepositoryRow,
  { images }: MirrorSource,
  nowMs: number,
): Promise<ReadonlyMap<string, Target>> {
  const rows = new Map((await readAllTags(tx, row)).map((each) => [each.tag, each]));
  return new Map(
    Array.from(images.values(), (image) => {
      const known = rows.get(image.tag);
      const sinceMs = known?.digest === image.digest ? known.sinceMs : nowMs;
      return [image.tag, toMirrorTarget(image, undefined, sinceMs)];
    }),
  );
}

function assertNoKeys({ roles }: AddDialects): void {
  if (roles?.root === undefined) return;
  throw new TrustError(
    'BODY_INVALID',
    'a mirrored dialect has the root keys of the Notary clients: leave roles out',
    { role: 'root' },
  );
}
