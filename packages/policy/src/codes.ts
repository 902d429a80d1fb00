/** Every code a decision can carry. Codes are API: logs, metrics, tests and exit codes hang on them. */

/**
 * What stands behind a refusal: the evidence was judged; or it came but could not be used; or its source
 * could not be reached. Exit codes 1, 3 and 4.
 */
export type Cause = 'judged' | 'unavailable' | 'unreachable';

const EVIDENCE_CAUSES = {
  /** Not the strict format, or another document than asked for (an HTML page, say). */
  MALFORMED: 'unavailable',
  LIMIT: 'unavailable',
  LENGTH_MISMATCH: 'unavailable',
  MISSING: 'unavailable',
  WRONG_TYPE: 'judged',
  THRESHOLD: 'judged',
  VERSION: 'judged',
  ROLLBACK: 'judged',
  EXPIRED: 'judged',
  LIFETIME: 'judged',
  HASH_MISMATCH: 'judged',
  BINDING: 'judged',
  ROLE_UNKNOWN: 'judged',
  ROOT_CHAIN: 'judged',
  /** The repository's root is not the one the anchor names. */
  ANCHOR_MISMATCH: 'judged',
  /** A manifest that is ambiguous, schema 1, too deep, or of another type or length than signed. */
  MANIFEST_INVALID: 'judged',
  /** No anchor is configured: nothing can be verified. */
  ANCHOR_MISSING: 'unavailable',
  /** The trust server answered, but not usably (401, 5xx, redirect). */
  METADATA_UNAVAILABLE: 'unavailable',
  /** The registry answered, but not usably. */
  REGISTRY_UNAVAILABLE: 'unavailable',
  /** Nobody asked for this evidence. */
  NOT_GATHERED: 'unavailable',
  /** The evidence is there but does not speak of the digest judged. */
  NOT_COVERED: 'unavailable',
  /** DNS, connection, TLS or time-out, and no cached evidence that still holds. */
  UNREACHABLE: 'unreachable',
} as const satisfies Record<string, Cause>;

/** Why a piece of evidence is unknown; the first dozen are `TufErrorCode`s. */
export type EvidenceReason = keyof typeof EVIDENCE_CAUSES;

/** All reasons, for schemas and for mapping an error's code to a reason. */
export const EVIDENCE_REASONS: readonly EvidenceReason[] =
  Object.keys(EVIDENCE_CAUSES).filter(isEvidenceReason);

/** Whether a code, say of a `TufError`, is a reason evidence can be unknown for. */
export function isEvidenceReason(code: string): code is EvidenceReason {
  return Object.hasOwn(EVIDENCE_CAUSES, code);
}

/** What refusing for this reason means: judged, or evidence that could not be had. */
export function causeOf(reason: EvidenceReason): Cause {
  return EVIDENCE_CAUSES[reason];
}

/** Codes of failures and warnings; unknown trust data is reported under its own reason. */
export type DecisionCode =
  | EvidenceReason
  /** No enforced or warning policy matches, and the bundle refuses what none matches. */
  | 'NO_POLICY'
  | 'REGISTRY_FORBIDDEN'
  | 'TAG_FORBIDDEN'
  | 'DIGEST_REQUIRED'
  /** Nothing says which digest the reference means, so nothing could be pinned. */
  | 'DIGEST_UNRESOLVED'
  | 'DIGEST_REVOKED'
  | 'REVOCATION_UNKNOWN'
  /** The repository has no trust data at all. */
  | 'NO_TRUST_DATA'
  /** Trust data is good, and no role vouches for this digest under this tag. */
  | 'NOT_VOUCHED'
  /** A role or party vouches with fewer keys or signers than the rule asks for. */
  | 'ROLE_THRESHOLD'
  /** A named signer has not vouched. */
  | 'SIGNER_MISSING'
  | 'METADATA_STALE'
  /** The registry's tag points to another digest than the vouched one. */
  | 'TAG_MOVED'
  /** The registry could not say where its tag points. */
  | 'REGISTRY_UNKNOWN'
  /** Judged from an unexpired cache, without asking the server. */
  | 'OFFLINE'
  /** Judged from expired trust data that the client's `staleFor` still allows. */
  | 'SERVED_STALE';
