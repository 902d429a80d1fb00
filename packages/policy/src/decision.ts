/** What judging answers. The shape is API (log record, HTTP body, `--json`, replay). */
import type { Cause, DecisionCode, EvidenceReason } from './codes.ts';
import type { SourcePosition } from './errors.ts';
import type { FactDetail } from './facts.ts';

export const API_VERSION = 'vidimus.dev/v1';

export type Verdict = 'allow' | 'warn' | 'deny';

/** A rule that does not hold, or something a person should know. */
export interface Finding {
  /** Null when no policy is behind it (nothing matched, no digest, offline). */
  readonly policy: string | null;
  readonly rule: string | null;
  readonly code: DecisionCode;
  /** `error` denies; `warn` does not. */
  readonly severity: 'error' | 'warn';
  readonly cause: Cause;
  /** One sentence; holds no raw text of others. */
  readonly summary: string;
  readonly facts: FactDetail;
  /** What a person can do: command lines of `vidimus`, or one plain sentence each. */
  readonly fix: readonly string[];
  readonly source: SourcePosition | null;
}

/** Evidence that could not be had; evidence that was refused is a finding under its own code. */
export interface UnavailableEvidence {
  readonly evidence: 'trust' | 'revocation' | 'registry';
  readonly reason: EvidenceReason;
  readonly cause: 'unavailable' | 'unreachable';
}

/** A decision; equal facts, bundle and context give an equal one, byte for byte when printed as JSON. */
export interface Decision {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'Decision';
  readonly decision: Verdict;
  /** `default`: nothing matched, and the bundle's default decided. */
  readonly outcome: 'matched' | 'default';
  readonly decisionId: string;
  /** RFC 3339, UTC, seconds. */
  readonly evaluatedAt: string;
  readonly image: DecidedImage;
  readonly bundle: { readonly name: string; readonly version: number; readonly digest: string | null };
  /** Names of the policies that count: mode enforce or warn. */
  readonly matched: readonly string[];
  readonly failures: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** `policy/rule` of every rule that holds. */
  readonly passed: readonly string[];
  readonly exceptionsUsed: readonly string[];
  /** `policy/rule` of every rule that let unknown evidence through because it says so. */
  readonly relaxedBy: readonly string[];
  /** When time alone would first turn this into a refusal; null for a refusal. */
  readonly nextTimeChange: string | null;
  readonly evidence: { readonly digest: string | null; readonly unavailable: readonly UnavailableEvidence[] };
  /** Everything that denies is evidence that could not be had: asking again may help. */
  readonly retryable: boolean;
  /** Findings of policies in mode audit or shadow; they never change the decision. */
  readonly observed: readonly Finding[];
}

export interface DecidedImage {
  readonly requested: string;
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string | null;
  readonly size: number | null;
  readonly mediaType: string | null;
  readonly platforms: readonly string[];
  /** `<repository>@sha256:...`: what to pull, and nothing else; null when there is no digest. */
  readonly resolved: string | null;
  /** The vouched index that lists the digest, where no role names it itself. */
  readonly via?: string;
}

const ORDER: readonly Cause[] = ['judged', 'unavailable', 'unreachable'];

/** Why a decision denies, the gravest cause first (exit codes 1, 3, 4); undefined when it does not deny. */
export function denialCause(decision: Decision): Cause | undefined {
  if (decision.decision !== 'deny') return undefined;
  return ORDER.find((cause) => decision.failures.some((failure) => failure.cause === cause)) ?? 'judged';
}
