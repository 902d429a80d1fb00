/** An edit of tags in the `notary` dialect, in a repository whose service signs both. */
import type { Queries } from '@vidimus/database';
import {
  type DialectName,
  type Draft,
  type EditTerms,
  nextTargets,
  type TargetEdits,
  type Targets,
} from '@vidimus/tuf';
import type { RoleHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn, type RepositorySettings } from '../store/repository-settings.ts';
import { type DocumentReader, readCurrent } from './current-documents.ts';
import type { DialectPart } from './publication.ts';

/** Without edits, timestamp alone follows: one publish advances every dialect. @throws TufError EDIT_INVALID */
export async function notaryPart(
  reader: DocumentReader,
  tx: Queries,
  row: RepositoryRow,
  heads: RoleHeads,
  edits: Required<TargetEdits>,
  nowMs: number,
): Promise<DialectPart> {
  const base = await readCurrent(reader, tx, row, heads);
  const terms = termsOf(row, 'notary', heads, nowMs);
  const targets = new Map<string, Draft<Targets>>();
  if (edits.set.length + edits.remove.length > 0) {
    targets.set('targets', nextTargets('targets', base.targets, edits, terms));
  }
  return { dialect: 'notary', base, terms, targets };
}

/** Where versions of new roles begin, in a repository that was restored once. */
export function floorOf({ versionFloor }: RepositorySettings): Pick<EditTerms, 'floor'> {
  return versionFloor === undefined ? {} : { floor: versionFloor };
}

/** The circumstances of an edit. */
export function termsOf(
  row: RepositoryRow,
  dialect: DialectName,
  heads: RoleHeads,
  nowMs: number,
): EditTerms {
  return {
    repository: row.repository,
    nowMs,
    lifetimesMs: lifetimesIn(row.settings, dialect),
    highest: new Map(Array.from(heads, ([role, { version }]) => [role, version])),
    ...floorOf(row.settings),
  };
}
