/** Runs the cases of a TrustTest and says which rules were seen passing and failing. */
import { formatReference, parseReference } from '@vidimus/reference';
import type { Bundle } from './bundle.ts';
import type { Decision, Finding } from './decision.ts';
import type { SourcePosition } from './errors.ts';
import { evaluate } from './evaluate.ts';
import { explain } from './explain.ts';
import type { Facts } from './facts.ts';
import type { Expectation, TestCase, TestEvidence, TrustTest } from './trust-test.ts';

export interface CaseResult {
  readonly name: string;
  readonly ok: boolean;
  /** One line for each expectation that was not met. */
  readonly differences: readonly string[];
  readonly decision: Decision;
  /** The decision explained, for a case that failed. */
  readonly because: readonly string[];
  readonly source: SourcePosition;
}

/** How often a rule was seen holding and not holding. */
export interface RuleCoverage {
  readonly policy: string;
  readonly rule: string;
  readonly passed: number;
  readonly failed: number;
  readonly source: SourcePosition;
}

export interface TestReport {
  readonly file: string;
  readonly cases: readonly CaseResult[];
  readonly coverage: readonly RuleCoverage[];
}

/** Runs every case against the bundle compiled from the files the test names. */
export function runTests(bundle: Bundle, test: TrustTest): TestReport {
  const cases = test.cases.map((one) => runCase(bundle, test, one));
  return {
    file: test.file,
    cases,
    coverage: coverageOf(
      bundle,
      cases.map((one) => one.decision),
    ),
  };
}

/** Adds up coverage of several reports; a rule is told by its policy, id and place. */
export function mergeCoverage(reports: readonly TestReport[]): readonly RuleCoverage[] {
  const merged = new Map<string, RuleCoverage>();
  for (const one of reports.flatMap((report) => report.coverage)) {
    const key = `${one.source.file} ${one.policy}/${one.rule}`;
    const before = merged.get(key);
    merged.set(key, {
      ...one,
      passed: one.passed + (before?.passed ?? 0),
      failed: one.failed + (before?.failed ?? 0),
    });
  }
  return [...merged.values()];
}

function runCase(bundle: Bundle, test: TrustTest, one: TestCase): CaseResult {
  const now = one.now ?? test.defaults.now ?? 0;
  const facts = toFacts(one, test, now);
  const decision = evaluate(bundle, facts, { now, decisionId: 'test' });
  const differences = compare(one.expect, decision, formatReference(parseReference(facts.image.requested)));
  const ok = differences.length === 0;
  return {
    name: one.name,
    ok,
    differences,
    decision,
    because: ok ? [] : explain(decision),
    source: one.source,
  };
}

// Evidence a case does not give is unknown, never empty.
function toFacts(one: TestCase, test: TrustTest, now: number): Facts {
  const requested = one.image ?? test.defaults.image ?? '';
  const reference = parseReference(requested);
  const evidence = one.evidence ?? test.defaults.evidence;
  const digest = evidence?.digest ?? reference.digest;
  return {
    action: one.action ?? test.defaults.action ?? 'pull',
    image: {
      requested,
      registry: reference.registry,
      path: reference.path,
      repository: reference.repository,
      implicitTag: reference.implicitTag,
      digestRequested: reference.digest !== undefined,
      platforms: evidence?.platforms ?? [],
      ...(reference.tag === undefined ? {} : { tag: reference.tag }),
      ...(digest === undefined ? {} : { digest }),
      ...(evidence?.via === undefined ? {} : { via: evidence.via }),
    },
    trust: toTrust(evidence?.trust, {
      tag: reference.tag ?? 'latest',
      digest: evidence?.via ?? digest ?? '',
      now,
    }),
    revocation: toRevocation(evidence, digest, now),
    registryDigest: toRegistry(evidence?.registry),
    offline: evidence?.offline ?? false,
  };
}

