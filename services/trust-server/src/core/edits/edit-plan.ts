/** What a use case hands to the engine of edits, and what comes of it. */
import type { JsonValue } from '@vidimus/canonical-json';
import type { DialectEdit, DialectName } from '@vidimus/tuf';
import type { ChangeKind, DiffEntry } from '../../schemas/index.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import type { ManagedKey } from '../keys/managed-keys.ts';
import type { Published, Versions } from '../publish/publication.ts';
import type { ChangeRow } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { SettingsPart } from '../store/repository-settings.ts';
import type { TagRow } from '../store/tags.ts';

/** What the engine works with. */
export type EditParts = Pick<DialectParts, 'reader' | 'states' | 'keys' | 'approvals' | 'now' | 'newId'>;

/** An edit, planned: every key resolved, nothing signed, nothing stored. */
export interface EditPlan {
  readonly kind: ChangeKind;
  /** One line for people. */
  readonly summary: string;
  readonly diff: readonly DiffEntry[];
  /** What was asked for, as it was validated; kept as the change's `edit`. */
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
  /** One or both dialects; `tuf` first. */
  readonly parts: readonly EditPart[];
  /** New keys of the service: stored now, listed from publication on, retired if the change dies. */
  readonly made?: readonly ManagedKey[];
  /** Ids of the service's keys whose use ends at publication. */
  readonly retire?: readonly string[];
  /** Merged into the repository's settings at publication, `lifetimesMs` by role; the documents are made with it. */
  readonly settings?: SettingsPart;
  /** Key id to the name of the party that holds it. */
  readonly signers?: Readonly<Record<string, string>>;
  /** What the audit says at publication. */
  readonly event: {
    readonly action: string;
    readonly before?: JsonValue;
    readonly after?: JsonValue;
    readonly tags?: readonly string[];
    readonly roles?: readonly string[];
  };
  /** Rows that follow at publication; `sinceVersion` 0 is the version that is about to be made. */
  readonly tags?: PlannedTags;
  /** Open changes of the same roles become stale instead of standing in the way: a key that was stolen does not wait. */
  readonly urgent?: true;
  /** How many people beside its author must approve it before it is published, however it is signed. Default 0. */
  readonly approvals?: number;
}

export interface EditPart {
  readonly dialect: DialectName;
  readonly edit: DialectEdit;
}

export interface PlannedTags {
  readonly set: readonly TagRow[];
  readonly remove: readonly string[];
}

export type Carried =
  | { readonly outcome: 'published'; readonly row: RepositoryRow; readonly published: Published }
  /** It waits for signatures. */
  | { readonly outcome: 'change'; readonly change: ChangeRow; readonly managed: ReadonlySet<string> }
  /** Versions that would be made now; with `change`, the change that would be opened. */
  | {
      readonly outcome: 'dryRun';
      readonly versions: Versions;
      readonly diff: readonly DiffEntry[];
      readonly change?: ChangeRow;
      readonly managed: ReadonlySet<string>;
    };
