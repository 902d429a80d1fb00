/** An edit of tags in the `notary` dialect, in a repository whose service signs both. */
import {
  type DialectName,
  type Draft,
  type EditTerms,
  editInvalid,
  nextTargets,
  type TargetEdits,
  type Targets,
} from '@vidimus/tuf';
import type { RoleHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn, type RepositorySettings } from '../store/repository-settings.ts';
import { TAG_ROLE } from '../store/tags.ts';
import type { CurrentDocuments } from './current-documents.ts';
import type { DialectPart } from './publication.ts';

/** Without edits, timestamp alone follows: one publish advances every dialect. @throws TufError EDIT_INVALID */
export function notaryPart(
  row: RepositoryRow,
  base: CurrentDocuments,
  heads: RoleHeads,
  edits: ReadonlyMap<string, TargetEdits>,
  nowMs: number,
): DialectPart {
  const terms = termsOf(row, 'notary', heads, nowMs);
  return { dialect: 'notary', base, terms, targets: nextListings(base, edits, terms) };
}

/** The next documents of roles that list tags, by role, where none of them is in bins. @throws TufError EDIT_INVALID */
export function nextListings(
  { targets, delegated }: Pick<CurrentDocuments, 'targets' | 'delegated'>,
  edits: ReadonlyMap<string, TargetEdits>,
  terms: EditTerms,
): ReadonlyMap<string, Draft<Targets>> {
  const drafts = new Map<string, Draft<Targets>>();
  for (const [role, own] of edits) {
    const document = role === TAG_ROLE ? targets : delegated?.get(role);
    if (document === undefined) throw editInvalid('ROLE_MISSING', `role ${role} has no file`, { role });
    drafts.set(role, nextTargets(role, document, own, terms));
  }
  return drafts;
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