function toTrust(
  trust: TestEvidence['trust'],
  { tag, digest, now }: { tag: string; digest: string; now: number },
): Facts['trust'] {
  if (trust === undefined) return { state: 'unknown', reason: 'NOT_GATHERED' };
  if (trust === 'absent') return { state: 'absent' };
  if ('unknown' in trust) return { state: 'unknown', reason: trust.unknown };
  const expires = now + trust.expiresIn;
  return {
    state: 'known',
    value: {
      dialect: trust.dialect,
      anchor: trust.anchor,
      mirrored: trust.mirrored,
      vouchedBy: trust.vouchedBy.map((vouch) => ({
        role: vouch.role,
        path: vouch.role === 'targets' ? ['targets'] : ['targets', vouch.role],
        ...(vouch.binOf === undefined ? {} : { binOf: vouch.binOf }),
        tag: vouch.tag ?? tag,
        digest: vouch.digest ?? digest,
        keyIds: vouch.keys,
        threshold: vouch.threshold,
        version: 1,
        expires,
      })),
      freshness: {
        refreshedAt: now - trust.refreshed,
        expires,
        ...(trust.issued === undefined ? {} : { issued: now - trust.issued }),
        ...(trust.staleIn === undefined ? {} : { staleUntil: now + trust.staleIn }),
      },
    },
  };
}

function toRevocation(
  evidence: TestEvidence | undefined,
  digest: string | undefined,
  now: number,
): Facts['revocation'] {
  const revocation = evidence?.revocation;
  if (revocation === undefined) return { state: 'unknown', reason: 'NOT_GATHERED' };
  if (revocation === 'clear') {
    return { state: 'clear', checked: [digest, evidence?.via].filter((one) => one !== undefined) };
  }
  if ('unknown' in revocation) return { state: 'unknown', reason: revocation.unknown };
  const entries = revocation.map((one) => ({
    digest: one.digest ?? digest ?? '',
    reason: one.reason,
    at: now,
    list: one.list,
    ...(one.via === undefined ? {} : { via: one.via }),
  }));
  return { state: 'revoked', entries };
}

function toRegistry(registry: TestEvidence['registry']): Facts['registryDigest'] {
  if (registry === undefined) return { state: 'unknown', reason: 'NOT_GATHERED' };
  if (registry === 'absent') return { state: 'absent' };
  if (typeof registry === 'string') return { state: 'known', value: registry };
  return { state: 'unknown', reason: registry.unknown };
}

function compare(expected: Expectation, decision: Decision, normalised: string): string[] {
  const deciding = decision.decision === 'deny' ? decision.failures : decision.warnings;
  const warnings = decision.warnings.flatMap(({ code, rule }) => (rule === null ? [code] : [code, rule]));
  return [
    differs('decision', expected.decision, decision.decision),
    differs('outcome', expected.outcome, decision.outcome),
    differs('codes', sorted(expected.codes), sorted(deciding.map(({ code }) => code))),
    differs('failed', sorted(expected.failed), sorted(rulesOf(deciding))),
    differs('matched', sorted(expected.matchedPolicies), sorted(decision.matched)),
    differs('relaxedBy', sorted(expected.relaxedBy), sorted(decision.relaxedBy)),
    differs('pin', expected.pin, decision.image.digest ?? 'none'),
    differs('normalised', expected.normalised, normalised),
    ...(expected.warnings ?? [])
      .filter((one) => !warnings.includes(one))
      .map((one) => `warnings: expected ${one}, got ${sorted(warnings) || 'none'}`),
  ].filter((line) => line !== undefined);
}

function differs(what: string, expected: string | undefined, got: string): string | undefined {
  return expected === undefined || expected === got
    ? undefined
    : `${what}: expected ${expected || 'none'}, got ${got || 'none'}`;
}

function sorted(list: readonly string[]): string;
function sorted(list: readonly string[] | undefined): string | undefined;
function sorted(list: readonly string[] | undefined): string | undefined {
  return list === undefined ? undefined : [...new Set(list)].sort().join(', ');
}

function rulesOf(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ rule }) => (rule === null ? [] : [rule]));
}

function coverageOf(bundle: Bundle, decisions: readonly Decision[]): RuleCoverage[] {
  return bundle.policies.flatMap(({ name, rules }) =>
    rules
      .filter((rule) => rule.implied !== true)
      .map((rule) => ({
        policy: name,
        rule: rule.id,
        passed: decisions.filter((decision) => decision.passed.includes(rule.label)).length,
        failed: decisions.filter((decision) => failing(decision).has(rule.label)).length,
        source: rule.source,
      })),
  );
}

function failing({ failures, warnings, observed }: Decision): ReadonlySet<string> {
  return new Set([...failures, ...warnings, ...observed].map(({ policy, rule }) => `${policy}/${rule}`));
}
