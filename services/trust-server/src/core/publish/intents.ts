/** What callers want to be true afterwards. Intents that wait together are published together, and all succeed. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { Target } from '@vidimus/tuf';
import type { DiffEntry, Impact } from '../../schemas/index.ts';
import type { Call, TrustError } from '../../service.ts';
import type { EventDraft } from '../audit/event-chain.ts';
import type { ChangeRow } from '../store/changes.ts';
import type { TagRow } from '../store/tags.ts';
import type { ListedTag } from './board.ts';
import type { Versions } from './publication.ts';

/** A tag to sign. */
export interface TagEdit {
  readonly tag: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string | undefined;
  readonly platforms?: readonly string[] | undefined;
  readonly custom?: JsonObject | undefined;
}

/** Tags to sign and to take away in one role. */
export interface TagsIntent {
  readonly kind: 'tags';
  /** Top-level targets or a delegated role; absent: whichever role answers gives up the tag. */
  readonly role?: string | undefined;
  readonly sign: readonly TagEdit[];
  readonly revoke: readonly string[];
}

export interface RevokeIntent {
  readonly kind: 'revokeDigest';
  readonly digest: string;
  readonly reason: string;
  readonly link?: string | undefined;
}

export interface LiftIntent {
  readonly kind: 'liftDigest';
  readonly digest: string;
}

export type Intent = TagsIntent | RevokeIntent | LiftIntent;

/** What was asked for, as a change tells it. */
export interface AskedEdit {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export interface IntentRequest {
  readonly call: Call;
  readonly intent: Intent;
  readonly asked: AskedEdit;
}

/** What one intent came to, before it is known whether anything is published. */
export interface Verdict {
  /** Tags signed or taken away by it. */
  readonly tags: readonly string[];
  /** Entries that name a digest revoked by it, or a tag taken away by it, and that the service cannot take away. */
  readonly stillServed?: readonly ListedTag[];
  readonly events: readonly Omit<EventDraft, 'versions'>[];
  readonly diff: readonly DiffEntry[];
  /** What a revoked digest still needs, and the service cannot sign. */
  readonly others?: {
    readonly digest: string;
    readonly reason: string;
    readonly revocation?: Target;
    readonly left: readonly TagRow[];
  };
  /** The caller gets this error; its events are kept all the same. */
  readonly refused?: TrustError;
}

/** What the caller of an intent learns. */
export interface IntentAnswer {
  readonly tags: readonly string[];
  readonly stillServed: readonly ListedTag[];
  /** Versions that this publish made, or what is current when nothing changed. */
  readonly versions: Versions;
  readonly impact: Impact;
  /** Nothing was published for it. */
  readonly changesNothing: boolean;
  /** What waits for the signatures of others. */
  readonly change?: OpenedChange;
}

/** A change with what is needed to print it. */
export interface OpenedChange {
  readonly change: ChangeRow;
  readonly managed: ReadonlySet<string>;
}

/** The role cannot be signed here: nothing was done, and the edit is to be proposed to those who can. */
export const othersSign = Symbol('others sign');
