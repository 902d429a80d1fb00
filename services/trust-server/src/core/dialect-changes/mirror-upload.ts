/** What an upload of a Notary client moves in the mirrored dialect: in the same transaction, or not at all. */
import type { Queries } from '@vidimus/database';
import { NotaryError } from '@vidimus/notary';
import {
  type Draft,
  MAX_TARGETS_PER_ROLE,
  nextTargets,
  REVOCATIONS_ROLE,
  type Root,
  type Targets,
} from '@vidimus/tuf';
import type { Images, MovedImage } from '../notary/images.ts';
import { type DocumentReader, headOf, readCurrent } from '../publish/current-documents.ts';
import { termsOf } from '../publish/notary-part.ts';
import type { DialectPart } from '../publish/publication.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { RepositorySettings } from '../store/repository-settings.ts';
import { isRootCurrent } from './mirror-root.ts';
import { toMirrorTarget } from './mirror-source.ts';

export interface Uploaded {
  /** The root of the source after the upload. */
  readonly root: Root;
  readonly images: Images;
  readonly moved: readonly MovedImage[];
  readonly nowMs: number;
}

export interface MirroredUpload {
  readonly part: DialectPart;
  /** As they are from now on. */
  readonly settings: RepositorySettings;
}

/** The caller holds the lock of `row`. @throws NotaryError INVALID_UPDATE */
export async function mirrorUpload(
  reader: DocumentReader,
  tx: Queries,
  row: RepositoryRow,
  { root, images, moved, nowMs }: Uploaded,
): Promise<MirroredUpload> {
  const heads = headsIn(await readHeads(tx, row), 'tuf');
  const base = await readCurrent(reader, tx, row, heads);
  assertNotRevoked(moved, await reader.read(tx, row, 'targets', headOf(heads, REVOCATIONS_ROLE), base));
  if (images.size > MAX_TARGETS_PER_ROLE) {
    throw new NotaryError(
      'INVALID_UPDATE',
      `the repository is mirrored in the dialect tuf, which lists at most ${MAX_TARGETS_PER_ROLE} tags`,
    );
  }
  const terms = termsOf(row, 'tuf', heads, nowMs);
  const targets = new Map<string, Draft<Targets>>();
  if (moved.length > 0) {
    const listed = base.targets.targets;
    const edits = {
      set: moved.flatMap(({ after }) =>
        after === undefined ? [] : [toMirrorTarget(after, listed.get(after.tag), nowMs)],
      ),
      remove: moved.flatMap(({ before, after }) =>
        before === undefined || after !== undefined ? [] : [before.tag],
      ),
    };
    targets.set('targets', nextTargets('targets', base.targets, edits, terms));
  }
  return { part: { dialect: 'tuf', base, terms, targets }, settings: settingsAfter(row, base.root, root) };
}

/** A digest that is named anew, not one that was there when it was revoked: that one stays in both dialects alike. */
function assertNotRevoked(moved: readonly MovedImage[], { targets }: Targets): void {
  for (const { before, after } of moved) {
    if (after === undefined || after.digest === before?.digest || !targets.has(after.digest)) continue;
    throw new NotaryError(
      'INVALID_UPDATE',
      `${after.digest}, which tag ${after.tag} would name, is revoked in this repository: lift its revocation first`,
      { kind: 'ErrBadTargets' },
    );
  }
}

function settingsAfter({ settings }: RepositoryRow, mirrored: Root, source: Root): RepositorySettings {
  const { outdatedRoot: _, ...others } = settings;
  return isRootCurrent(mirrored, source) ? others : { ...others, outdatedRoot: true };
}
