/** What a board comes to: edits by role, and the rows of tags that clients will find otherwise than before. */
import type { Target } from '@vidimus/tuf';
import { TAG_ROLE, type TagRow } from '../store/tags.ts';
import { type Board, type BoardChanges, placeOf } from './board.ts';
import type { TagMoves } from './publication.ts';
import { toTagTarget } from './tag-target.ts';

/** Entries to write and to take away in the file of one role. */
export interface RoleEdits {
  readonly set: readonly Target[];
  readonly remove: readonly string[];
}

export const noEdits: RoleEdits = { set: [], remove: [] };

/** By role; TAG_ROLE stands for top-level targets, whatever its layout. */
export function editsByRole({ tagsSet, tagsRemoved }: BoardChanges): Map<string, RoleEdits> {
  const edits = new Map<string, { readonly set: Target[]; readonly remove: string[] }>();
  const of = (role: string) => {
    const known = edits.get(role) ?? { set: [], remove: [] };
    edits.set(role, known);
    return known;
  };
  for (const row of tagsSet) of(row.listedBy ?? TAG_ROLE).set.push(toTagTarget(row));
  for (const { role, tag } of tagsRemoved) of(role).remove.push(tag);
  return edits;
}

/** What clients find, before (rows by tag) and on the board. */
export interface Answering {
  readonly board: Board;
  readonly answering: ReadonlyMap<string, TagRow>;
}

/** Rows that follow an edit; `difference` is how many tags there are more than before. */
export function tagMoves({ board, answering }: Answering): TagMoves & { readonly difference: number } {
  const set: TagRow[] = [];
  const remove: string[] = [];
  let difference = 0;
  const { tagsSet, tagsRemoved } = board.changes();
  for (const tag of new Set([...tagsSet.map(placeOf), ...tagsRemoved].map((place) => place.tag))) {
    const before = answering.get(tag);
    const after = board.answerFor(tag);
    if (after !== undefined && after !== before) set.push(after);
    if (after === undefined && before !== undefined) remove.push(tag);
    difference += (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
  }
  return { set, remove, difference };
}
