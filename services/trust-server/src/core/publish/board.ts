/** The tags and revoked digests that an edit touches, as they stand after the intents evaluated so far. */
import type { Target, Targets } from '@vidimus/tuf';
import type { TagRow } from '../store/tags.ts';

/** Net difference between the board and what is stored. */
export interface BoardChanges {
  readonly tagsSet: readonly TagRow[];
  /** How many of `tagsSet` are new names. */
  readonly tagsAdded: number;
  readonly tagsRemoved: readonly string[];
  readonly revoked: readonly Target[];
  readonly lifted: readonly string[];
}

/** Owned by one transaction. Maps throughout: `constructor` is a legal tag. */
export class Board {
  readonly #stored: ReadonlyMap<string, TagRow>;
  readonly #revocations: Targets;
  readonly #tags = new Map<string, TagRow | undefined>();
  readonly #digests = new Map<string, Target | undefined>();
  /** Others sign the tags: what they list stays as it is. */
  readonly isMirrored: boolean;

  constructor(stored: readonly TagRow[], revocations: Targets, isMirrored = false) {
    this.isMirrored = isMirrored;
    this.#stored = new Map(stored.map((row) => [row.tag, row]));
    this.#revocations = revocations;
  }

  tag(name: string): TagRow | undefined {
    return this.#tags.has(name) ? this.#tags.get(name) : this.#stored.get(name);
  }

  setTag(name: string, row: TagRow | undefined): void {
    this.#tags.set(name, row);
  }

  /** Tags that name a digest, among those that were loaded or edited. */
  tagsOf(digest: string): readonly TagRow[] {
    const names = new Set([...this.#stored.keys(), ...this.#tags.keys()]);
    return [...names].flatMap((name) => {
      const row = this.tag(name);
      return row?.digest === digest ? [row] : [];
    });
  }

  revocation(digest: string): Target | undefined {
    return this.#digests.has(digest) ? this.#digests.get(digest) : this.#revocations.targets.get(digest);
  }

  setRevocation(digest: string, target: Target | undefined): void {
    this.#digests.set(digest, target);
  }

  changes(): BoardChanges {
    const tagsSet: TagRow[] = [];
    const tagsRemoved: string[] = [];
    let tagsAdded = 0;
    for (const [name, row] of this.#tags) {
      const before = this.#stored.get(name);
      if (row === before) continue;
      if (row !== undefined) {
        tagsSet.push(row);
        if (before === undefined) tagsAdded += 1;
      } else if (before !== undefined) tagsRemoved.push(name);
    }
    const revoked: Target[] = [];
    const lifted: string[] = [];
    for (const [digest, target] of this.#digests) {
      const before = this.#revocations.targets.get(digest);
      if (target === before) continue;
      if (target !== undefined) revoked.push(target);
      else if (before !== undefined) lifted.push(digest);
    }
    return { tagsSet, tagsAdded, tagsRemoved, revoked, lifted };
  }
}

/** True when nothing needs to be published. */
export function isEmpty({ tagsSet, tagsRemoved, revoked, lifted }: BoardChanges): boolean {
  return tagsSet.length + tagsRemoved.length + revoked.length + lifted.length === 0;
}
