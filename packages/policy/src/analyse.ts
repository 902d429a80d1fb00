/** What can be said about policies without any image. Exact findings only: no guesses, no style. */
import { globsCover, globsOverlap, looksLikeRegistry, splitGlob } from '@vidimus/reference';
import type { Bundle, CompiledPolicy, CompiledRule } from './bundle.ts';
import type { SourcePosition } from './errors.ts';
import { requirementsOf } from './rules/signatures.ts';

export type AnalysisCode =
  /** No image can match: every pattern is excluded, or names no host. */
  | 'MATCHES_NOTHING'
  /** One of several patterns can never match. */
  | 'PATTERN_UNREACHABLE'
  /** A rule is shadowed by another one of its own policy that says the same or more. */
  | 'RULE_UNREACHABLE'
  /** A rule refuses every image its policy matches, or two rules refuse all images both match. */
  | 'CONTRADICTION'
  /** A threshold above the number of members: nobody can ever satisfy it. */
  | 'THRESHOLD_UNREACHABLE';

export interface AnalysisFinding {
  /** `error`: the policy can never do what it says. */
  readonly level: 'error' | 'warning';
  readonly code: AnalysisCode;
  readonly policy: string;
  readonly rule: string | null;
  readonly message: string;
  /** A repository the finding is about. */
  readonly witness?: string;
  readonly source: SourcePosition;
}

const MAX_PAIRS = 20_000;

/** Analyses a bundle; findings in the order of its policies. */
export function analyse(bundle: Bundle): readonly AnalysisFinding[] {
  return [
    ...bundle.policies.flatMap(unmatchable),
    ...bundle.policies.flatMap((policy) => unreachableRules(policy)),
    ...bundle.policies.flatMap((policy) => refusingRules(policy)),
    ...contradictions(bundle),
    ...unreachableThresholds(bundle),
  ];
}

function unmatchable(policy: CompiledPolicy): AnalysisFinding[] {
  const live = policy.images.filter((pattern) => namesHost(pattern) && !covered([pattern], policy.exclude));
  if (live.length === 0) {
    return [
      about(
        policy,
        null,
        'error',
        'MATCHES_NOTHING',
        `${policy.name} matches no image: every pattern is excluded or names no host`,
      ),
    ];
  }
  return policy.images
    .filter((pattern) => !live.includes(pattern))
    .map((pattern) =>
      about(policy, null, 'warning', 'PATTERN_UNREACHABLE', `${policy.name}: ${pattern} matches no image`),
    );
}

// `team/app` can match nothing: a normalised name begins with its host.
function namesHost(pattern: string): boolean {
  const [first = ''] = splitGlob(pattern);
  return first.includes('*') || looksLikeRegistry(first);
}

function covered(patterns: readonly string[], by: readonly string[]): boolean {
  return by.length > 0 && globsCover(patterns, by) === true;
}

function unreachableRules(policy: CompiledPolicy): AnalysisFinding[] {
  const seen = new Map<string, CompiledRule>();
  return policy.rules.flatMap((rule) => {
    const text = JSON.stringify([rule.require, rule.severity, rule.onUnknown]);
    const first = seen.get(text);
    if (first === undefined) seen.set(text, rule);
    else return [about(policy, rule, 'warning', 'RULE_UNREACHABLE', `${rule.label} repeats ${first.label}`)];
    const { registry } = rule.require;
    const hosts = literalHosts(policy);
    if (registry === undefined || hosts === undefined || !hosts.every((host) => registry.in.includes(host)))
      return [];
    return [
      about(
        policy,
        rule,
        'warning',
        'RULE_UNREACHABLE',
        `${rule.label} can never fail: the policy matches ${hosts.join(', ')} only`,
      ),
    ];
  });
}

/** The hosts a policy matches, where every pattern names its own. */
function literalHosts(policy: CompiledPolicy): readonly string[] | undefined {
  const hosts = policy.images.map((pattern) => splitGlob(pattern)[0] ?? '*');
  return hosts.some((host) => host.includes('*')) ? undefined : [...new Set(hosts)];
}

