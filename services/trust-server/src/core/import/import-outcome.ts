/** What a run did to one repository, and why it did nothing to another. */
import type { ImportRefusal, ImportWarning, LeftOut } from './history.ts';
import type { ServedRole } from './import-keys.ts';

/** Who signs a role here: the service, whose key came over, or somebody else, a client or nobody any more. */
export type Custody = 'service' | 'elsewhere';

/** A repository as it stands here after a run. */
export interface ImportedState {
  readonly repository: string;
  readonly rootVersion: number;
  readonly tags: number;
  readonly custody: Readonly<Record<ServedRole, Custody>>;
  /** Ids of the keys that the root names. */
  readonly keyIds: Readonly<Record<ServedRole, readonly string[]>>;
  /** Milliseconds since 1970, of the source's current files. */
  readonly expiresMs: Readonly<Record<'root' | 'targets' | 'snapshot' | 'timestamp', number>>;
  readonly warnings: readonly ImportWarning[];
  readonly leftOut: readonly LeftOut[];
  /** Read-only no more. */
  readonly final: boolean;
  /** What this run brought. */
  readonly added: { readonly versions: number; readonly changes: number; readonly keys: number };
}

export type ImportOutcome =
  | { readonly outcome: 'imported' | 'updated' | 'unchanged'; readonly state: ImportedState }
  | { readonly outcome: 'refused'; readonly repository: string; readonly refusal: ImportRefusal };

/** Ends the transaction of an import; the outcome says it, nobody else sees it. */
export class ImportRefused extends Error {
  readonly refusal: ImportRefusal;

  constructor(refusal: ImportRefusal) {
    super(refusal.message);
    this.name = 'ImportRefused';
    this.refusal = refusal;
  }
}
