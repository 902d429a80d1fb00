/** Bodies of the calls that publish (CONTRACTS C3). */
import type { DialectName, Key } from '@vidimus/tuf';

/** A JSON object that is passed on as it is. */
export type JsonObject = Key['declared'];

export type KeyEntry =
  | { readonly custody: 'managed'; readonly algorithm?: 'ed25519' }
  /** `key` is a key object as its dialect (default `tuf`) writes it. */
  | { readonly custody: 'client'; readonly dialect?: DialectName; readonly key: JsonObject };

export interface RoleRequest {
  readonly threshold?: number;
  /** A duration such as `90d`. */
  readonly expiresAfter?: string;
  readonly keys?: readonly KeyEntry[];
}

export type RequestedRole = 'root' | 'targets' | 'snapshot' | 'timestamp' | 'revocations';

export interface CreateRepositoryRequest {
  readonly dialects?: readonly DialectName[];
  readonly digestRetention?: string;
  readonly roles?: { readonly [role in RequestedRole]?: RoleRequest };
}

/** All dialects that the repository shall have; who holds root in the new one, where that is to be said. */
export interface AddDialectsRequest {
  readonly dialects: readonly DialectName[];
  readonly roles?: { readonly root: { readonly keys: readonly KeyEntry[] } };
}

export interface TagRequest {
  /** `sha256:<64 hex>` */
  readonly digest: string;
  /** Bytes of the manifest or index. */
  readonly size: number;
  readonly mediaType?: string;
  readonly platforms?: readonly string[];
  readonly custom?: JsonObject;
}

export interface EditTagsRequest {
  readonly role?: string;
  readonly sign?: readonly (TagRequest & { readonly tag: string })[];
  readonly revoke?: readonly string[];
}

export interface RevokeDigestRequest {
  readonly reason: string;
  readonly link?: string;
  readonly scope?: 'repository' | 'organisation';
}

/** The whole new key set of a role. */
export interface RotationRequest {
  readonly to: readonly KeyEntry[];
  /** Absent: as it is. */
  readonly threshold?: number;
  readonly expiresAfter?: string;
  readonly reason?: string;
}

/** Another lifetime or threshold with the same keys. */
export interface RoleTermsRequest {
  readonly threshold?: number;
  readonly expiresAfter?: string;
}

export interface DelegationRequest {
  readonly signers: readonly { readonly name: string; readonly keys: readonly KeyEntry[] }[];
  readonly threshold: number;
  readonly paths: readonly string[];
  readonly terminating?: boolean;
  readonly expiresAfter?: string;
}

export interface RevokeKeyRequest {
  readonly reason: string;
  /** RFC 3339, whole seconds. */
  readonly compromisedSince?: string;
  readonly replacement?: KeyEntry;
  /** Of every role that lists the key. */
  readonly threshold?: number;
  readonly force?: boolean;
  /** Refused with IMPACT_CHANGED if more would break. */
  readonly expect?: { readonly break: number };
}

/** A repository that has a past on a Notary server: its roots, and the upload that goes on from the last of them. */
export interface ImportRepositoryRequest {
  readonly dialect: 'notary';
  /** Base64 of every root, oldest first, without a gap. */
  readonly roots: readonly string[];
  /** Base64 by role as on the wire; `root` goes on from the last of `roots`. */
  readonly update: Readonly<Record<string, string>>;
  /** Versions that clients may have seen: the service goes on above them. */
  readonly highest?: { readonly timestamp?: number; readonly snapshot?: number };
}

export interface SignatureUpload {
  readonly dialect: DialectName;
  readonly role: string;
  readonly keyId: string;
  /** Hex, in the dialect `notary` base64. */
  readonly sig: string;
}

/** How far a restored repository had come (`POST …/_trust/recovery`); members by dialect. */
export interface RecoverRequest {
  readonly reason: string;
  readonly newestRoot: Readonly<Record<string, { readonly version: number; readonly sha256: string }>>;
  /** Base64, oldest first. */
  readonly roots?: Readonly<Record<string, readonly string[]>>;
  /** Base64 by role. */
  readonly files?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly highest?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** An approver's signature over the approval message of one document. */
export interface ApprovalUpload {
  readonly dialect: string;
  readonly role: string;
  /** PEM (SubjectPublicKeyInfo). */
  readonly publicKey: string;
  /** Base64. */
  readonly sig: string;
}
