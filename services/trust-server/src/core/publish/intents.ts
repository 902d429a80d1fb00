/** What callers want to be true afterwards. Intents that wait together are published together, and all succeed. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { DiffEntry, Impact } from '../../schemas/index.ts';
import type { Call, TrustError } from '../../service.ts';
import type { EventDraft } from '../audit/event-chain.ts';
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

export type Intent =
  | { readonly kind: 'tags'; readonly sign: readonly TagEdit[]; readonly revoke: readonly string[] }
  | {
      readonly kind: 'revokeDigest';
      readonly digest: string;
      readonly reason: string;
      readonly link?: string | undefined;
    }
  | { readonly kind: 'liftDigest'; readonly digest: string };

export interface IntentRequest {
  readonly call: Call;
  readonly intent: Intent;
}

/** What one intent came to, before it is known whether anything is published. */
export interface Verdict {
  /** Tags signed or taken away by it. */
  readonly tags: readonly string[];
  /** Tags that name a digest revoked by it, and that the service cannot take away. */
  readonly stillServed?: readonly ServedTag[];
  readonly events: readonly Omit<EventDraft, 'versions'>[];
  readonly diff: readonly DiffEntry[];
  /** The caller gets this error; its events are kept all the same. */
  readonly refused?: TrustError;
}

/** A tag and the role that lists it. */
export interface ServedTag {
  readonly role: string;
  readonly tag: string;
}

/** What the caller of an intent learns. */
export interface IntentAnswer {
  readonly tags: readonly string[];
  readonly stillServed: readonly ServedTag[];
  /** Versions that this publish made, or what is current when nothing changed. */
  readonly versions: Versions;
  readonly impact: Impact;
}
