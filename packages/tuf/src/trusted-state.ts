/** What a refresh hands back: everything that is trusted now, with the bytes an auditor can export. */
import type { Root, Snapshot, Target, Targets, Timestamp } from './model.ts';
import type { Verified, VerifyContext } from './verify-document.ts';

export interface TrustedState extends VerifyContext {
  /** Effective now, milliseconds since 1970: the clock, or the last time seen where that is later. Keep it. */
  readonly now: number;
  /** From the root the anchor vouches for to the newest, without a gap. The first is what a first use pins. */
  readonly roots: readonly Verified<Root>[];
  /** The newest of `roots`. */
  readonly root: Verified<Root>;
  readonly timestamp: Verified<Timestamp>;
  readonly snapshot: Verified<Snapshot>;
  readonly targets: Verified<Targets>;
}

/** One role on the way from targets to the role that lists a target: who vouches. */
export interface ChainLink {
  readonly role: string;
  readonly version: number;
  /** Keys whose signatures counted under this link's delegator. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** Milliseconds since 1970; absent where the document does not say. */
  readonly issued?: number;
}

/** A target with the chain of roles that vouches for it, top-level targets first. */
export interface FoundTarget {
  readonly target: Target;
  readonly chain: readonly ChainLink[];
}

export function toChainLink({ role, document, keyIds, threshold }: Verified): ChainLink {
  const { version, expires, binding } = document;
  const issued = binding.issued === undefined ? {} : { issued: binding.issued };
  return { role, version, keyIds, threshold, expires, ...issued };
}
