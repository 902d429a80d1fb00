/**
 * The contract between gathering (verifier) and judging (this room). Facts only, no opinions, and three
 * answers everywhere: known, absent, unknown. A source that could not be asked makes its evidence unknown,
 * never an empty list. Times are milliseconds since 1970; digests `sha256:<64 hex>`.
 */
import type { EvidenceReason } from './codes.ts';

/** A detail of a fact or a failure, plain JSON. */
export type FactValue =
  | string
  | number
  | boolean
  | null
  | readonly FactValue[]
  | { readonly [key: string]: FactValue };
export type FactDetail = Readonly<Record<string, FactValue>>;

/** Evidence that could not be had, or was refused while it was verified. */
export interface Unknown {
  readonly state: 'unknown';
  readonly reason: EvidenceReason;
  /** For people: role, versions, times, address. May hold text of servers: print it escaped. */
  readonly detail?: FactDetail;
}

export interface Known<T> {
  readonly state: 'known';
  readonly value: T;
}

/** The source answered, believably, that there is none. */
export interface Absent {
  readonly state: 'absent';
}

export type Action = 'pull' | 'admit' | 'promote';

/** All a decision is made from. */
export interface Facts {
  readonly action: Action;
  readonly image: ImageFacts;
  /** Absent: the repository has no trust data. */
  readonly trust: Known<TrustFacts> | Absent | Unknown;
  readonly revocation: RevocationFacts;
  /** What the registry's own tag points to now; absent: it has no such tag. Unknown when nobody asked. */
  readonly registryDigest: Known<string> | Absent | Unknown;
  /** The trust server was not reached and an unexpired verified cache is judged. */
  readonly offline: boolean;
}

export interface ImageFacts {
  /** As the person wrote it; print it escaped. */
  readonly requested: string;
  /** Host, with port. */
  readonly registry: string;
  /** Without the host. */
  readonly path: string;
  /** Both, normalised. */
  readonly repository: string;
  readonly tag?: string;
  /** The tag was put in because the reference named neither tag nor digest. */
  readonly implicitTag: boolean;
  /** The reference itself named a digest. */
  readonly digestRequested: boolean;
  /** The top digest judged, and the only one that may be pulled. Absent when nothing resolves the tag. */
  readonly digest?: string;
  /** Of the manifest or index `digest` names, in bytes. */
  readonly size?: number;
  readonly mediaType?: string;
  /** `os/architecture[/variant]` each. */
  readonly platforms: readonly string[];
  /** The vouched index whose read and hashed bytes list `digest`, when no role names `digest` itself. */
  readonly via?: string;
}

export type AnchorKind = 'root' | 'keys' | 'certificate' | 'ca' | 'directory' | 'firstUse';

/** Verified trust data of the repository. */
export interface TrustFacts {
  readonly dialect: 'tuf' | 'notary';
  readonly anchor: AnchorKind;
  /** The documents repeat what another dialect's owner signed: no signer's key is behind them. */
  readonly mirrored?: boolean;
  /** Every role, found by the dialect's own look-up, that lists the tag or digest asked for. Empty: nobody does. */
  readonly vouchedBy: readonly Vouch[];
  readonly freshness: FreshnessFacts;
}

/** One role's word on one tag, verified under its delegator's threshold. */
export interface Vouch {
  /** `targets`, or a delegated role's name as the model spells it. */
  readonly role: string;
  /** From `targets` down to `role`, both included. */
  readonly path: readonly string[];
  /** The role whose bin this is, when keys and threshold are that role's own. */
  readonly binOf?: string;
  readonly tag: string;
  /** What the role says the tag is. */
  readonly digest: string;
  /** Keys that counted toward the threshold. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** Of the role's document. */
  readonly version: number;
  /** Since when this role says so, where known. */
  readonly since?: number;
  readonly expires: number;
}

export interface FreshnessFacts {
  /** When this client last verified a timestamp. */
  readonly refreshedAt: number;
  /** The first expiry in the chain: root, timestamp, snapshot, targets, vouching roles. */
  readonly expires: number;
  /** The timestamp's `x-vidimus-issued`, where it has one. */
  readonly issued?: number;
  /** Beyond `expires`: until when the client's `staleFor` lets this already verified digest be used. */
  readonly staleUntil?: number;
}

/** Three answers; one revoked digest in any list is `revoked`, whatever the other lists say. */
export type RevocationFacts =
  /** Every list that applies was read, and none names a digest of `checked`. */
  | { readonly state: 'clear'; readonly checked: readonly string[] }
  | { readonly state: 'revoked'; readonly entries: readonly RevokedDigest[] }
  | Unknown;

export interface RevokedDigest {
  readonly digest: string;
  /** Signed text of whoever revoked; print it escaped. */
  readonly reason: string;
  readonly link?: string;
  readonly at: number;
  /** Which list. */
  readonly list: 'repository' | 'organisation';
  /** How the judged image comes to the digest: `index`, `manifest`, `config`, `layer`. */
  readonly via?: string;
}
