/** Judging: facts and a bundle in, a decision out. Nothing else goes in, so a recorded decision can be replayed. */
import type { Bundle, CompiledPolicy, CompiledRule } from './bundle.ts';
import { causeOf } from './codes.ts';
import {
  API_VERSION,
  type DecidedImage,
  type Decision,
  type Finding,
  type UnavailableEvidence,
  type Verdict,
} from './decision.ts';
import type { Facts, Unknown } from './facts.ts';
import { tagMovedFinding } from './rules/reference.ts';
import type { JudgeInput, RuleFinding } from './rules/rule-kind.ts';
import { commandReference, usableUntil } from './rules/trust-evidence.ts';
import { formatTime } from './time.ts';

export interface EvaluateContext {
  /** Milliseconds since 1970: the larger of the clock and the last time seen. */
  readonly now: number;
  readonly decisionId: string;
  /** Of the facts as recorded; null when nobody records them. */
  readonly evidenceDigest?: string;
  /** What a registry tag beside the vouched digest means when no rule says; default `warn`. */
  readonly tagMoved?: 'warn' | 'deny';
}

/** What is gathered while the policies are gone through; owned by one call of `evaluate`. */
interface Tally {
  readonly failures: Finding[];
  readonly warnings: Finding[];
  readonly observed: Finding[];
  readonly passed: string[];
  readonly relaxedBy: string[];
  warned: boolean;
  holdsUntil: number;
}

/**
 * Decides. All matching policies and all their rules must hold; unknown evidence is not a yes.
 *
 * Monotone: for an image at least one enforced policy matches, another policy or rule never turns deny into
 * allow; nor does evidence that becomes unknown, unless a rule says so, and then `relaxedBy` names it.
 */
export function evaluate(bundle: Bundle, facts: Facts, given: EvaluateContext): Decision {
  // Of `evaluatedAt` a replay knows whole seconds, so no more is judged by.
  const context = { ...given, now: Math.floor(given.now / 1_000) * 1_000 };
  const input: JudgeInput = {
    facts,
    trust: trustNow(facts, context.now),
    signers: bundle.signers,
    now: context.now,
  };
  const tally: Tally = {
    failures: [],
    warnings: [],
    observed: [],
    passed: [],
    relaxedBy: [],
    warned: false,
    holdsUntil: Number.POSITIVE_INFINITY,
  };
  const selected = bundle.select(facts.image.repository, facts.action);
  for (const policy of selected) for (const rule of policy.rules) judgeRule(policy, rule, input, tally);

  const matched = selected.filter(counts);
  if (matched.length === 0) judgeUnmatched(bundle, facts, tally);
  judgeMovedTag(facts, context, tally);
  judgeDigest(facts, tally);
  noteCircumstances(input, tally);

  const decision: Verdict = tally.failures.length > 0 ? 'deny' : tally.warned ? 'warn' : 'allow';
  return {
    apiVersion: API_VERSION,
    kind: 'Decision',
    decision,
    outcome: matched.length === 0 ? 'default' : 'matched',
    decisionId: context.decisionId,
    evaluatedAt: formatTime(context.now),
    image: decidedImage(facts),
    bundle: { name: bundle.name, version: bundle.version, digest: bundle.digest },
    matched: matched.map((policy) => policy.name),
    failures: tally.failures,
    warnings: tally.warnings,
    passed: tally.passed,
    exceptionsUsed: [],
    relaxedBy: tally.relaxedBy,
    nextTimeChange:
      decision === 'deny' || !Number.isFinite(tally.holdsUntil) ? null : formatTime(tally.holdsUntil),
    evidence: { digest: context.evidenceDigest ?? null, unavailable: unavailableEvidence(facts) },
    retryable: decision === 'deny' && tally.failures.every((failure) => failure.cause !== 'judged'),
    observed: tally.observed,
  };
}

function counts(policy: CompiledPolicy): boolean {
  return policy.mode === 'enforce' || policy.mode === 'warn';
}

// Verified once is not verified for ever: a chain that has expired since says nothing now.
function trustNow({ trust }: Facts, now: number): Facts['trust'] {
  if (trust.state !== 'known') return trust;
  const { freshness } = trust.value;
  if (now < usableUntil(freshness)) return trust;
  return { state: 'unknown', reason: 'EXPIRED', detail: { expires: formatTime(freshness.expires) } };
}

function judgeRule(policy: CompiledPolicy, rule: CompiledRule, input: JudgeInput, tally: Tally): void {
  const { findings, holdsUntil } = rule.judge(input);
  if (!counts(policy)) {
    for (const finding of findings) tally.observed.push(toFinding(finding, policy, rule, 'warn'));
    return;
  }
  if (findings.length === 0) tally.passed.push(rule.label);
  const enforced = policy.mode === 'enforce' && rule.severity === 'error';
  if (holdsUntil !== undefined && enforced) tally.holdsUntil = Math.min(tally.holdsUntil, holdsUntil);

  for (const finding of findings) {
    const relaxed = finding.unknown === true && rule.onUnknown !== 'deny';
    if (relaxed && !tally.relaxedBy.includes(rule.label)) tally.relaxedBy.push(rule.label);
    if (enforced && !relaxed) {
      tally.failures.push(toFinding(finding, policy, rule, 'error'));
      continue;
    }
    tally.warnings.push(toFinding(finding, policy, rule, 'warn'));
    // What would have been refused, were the policy enforced, is the verdict "warn"; a note is not.
    if (relaxed ? rule.onUnknown === 'warn' : rule.severity === 'error') tally.warned = true;
  }
}

