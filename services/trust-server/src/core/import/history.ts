/** A repository as another Notary server stored it: what an import reads. All of it may be anybody's writing. */

/** One stored version of a role, without its bytes. */
export interface HistoryVersion {
  /** What `read` finds it by. */
  readonly id: number;
  /** As on the wire: `targets/releases`. */
  readonly role: string;
  readonly version: number;
  /** Hex SHA-256 as the source lists it; undefined where it lists none. */
  readonly sha256: string | undefined;
  /** When it was stored, milliseconds since 1970; undefined where nobody wrote it down. */
  readonly storedAtMs: number | undefined;
}

/** A record of the source's change feed. */
export interface HistoryChange {
  /** Of the source: rises. */
  readonly id: number;
  readonly createdAtMs: number;
  readonly version: number;
  readonly sha256: string;
  readonly category: 'update' | 'deletion';
}

/** A private key that the source made for this repository. */
export interface HistoryKey {
  /** What for; undefined where nobody wrote it down. */
  readonly role: string | undefined;
  /** DER, unencrypted. */
  readonly pkcs8: Uint8Array;
}

export interface RepositoryHistory {
  /** As the source names it. */
  readonly repository: string;
  readonly versions: readonly HistoryVersion[];
  /** The bytes of a version; undefined when they are not to be had. */
  read(version: HistoryVersion): Promise<Uint8Array | undefined>;
  /** Records after one of them, oldest first. */
  changes(after: number): AsyncIterable<HistoryChange>;
  /** Keys among these ids; others are never used. */
  keys(keyIds: readonly string[]): Promise<readonly HistoryKey[]>;
}

/** Why a repository is not brought over: codes of `TufError`, and what only an import can meet. */
export interface ImportRefusal {
  readonly code: string;
  readonly message: string;
  /** As the model names it. */
  readonly role?: string;
}

/** A version that is not brought over while the rest of its repository is. */
export interface LeftOut {
  readonly role: string;
  readonly version: number;
  /**
   * `TufError` codes; INVALID_ROLE; UNLISTED: no verified timestamp or snapshot of this repository speaks of it; LATE:
   * it was not usable in an earlier run, and later versions are here.
   */
  readonly code: string;
}

/** What clients will refuse here as they did there. */
export interface ImportWarning {
  readonly code: 'EXPIRED' | 'ROLE_UNSIGNED' | 'CERTIFICATE_INVALID';
  readonly role: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly expiresMs?: number;
}
