/** What configuration says about one repository (CONTRACTS C7), as plain values. */
import type { DialectName } from '@vidimus/tuf';
import type { ConfiguredAnchor } from './anchor/choose-anchor.ts';

export interface RepositorySettings {
  /** `http(s)://host[:port]`, where `/v2/<repository>/_trust/` is. */
  readonly server: string;
  /** Nobody named the server: where the directory names another, that one is asked. */
  readonly isUsualServer?: boolean;
  /**
   * The format that is read. Absent: that of the anchor that counts, `tuf` for one that is configured. Never chosen
   * by what the server has: whoever withholds one would otherwise lead a client to the other.
   */
  readonly dialect?: DialectName;
  /** Absent: what the directory names, or what is pinned in the cache. */
  readonly anchor?: ConfiguredAnchor;
  /** Bearer token for the server. */
  readonly token?: string;
  /** PEM certificates trusted for the server in addition to the built-in ones. */
  readonly ca?: string;
  /** Not made by Vidimus: its signed `x-vidimus-*` fields are not required. */
  readonly foreign?: boolean;
  readonly maxTimestampLifetimeMs?: number;
  /** How long beyond expiry digests that this client verified before are answered while the server is away. */
  readonly staleForMs?: number;
  /** Never judge on the cache alone. */
  readonly online?: boolean;
  /** A person confirmed, on a terminal, that the first root seen is to be trusted. */
  readonly firstUseConfirmed?: boolean;
}