function refusingRules(policy: CompiledPolicy): AnalysisFinding[] {
  return policy.rules.flatMap((rule) => {
    const { registry, reference } = rule.require;
    const hosts = literalHosts(policy);
    if (registry !== undefined && hosts !== undefined && !hosts.some((host) => registry.in.includes(host))) {
      const message = `${rule.label} refuses every image of ${policy.name}, which matches ${hosts.join(', ')} only`;
      return [about(policy, rule, 'error', 'CONTRADICTION', message)];
    }
    const denied = reference?.denyTags ?? [];
    const allowed = reference?.allowTags ?? [];
    if (allowed.length > 0 && allowed.every((tag) => denied.includes(tag) || denied.includes('*'))) {
      return [about(policy, rule, 'error', 'CONTRADICTION', `${rule.label} denies every tag it allows`)];
    }
    return [];
  });
}

interface RegistryRuleOf {
  readonly policy: CompiledPolicy;
  readonly rule: CompiledRule;
  readonly hosts: readonly string[];
}

// Two lists of registries without a common host refuse every image both policies match.
function contradictions(bundle: Bundle): AnalysisFinding[] {
  const rules: RegistryRuleOf[] = bundle.policies
    .filter((policy) => policy.mode === 'enforce')
    .flatMap((policy) =>
      policy.rules.flatMap((rule) =>
        rule.require.registry === undefined || rule.severity === 'warn'
          ? []
          : [{ policy, rule, hosts: rule.require.registry.in }],
      ),
    );
  const pairs = rules.flatMap((left, index) => rules.slice(index + 1).map((right) => [left, right] as const));
  return pairs.slice(0, MAX_PAIRS).flatMap(([left, right]) => {
    if (left.hosts.some((host) => right.hosts.includes(host)) || !sameAction(left.policy, right.policy))
      return [];
    const witness = overlap(left.policy, right.policy);
    if (witness === undefined) return [];
    const message = `${left.rule.label} and ${right.rule.label} allow no registry in common, and both match ${witness}`;
    return [{ ...about(right.policy, right.rule, 'error', 'CONTRADICTION', message), witness }];
  });
}

function sameAction(left: CompiledPolicy, right: CompiledPolicy): boolean {
  const { actions } = right;
  return (
    left.actions === undefined || actions === undefined || left.actions.some((one) => actions.includes(one))
  );
}

function overlap(left: CompiledPolicy, right: CompiledPolicy): string | undefined {
  if (left === right) return left.exclude.length > 0 ? undefined : globsOverlap(left.images, left.images);
  // With excludes the witness may be excluded; then nothing is claimed.
  const witness = globsOverlap(left.images, right.images);
  const excluded = [...left.exclude, ...right.exclude];
  return witness !== undefined && covered([witness], excluded) ? undefined : witness;
}

function unreachableThresholds(bundle: Bundle): AnalysisFinding[] {
  return bundle.policies.flatMap((policy) =>
    policy.rules.flatMap((rule) => {
      const { signatures } = rule.require;
      return (signatures === undefined ? [] : requirementsOf(signatures)).flatMap((one) => {
        if (!('party' in one)) return [];
        const party = bundle.signers.parties.get(one.party);
        const need = one.threshold ?? party?.threshold ?? 1;
        const members = party?.signers.length ?? 0;
        if (need <= members) return [];
        const message = `${rule.label} asks ${need} of ${one.party}, which has ${members} members`;
        return [about(policy, rule, 'error', 'THRESHOLD_UNREACHABLE', message)];
      });
    }),
  );
}

function about(
  policy: CompiledPolicy,
  rule: CompiledRule | null,
  level: AnalysisFinding['level'],
  code: AnalysisCode,
  message: string,
): AnalysisFinding {
  return {
    level,
    code,
    policy: policy.name,
    rule: rule?.id ?? null,
    message,
    source: rule?.source ?? policy.source,
  };
}
