/**
 * What a client is willing to read and do for a stranger (attack T33). Checked before the work they bound.
 * The references allow 512,000 / 16,384 / 2,000,000 / 5,000,000 bytes, 256 rotations and 32 delegations.
 */

export interface Limits {
  /** Largest file by role, bytes; a delegated role counts as targets. A parent's `length` can only lower it. */
  readonly rootBytes: number;
  readonly timestampBytes: number;
  readonly snapshotBytes: number;
  readonly targetsBytes: number;
  /** New roots accepted in one refresh. */
  readonly rootRotations: number;
  /** Delegations visited in one look-up, top-level targets not counted. */
  readonly delegations: number;
  /** Delegations visited when all targets are listed. */
  readonly listedDelegations: number;
}

export const DEFAULT_LIMITS: Limits = {
  rootBytes: 512_000,
  timestampBytes: 16_384,
  // 16,384 bins with hashes take 2.2 MB.
  snapshotBytes: 8_000_000,
  // Flat targets: 100,000 rich records take 26 MB.
  targetsBytes: 64 * 1024 * 1024,
  rootRotations: 256,
  delegations: 32,
  listedDelegations: 32_768,
};

/** Deepest nesting of a metadata file; the format itself needs 7, the rest is for `custom`. */
export const MAX_DEPTH = 64;
/** Most values of one file: about ten for each target record of the largest file allowed. */
export const MAX_VALUES = 4_194_304;
export const MAX_SIGNATURES = 1_024;
/** Signatures of one key that are tried, in a dialect where a file may carry several: each costs a look at all of it. */
export const MAX_TRIES_PER_KEY = 4;
/** Keys of one `keys` map. */
export const MAX_KEYS = 16_384;
/** Key ids of one role. */
export const MAX_ROLE_KEY_IDS = 1_024;
/** Entries of one `delegations.roles`: classic hashed bins reach 16,384. */
export const MAX_DELEGATIONS = 32_768;
/** Longest name of a delegated role, UTF-16 units. */
export const MAX_ROLE_NAME = 255;
/** A timestamp issued later than this after the client's now is refused. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000;
