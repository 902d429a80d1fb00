/** The rows of tags after an edit, as clients then find them: an edit that waited for signatures meets others' edits. */
import { type Draft, layoutOf, roleOfTag, type Targets } from '@vidimus/tuf';
import { lookUpOrder } from '../delegations/look-up-order.ts';
import { TAG_ROLE, type TagRow } from '../store/tags.ts';
import { placeOf } from './board.ts';
import { digestOf, toTagRow } from './listed-tags.ts';
import type { BaseDocuments } from './publication.ts';

/** Of the `tuf` dialect. */
export interface SettledEdit {
  readonly base: BaseDocuments;
  /** Documents by role that the edit starts from, bins among them. */
  readonly before: ReadonlyMap<string, Targets>;
  /** Documents that it makes. */
  readonly next: ReadonlyMap<string, Draft<Targets>>;
  /** Roles whose file clients refuse afterwards. */
  readonly unsigned: ReadonlySet<string>;
}

export interface TagRows {
  readonly set: readonly TagRow[];
  readonly remove: readonly string[];
}

/**
 * The rows to write and to take away for every tag that `planned` names. Without roles of signers they are what was
 * planned. A bin that was not read is not looked into: what was planned stands for it.
 */
export function settledTags({ base, before, next, unsigned }: SettledEdit, planned: TagRows): TagRows {
  const documents = new Map(before);
  for (const [role, draft] of next) documents.set(role, { ...draft, fields: {} });
  const targets = documents.get(TAG_ROLE) ?? base.targets;
  if (targets === undefined || (base.delegated === undefined && !delegates(next))) return planned;
  const delegated = new Map([...(base.delegated ?? []), ...documents]);
  for (const role of unsigned) delegated.delete(role);
  const { bins } = base;
  const layout = layoutOf(targets, bins);
  const wanted = new Map(planned.set.map((row) => [row.tag, row]));
  const set: TagRow[] = [];
  const remove: string[] = [];
  for (const tag of new Set([...wanted.keys(), ...planned.remove])) {
    const { roles } = lookUpOrder({ targets, delegated, ...(bins === undefined ? {} : { bins }) }, tag);
    const row = wanted.get(tag);
    const found = answer(
      roles,
      tag,
      (role) => {
        const file = role === TAG_ROLE ? roleOfTag(layout, tag) : role;
        return file === TAG_ROLE ? targets : delegated.get(file);
      },
      row,
    );
    if (found === undefined) remove.push(tag);
    else set.push(found);
  }
  return { set, remove };
}

function delegates(next: SettledEdit['next']): boolean {
  return [...next.values()].some(({ delegations }) => (delegations?.roles.length ?? 0) > 0);
}

function answer(
  roles: readonly string[],
  tag: string,
  fileOf: (role: string) => Targets | undefined,
  planned: TagRow | undefined,
): TagRow | undefined {
  for (const role of roles) {
    const file = fileOf(role);
    const isPlanned = planned !== undefined && placeOf(planned).role === role;
    if (file === undefined) {
      if (isPlanned) return planned;
      continue;
    }
    const target = file.targets.get(tag);
    if (target === undefined) continue;
    return isPlanned && planned.digest === digestOf(target) ? planned : toTagRow(role, target, file);
  }
  return undefined;
}
