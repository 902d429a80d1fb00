/** What a refresh established, for people and for policy. */
import type { DialectName, RoleKeys, TrustedState } from '@vidimus/tuf';
import type { AnchorKind } from './anchor/choose-anchor.ts';
import { canonicalIdsOf } from './delegated-roles.ts';

export interface TrustFacts {
  /** The server's URL, ending in `/`. */
  readonly server: string;
  readonly dialect: DialectName;
  readonly anchor: AnchorKind;
  /** Present where the anchor is the directory: what it is called, and the version of its own root. */
  readonly directory?: { readonly name?: string; readonly root: number };
  /** By top-level role. */
  readonly versions: Readonly<Record<TopLevel, number>>;
  /** Milliseconds since 1970. */
  readonly expires: Readonly<Record<TopLevel, number>>;
  /** Who may sign each top-level role, and how many must, by the newest root. */
  readonly roles: Readonly<Record<TopLevel, RoleKeys>>;
  /** In `notary`: ids of the bare public keys of `roles`, as `docker trust inspect` shows them. */
  readonly canonicalKeyIds?: Readonly<Record<TopLevel, readonly string[]>>;
  /** When this client last refreshed against the server, milliseconds; absent only before the first time. */
  readonly refreshedAt?: number;
  /** The server could not be reached; this is the cache. */
  readonly offline: boolean;
  /** Offline and expired, within `staleFor`: only digests verified before are answered. */
  readonly stale: boolean;
  /** Until when `staleFor` lets those be answered, milliseconds; present when stale. */
  readonly staleUntil?: number;
  /** When the timestamp says it was issued, milliseconds; absent where it does not say. */
  readonly issued?: number;
}

export type TopLevel = 'root' | 'timestamp' | 'snapshot' | 'targets';

const topLevel: readonly TopLevel[] = ['root', 'timestamp', 'snapshot', 'targets'];

type StateFacts = Pick<TrustFacts, 'versions' | 'expires' | 'roles' | 'issued' | 'canonicalKeyIds'>;

export function factsOf(state: TrustedState): StateFacts {
  const { issued } = state.timestamp.document.binding;
  const canonicalKeyIds = canonicalIdsOf(state.root.document, state.dialect.name);
  return {
    ...(issued === undefined ? {} : { issued }),
    ...(canonicalKeyIds === undefined ? {} : { canonicalKeyIds }),
    versions: byRole((role) => state[role].document.version),
    expires: byRole((role) => state[role].document.expires),
    roles: state.root.document.roles,
  };
}

/** The first moment at which one of the top-level documents is expired. */
export function firstExpiry(state: TrustedState): number {
  return Math.min(...topLevel.map((role) => state[role].document.expires));
}

function byRole(value: (role: TopLevel) => number): Readonly<Record<TopLevel, number>> {
  return {
    root: value('root'),
    timestamp: value('timestamp'),
    snapshot: value('snapshot'),
    targets: value('targets'),
  };
}
