/** What a mirrored `tuf` dialect repeats: the current documents of the `notary` dialect, as its clients verify them. */
import type { Queries } from '@vidimus/database';
import { effectiveImages, RELEASES_ROLE } from '@vidimus/notary';
import {
  assertTagTarget,
  imageNotesOf,
  type Target,
  type Targets,
  TufError,
  withImageNotes,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { type Image, type Images, toImages } from '../notary/images.ts';
import type { StateReader, StoredState } from '../notary/stored-state.ts';
import { readTree } from '../notary/tree.ts';
import type { BaseDocuments } from '../publish/publication.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';

export interface MirrorSource {
  readonly state: StoredState;
  /** Every targets role that verifies, by role. */
  readonly documents: ReadonlyMap<string, Targets>;
  /** The tags among what they vouch for. */
  readonly images: Images;
}

export async function readSource(
  states: StateReader,
  queries: Queries,
  row: RepositoryRow,
): Promise<MirrorSource> {
  const state = await states.read(queries, row, headsIn(await readHeads(queries, row), 'notary'));
  const documents = readTree(row.repository, state.root, state.files);
  return { state, documents, images: toImages(documents) };
}

/** The documents of the source as a publish starts from them. */
export function toBase({ state, documents }: Pick<MirrorSource, 'state' | 'documents'>): BaseDocuments {
  const targets = documents.get('targets');
  return { ...state, ...(targets && { targets }), delegated: documents };
}

/**
 * When the first document that answers for tags expires, milliseconds since 1970. From then on the clients of the
 * source refuse it, and so must those of the mirror: nothing is renewed under an expired parent.
 */
export function deadlineOf({ state, documents }: Pick<MirrorSource, 'state' | 'documents'>): number {
  const lists = ['targets', RELEASES_ROLE].flatMap((role) => documents.get(role) ?? []);
  return Math.min(state.root.expires, ...lists.map(({ expires }) => expires));
}

/** @throws TrustError WOULD_BREAK */
export function assertSourceLives(source: MirrorSource, nowMs: number): void {
  if (source.documents.has('targets') && deadlineOf(source) > nowMs) return;
  throw new TrustError(
    'WOULD_BREAK',
    'what the Notary clients signed has expired: publish it anew with notary or docker trust first',
    { dialect: 'notary', reason: 'SOURCE_EXPIRED' },
  );
}

/** Paths that the source vouches for and that are no tags, in the order of their names. */
export function notMirrored({ documents, images }: MirrorSource): readonly string[] {
  return [...effectiveImages(documents).keys()].filter((path) => !images.has(path)).sort();
}

/**
 * A tag as the mirror lists it. What a Notary client put beside it goes along as far as it fits.
 * @param before - what the mirror lists now: a tag keeps its time while it keeps its digest
 */
export function toMirrorTarget(image: Image, before: Target | undefined, nowMs: number): Target {
  const sha256 = image.digest.replace(/^sha256:/, '');
  const isSame = before?.hashes.get('sha256') === sha256;
  const since = (isSame ? imageNotesOf(before).since : undefined) ?? nowMs;
  const withCustom = (custom: Image['custom']): Target => ({
    path: image.tag,
    length: image.size,
    hashes: new Map([['sha256', sha256]]),
    custom: withImageNotes(custom, { since: Math.floor(since / 1_000) * 1_000 }),
  });
  const target = withCustom(image.custom);
  try {
    assertTagTarget(target);
    return target;
  } catch (error) {
    if (error instanceof TufError) return withCustom(undefined);
    throw error;
  }
}
