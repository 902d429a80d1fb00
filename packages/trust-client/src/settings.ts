/** What configuration says about one repository (CONTRACTS C7), as plain values. */
import type { Anchor, DialectName } from '@vidimus/tuf';

export interface RepositorySettings {
  /** `http(s)://host[:port]`, where `/v2/<repository>/_trust/` is. */
  readonly server: string;
  /**
   * The format that is read. Absent: that of the anchor that counts, `tuf` for one that is configured. Never chosen
   * by what the server has: whoever withholds one would otherwise lead a client to the other.
   */
  readonly dialect?: DialectName;
  /** Absent: what is pinned in the cache. */
  readonly anchor?: Anchor;
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