function judgeUnmatched(bundle: Bundle, { image }: Facts, tally: Tally): void {
  if (bundle.unmatched === 'allow') return;
  const denies = bundle.unmatched === 'deny';
  const finding = general(
    {
      code: 'NO_POLICY',
      cause: 'judged',
      summary: `no policy matches ${image.repository}`,
      facts: { repository: image.repository, unmatched: bundle.unmatched },
      fix: [`write a policy that matches ${image.repository}: vidimus policy init`],
    },
    denies ? 'error' : 'warn',
  );
  if (denies) tally.failures.push(finding);
  else {
    tally.warnings.push(finding);
    tally.warned = true;
  }
}

// A rule that denies moved tags has spoken already; without one the caller's or the default answer holds.
function judgeMovedTag(facts: Facts, { tagMoved = 'warn' }: EvaluateContext, tally: Tally): void {
  const moved = tagMovedFinding(facts);
  if (moved === undefined) return;
  const reported = (findings: readonly Finding[]) => findings.some((finding) => finding.code === moved.code);
  if (reported(tally.failures)) return;
  if (tagMoved === 'deny') {
    tally.failures.push(general(moved, 'error'));
  } else if (moved.unknown !== true && !reported(tally.warnings)) {
    tally.warnings.push(general(moved, 'warn'));
    tally.warned = true;
  }
}

// Every edge pins or refuses: whatever policies say, an allowed image has a digest.
function judgeDigest({ image, trust }: Facts, tally: Tally): void {
  if (image.digest !== undefined || tally.failures.length > 0) return;
  const cause = trust.state === 'unknown' ? causeOf(trust.reason) : 'judged';
  const finding: RuleFinding = {
    code: 'DIGEST_UNRESOLVED',
    cause,
    summary: 'nothing says which digest this tag is',
    facts: { tag: image.tag ?? null, ...(trust.state === 'unknown' ? { reason: trust.reason } : {}) },
    fix: [`vidimus inspect ${image.repository}`],
  };
  tally.failures.push(general(finding, 'error'));
}

function noteCircumstances({ facts, trust, now }: JudgeInput, tally: Tally): void {
  if (trust.state !== 'known') return;
  const { expires } = trust.value.freshness;
  const holds = usableUntil(trust.value.freshness);
  const fix = [`vidimus verify ${commandReference(facts.image)} --online`];
  if (expires <= now) {
    tally.warnings.push(
      general(
        {
          code: 'SERVED_STALE',
          cause: 'judged',
          summary: `the trust data expired ${formatTime(expires)} and is used until ${formatTime(holds)}`,
          facts: { expires: formatTime(expires), until: formatTime(holds) },
          fix,
        },
        'warn',
      ),
    );
  }
  if (!facts.offline) return;
  tally.warnings.push(
    general(
      {
        code: 'OFFLINE',
        cause: 'judged',
        summary: `judged from verified data in the cache, good until ${formatTime(holds)}`,
        facts: { refreshedAt: formatTime(trust.value.freshness.refreshedAt), until: formatTime(holds) },
        fix,
      },
      'warn',
    ),
  );
}

function unavailableEvidence({ trust, revocation, registryDigest }: Facts): UnavailableEvidence[] {
  const sources = [
    ['trust', trust],
    ['revocation', revocation],
    ['registry', registryDigest],
  ] as const;
  return sources.flatMap(([evidence, one]) => (one.state === 'unknown' ? unavailable(evidence, one) : []));
}

function unavailable(evidence: UnavailableEvidence['evidence'], { reason }: Unknown): UnavailableEvidence[] {
  const cause = causeOf(reason);
  return cause === 'judged' ? [] : [{ evidence, reason, cause }];
}

function decidedImage({ image }: Facts): DecidedImage {
  return {
    requested: image.requested,
    repository: image.repository,
    tag: image.tag ?? null,
    digest: image.digest ?? null,
    size: image.size ?? null,
    mediaType: image.mediaType ?? null,
    platforms: image.platforms,
    resolved: image.digest === undefined ? null : `${image.repository}@${image.digest}`,
    ...(image.via === undefined ? {} : { via: image.via }),
  };
}

function toFinding(
  finding: RuleFinding,
  policy: CompiledPolicy,
  rule: CompiledRule,
  severity: Finding['severity'],
): Finding {
  const { code, cause, summary, facts, fix } = finding;
  return {
    policy: policy.name,
    rule: rule.id,
    code,
    severity,
    cause,
    summary,
    facts,
    fix,
    source: rule.source,
  };
}

function general(finding: RuleFinding, severity: Finding['severity']): Finding {
  const { code, cause, summary, facts, fix } = finding;
  return { policy: null, rule: null, code, severity, cause, summary, facts, fix, source: null };
}
