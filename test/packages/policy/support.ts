import {
  type Bundle,
  compilePolicies,
  type Decision,
  evaluate,
  type Facts,
  formatPolicyError,
  type TrustFacts,
  type Vouch,
} from '@vidimus/policy';

export const NOW = Date.parse('2026-11-21T08:00:00Z');
export const HOUR = 3_600_000;
export const DIGEST = `sha256:${'a'.repeat(64)}`;
export const OTHER = `sha256:${'b'.repeat(64)}`;
export const REPOSITORY = 'registry.example.com/shop/web';

export const vouch: Vouch = {
  role: 'targets',
  path: ['targets'],
  tag: '1.4',
  digest: DIGEST,
  keyIds: ['k1'],
  threshold: 1,
  version: 3,
  expires: NOW + 90 * 24 * HOUR,
};

export const trustFacts: TrustFacts = {
  dialect: 'tuf',
  anchor: 'root',
  vouchedBy: [vouch],
  freshness: { refreshedAt: NOW - HOUR, expires: NOW + 20 * HOUR, issued: NOW - 2 * HOUR },
};

/** Facts of an image that is in order. */
export const good: Facts = {
  action: 'pull',
  image: {
    requested: `${REPOSITORY}:1.4`,
    registry: 'registry.example.com',
    path: 'shop/web',
    repository: REPOSITORY,
    tag: '1.4',
    implicitTag: false,
    digestRequested: false,
    digest: DIGEST,
    size: 1234,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    platforms: ['linux/amd64', 'linux/arm64'],
  },
  trust: { state: 'known', value: trustFacts },
  revocation: { state: 'clear', checked: [DIGEST] },
  registryDigest: { state: 'known', value: DIGEST },
  offline: false,
};

export function withTrust(change: Partial<TrustFacts>, facts: Facts = good): Facts {
  return { ...facts, trust: { state: 'known', value: { ...trustFacts, ...change } } };
}

export function withImage(change: Partial<Facts['image']>, facts: Facts = good): Facts {
  return { ...facts, image: { ...facts.image, ...change } };
}

export function policyText(
  name: string,
  rules: readonly string[],
  options: { mode?: string; images?: string } = {},
): string {
  const { mode = 'enforce', images = '"**"' } = options;
  return [
    'apiVersion: vidimus.dev/v1',
    'kind: TrustPolicy',
    `metadata: {name: ${name}}`,
    'spec:',
    `  mode: ${mode}`,
    `  match: {images: [${images}]}`,
    '  rules:',
    ...rules.map((rule, index) => `    - {id: r${index}, ${rule}}`),
  ].join('\n');
}

export const SIGNERS = `apiVersion: vidimus.dev/v1
kind: TrustSigners
metadata: {name: signers}
signers:
  alice: {keys: ["${'1'.repeat(64)}", "${'2'.repeat(64)}"]}
  dana: {keys: ["${'3'.repeat(64)}"]}
  ci: {delegation: ci}
parties:
  managers: {signers: [alice, dana, ci], threshold: 2}
`;

export function compile(...texts: string[]): Bundle {
  const { bundle, errors } = compilePolicies(texts.map((text, index) => ({ file: `f${index}.yaml`, text })));
  if (bundle === undefined) throw new Error(errors.map(formatPolicyError).join('\n'));
  return bundle;
}

export function decide(bundle: Bundle, facts: Facts, tagMoved?: 'warn' | 'deny'): Decision {
  return evaluate(bundle, facts, {
    now: NOW,
    decisionId: 'd1',
    ...(tagMoved === undefined ? {} : { tagMoved }),
  });
}

export function judge(rule: string, facts: Facts): Decision {
  return decide(compile(policyText('p', [rule]), SIGNERS), facts);
}

export function codes(decision: Decision): string[] {
  return decision.failures.map((failure) => failure.code);
}
