/** A dialect, or a next root, that is about to be published or proposed. */
import type { Draft, EditTerms, Root } from '@vidimus/tuf';
import type { DialectKeys } from '../changes/first-documents.ts';
import type { ProposedRoot } from '../changes/proposed-root.ts';
import type { ManagedKey } from '../keys/managed-keys.ts';

export interface Prepared extends ProposedRoot {
  /** Absent where a root follows another one: the keys below it are there. */
  readonly first?: DialectKeys & { readonly terms: EditTerms };
  /** Not stored yet. */
  readonly made: readonly ManagedKey[];
  /** Whether signatures of clients are needed. */
  readonly byClients: boolean;
  readonly root: Draft<Root>;
}
