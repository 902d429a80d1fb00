/** The tags and revoked digests that an edit touches, role by role, as they stand after the intents evaluated so far. */
import type { Target, Targets } from '@vidimus/tuf';
import { TAG_ROLE, type TagRow } from '../store/tags.ts';

/** Net difference between the board and what is stored. */
export interface BoardChanges {
  /** As the roles list them: `listedBy` is the role, absent for top-level targets. */
  readonly tagsSet: readonly TagRow[];
  readonly tagsRemoved: readonly ListedTag[];
  readonly revoked: readonly Target[];
  readonly lifted: readonly string[];
}

/** A tag in the file of one role. */
export interface ListedTag {
  readonly role: string;
  readonly tag: string;
}

/** What the rules of an edit ask about roles. */
export interface BoardRoles {
  /** Refuses a role that lists no tags. @throws TrustError ROLE_UNKNOWN */
  assertRole(role: string): void;
  /** The roles that clients ask about a tag, in order; the first that lists it answers. */
  orderOf(tag: string): readonly string[];
  /**
   * Refuses to sign a tag in a role that nobody would ask, or that another one would speak over.
   * @throws TrustError BODY_INVALID, WOULD_BREAK
   */
  assertSignable(board: Board, role: string, edit: { readonly tag: string; readonly digest: string }): void;
  /** Whether the service can sign the role alone, in every dialect that lists its tags. */
  isOwn(role: string): boolean;
}

export interface BoardState extends BoardRoles {
  /** What each role lists of the tags in question. */
  readonly stored: readonly TagRow[];
  /** Absent where the dialect has none. */
  readonly revocations: Targets;
  /** Others sign the tags: what they list stays as it is. */
  readonly isMirrored?: boolean;
}

/** Owned by one transaction. Maps throughout: `constructor` is a legal tag. */
export class Board {
  readonly #stored = new Map<string, TagRow>();
  readonly #state: BoardState;
  readonly #tags = new Map<string, { readonly at: ListedTag; readonly row: TagRow | undefined }>();
  readonly #digests = new Map<string, Target | undefined>();

  constructor(state: BoardState) {
    this.#state = state;
    for (const row of state.stored) this.#stored.set(nameOf(placeOf(row)), row);
  }

  get isMirrored(): boolean {
    return this.#state.isMirrored === true;
  }

  isOwn(role: string): boolean {
    return this.#state.isOwn(role);
  }

  assertRole(role: string): void {
    this.#state.assertRole(role);
  }

  /** The entry that clients find. */
  answerFor(tag: string): TagRow | undefined {
    for (const role of this.#state.orderOf(tag)) {
      const row = this.tag(role, tag);
      if (row !== undefined) return row;
    }
    return undefined;
  }

  assertSignable(role: string, edit: { readonly tag: string; readonly digest: string }): void {
    this.#state.assertSignable(this, role, edit);
  }

  tag(role: string, tag: string): TagRow | undefined {
    const name = nameOf({ role, tag });
    const moved = this.#tags.get(name);
    return moved === undefined ? this.#stored.get(name) : moved.row;
  }

  setTag(role: string, tag: string, row: TagRow | undefined): void {
    this.#tags.set(nameOf({ role, tag }), { at: { role, tag }, row });
  }

  /** Entries that name a digest, in every role, among those that were loaded or edited. */
  tagsOf(digest: string): readonly TagRow[] {
    const places = new Map<string, ListedTag>();
    for (const [name, row] of this.#stored) places.set(name, placeOf(row));
    for (const [name, { at }] of this.#tags) places.set(name, at);
    return [...places.values()].flatMap(({ role, tag }) => {
      const row = this.tag(role, tag);
      return row?.digest === digest ? [row] : [];
    });
  }

  revocation(digest: string): Target | undefined {
    if (this.#digests.has(digest)) return this.#digests.get(digest);
    return this.#state.revocations.targets.get(digest);
  }

  setRevocation(digest: string, target: Target | undefined): void {
    this.#digests.set(digest, target);
  }

  changes(): BoardChanges {
    const tagsSet: TagRow[] = [];
    const tagsRemoved: ListedTag[] = [];
    for (const [name, { at, row }] of this.#tags) {
      const before = this.#stored.get(name);
      if (row === before) continue;
      if (row !== undefined) tagsSet.push(row);
      else if (before !== undefined) tagsRemoved.push(at);
    }
    const revoked: Target[] = [];
    const lifted: string[] = [];
    for (const [digest, target] of this.#digests) {
      const before = this.#state.revocations.targets.get(digest);
      if (target === before) continue;
      if (target !== undefined) revoked.push(target);
      else if (before !== undefined) lifted.push(digest);
    }
    return { tagsSet, tagsRemoved, revoked, lifted };
  }
}

/** True when nothing needs to be published. */
export function isEmpty({ tagsSet, tagsRemoved, revoked, lifted }: BoardChanges): boolean {
  return tagsSet.length + tagsRemoved.length + revoked.length + lifted.length === 0;
}

/** Where a row stands. */
export function placeOf({ tag, listedBy }: Pick<TagRow, 'tag' | 'listedBy'>): ListedTag {
  return { role: listedBy ?? TAG_ROLE, tag };
}

/** No role and no tag holds a space. */
function nameOf({ role, tag }: ListedTag): string {
  return `${role} ${tag}`;
}
