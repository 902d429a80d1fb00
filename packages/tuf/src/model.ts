/**
 * The normalised model every dialect decodes to. Threshold, rollback, expiry and delegation logic
 * work on these types alone; a dialect is a codec to and from them.
 */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import type { PublicKey } from '@vidimus/crypto';

export type DialectName = 'tuf' | 'notary';

export type TopLevelRole = 'root' | 'timestamp' | 'snapshot' | 'targets';

/** What a document is; a delegated role's document is of kind `targets`. */
export type DocumentKind = TopLevelRole;

/** Who may sign a role, and how many distinct keys must. */
export interface RoleKeys {
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/** One entry of a `keys` map. */
export interface Key {
  /** Lower-case hex SHA-256 as the dialect derives it; always recomputed, never taken from the map. */
  readonly keyId: string;
  /** The key object as written, unknown members included. */
  readonly declared: JsonObject;
  /**
   * Absent when the key is of an unknown kind or failed admission: it then never counts toward a threshold.
   * May be admitted on first reading (admission is the dear part of a key), so read it only when needed.
   */
  readonly usable?: PublicKey | undefined;
  /** The same key as it verifies signatures that name a method, in a dialect whose signatures name one. */
  readonly usableBy?: (method: string) => PublicKey | undefined;
}

/** The signed fields that tie a document to one place and time (DESIGN, "Bound to its repository"). */
export interface Binding {
  /** `x-vidimus-repository`: normalised repository name, host included. */
  readonly repository?: string;
  /** `x-vidimus-role`: role name as the model spells it. */
  readonly role?: string;
  /** `x-vidimus-issued`: milliseconds since 1970, whole seconds. */
  readonly issued?: number;
  /** `x-vidimus-log` (timestamp only): head of the repository's events. */
  readonly log?: { readonly size: number; readonly hash: string };
}

interface DocumentCommon {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly binding: Binding;
  /** The whole `signed` object as parsed; unknown fields live on here. */
  readonly fields: JsonObject;
}

export interface Root extends DocumentCommon {
  readonly kind: 'root';
  readonly consistentSnapshot: boolean;
  /** By key id. An entry whose written id differs from the recomputed one is left out. */
  readonly keys: ReadonlyMap<string, Key>;
  readonly roles: Readonly<Record<TopLevelRole, RoleKeys>>;
}

/** Digest algorithm name to lower-case hex. */
export type Hashes = ReadonlyMap<string, string>;

/** What a parent says about one file of a child role; at least one of version and hashes. */
export interface FileMeta {
  /** Always there in the `tuf` dialect, never in `notary`. */
  readonly version?: number;
  readonly length?: number;
  readonly hashes?: Hashes;
}

export interface Timestamp extends DocumentCommon {
  readonly kind: 'timestamp';
  readonly snapshot: FileMeta;
}

export interface Snapshot extends DocumentCommon {
  readonly kind: 'snapshot';
  /** By role name, without `.json`. */
  readonly meta: ReadonlyMap<string, FileMeta>;
}

/** A target: for an image repository the path is the tag, the hash the manifest's digest. */
export interface Target {
  readonly path: string;
  readonly length: number;
  readonly hashes: Hashes;
  readonly custom?: JsonValue;
}

export interface Delegation extends RoleKeys {
  readonly name: string;
  readonly terminating: boolean;
  /** Exactly one of `paths` and `pathHashPrefixes` in the `tuf` dialect. */
  readonly paths?: readonly string[];
  readonly pathHashPrefixes?: readonly string[];
  /** In `notary` alone: paths that begin with one of them; `''` is all paths, an empty list none. */
  readonly pathPrefixes?: readonly string[];
}

/** TAP 15: `2 ** bitLength` bins named `<namePrefix>-<hex>`, chosen by the first bits of SHA-256(path). */
export interface SuccinctRoles extends RoleKeys {
  readonly bitLength: number;
  readonly namePrefix: string;
}

export interface Delegations {
  readonly keys: ReadonlyMap<string, Key>;
  /** In priority order; empty when `succinct` is present. */
  readonly roles: readonly Delegation[];
  readonly succinct?: SuccinctRoles;
}

export interface Targets extends DocumentCommon {
  readonly kind: 'targets';
  readonly targets: ReadonlyMap<string, Target>;
  readonly delegations?: Delegations;
}

export type TufDocument = Root | Timestamp | Snapshot | Targets;

export interface DocumentOf {
  readonly root: Root;
  readonly timestamp: Timestamp;
  readonly snapshot: Snapshot;
  readonly targets: Targets;
}

export interface Signature {
  readonly keyId: string;
  readonly value: Uint8Array;
  /** How it says it was made, where the dialect writes that. Never believed: the key's `methods` must hold it. */
  readonly method?: string;
}

/** A file split into what was signed and by whom; nothing in it is trusted yet. */
export interface Envelope {
  /** The file as received. Bytes are sacred: these are what is stored and served. */
  readonly bytes: Uint8Array;
  /** The exact bytes signatures are made over. */
  readonly message: Uint8Array;
  readonly signed: JsonObject;
  readonly signatures: readonly Signature[];
  /** Several signatures with one key id count as one at most, instead of making the file invalid. */
  readonly allowsRepeatedSigners?: boolean;
}

/** A decoded document with the envelope it came in. */
export interface Signed<D extends TufDocument = TufDocument> {
  readonly envelope: Envelope;
  readonly document: D;
}
