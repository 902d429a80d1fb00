/** Judging alone: 1,000 rules, of which 20 apply, and 20 signatures. */
import {
  type Bundle,
  compilePolicies,
  evaluate,
  type Facts,
  formatPolicyError,
  type PolicySource,
} from '@vidimus/policy';
import { median, percentile, processorMsOf, type Row } from './measure.ts';
import type { Section } from './section.ts';

const policies = 250;
const rulesPerPolicy = 4;
/** Policies that match the judged image. */
const matching = 5;
const signatures = 20;
const roundMs = 1_000;
const rounds = 3;
const hourMs = 3_600_000;
const nowMs = Date.UTC(2026, 10, 21, 8);
const digest = `sha256:${'a'.repeat(64)}`;
const repository = 'registry.example.com/team-0/web';
const keyIds = Array.from({ length: signatures }, (_, i) => i.toString(16).padStart(64, '0'));

export const policySection: Section = {
  name: 'policy',
  title: `${policies * rulesPerPolicy} rules, ${matching * rulesPerPolicy} of them apply, ${signatures} signatures`,
  async *run() {
    const sources = makeSources();
    const compileMs = processorMsOf(() => compile(sources));
    const bundle = compile(sources);
    const facts = makeFacts();
    const judge = () => evaluate(bundle, facts, { now: nowMs, decisionId: 'bench' });
    if (judge().decision !== 'allow') throw new Error('the image of the benchmark is refused');
    const rates: number[] = [];
    const latencies: number[] = [];
    for (let round = 0; round < rounds; round += 1) rates.push(measure(judge, latencies));
    const perSecond = median(rates);
    const p99 = percentile(latencies, 0.99);
    yield row('decisions/s on one core', `${Math.round(perSecond)}/s`, '>= 10,000/s', perSecond >= 10_000);
    yield row('decision, p99', `${p99.toFixed(3)} ms`, '<= 0.5 ms', p99 <= 0.5);
    yield row('compiling them', `${compileMs.toFixed(0)} ms`, '<= 200 ms', compileMs <= 200);
  },
};

/** Decisions a second of processor time; appends how long each took. The first fifth of a second only warms up. */
function measure(judge: () => unknown, latencies: number[]): number {
  const warm = performance.now() + roundMs / 5;
  while (performance.now() < warm) judge();
  const counted = latencies.length;
  const usedMs = processorMsOf(() => {
    const start = performance.now();
    let before = start;
    while (before - start < roundMs) {
      judge();
      const after = performance.now();
      latencies.push(after - before);
      before = after;
    }
  });
  return ((latencies.length - counted) * 1_000) / usedMs;
}

function compile(sources: readonly PolicySource[]): Bundle {
  const { bundle, errors } = compilePolicies(sources);
  if (bundle !== undefined) return bundle;
  throw new Error(errors.map(formatPolicyError).join('\n'));
}

function makeSources(): readonly PolicySource[] {
  const teams = policies / matching;
  const texts = Array.from({ length: policies }, (_, i) => policyText(i, `team-${i % teams}`));
  return [signersText(), ...texts].map((text, i) => ({ file: `${i}.yaml`, text }));
}

function policyText(number: number, team: string): string {
  return `apiVersion: vidimus.dev/v1
kind: TrustPolicy
metadata: {name: policy-${number}}
spec:
  match: {images: ["registry.example.com/${team}/**"]}
  rules:
    - {id: signed, require: {signatures: {allOf: [{party: everyone, threshold: 10}, {tufRole: targets}]}}}
    - {id: not-revoked, require: {revocation: {revoked: deny}}}
    - {id: fresh, require: {metadata: {issuedWithin: 7d}}}
    - {id: versioned, require: {reference: {denyTags: [latest, "dev-*"]}}}
`;
}

function signersText(): string {
  const signers = keyIds.map((keyId, i) => `  signer-${i}: {keys: ["${keyId}"]}`);
  const names = keyIds.map((_, i) => `signer-${i}`).join(', ');
  return `apiVersion: vidimus.dev/v1
kind: TrustSigners
metadata: {name: signers}
signers:
${signers.join('\n')}
parties:
  everyone: {signers: [${names}], threshold: 10}
`;
}

function makeFacts(): Facts {
  const vouch = {
    role: 'targets',
    path: ['targets'],
    tag: '1.4',
    digest,
    threshold: signatures,
    version: 3,
    keyIds,
    expires: nowMs + 24 * hourMs,
  };
  return {
    action: 'pull',
    image: {
      requested: `${repository}:1.4`,
      registry: 'registry.example.com',
      path: 'team-0/web',
      repository,
      tag: '1.4',
      implicitTag: false,
      digestRequested: false,
      digest,
      size: 1_234,
      platforms: ['linux/amd64', 'linux/arm64'],
    },
    trust: {
      state: 'known',
      value: {
        dialect: 'tuf',
        anchor: 'root',
        vouchedBy: [vouch],
        freshness: { refreshedAt: nowMs - hourMs, expires: nowMs + 20 * hourMs, issued: nowMs - 2 * hourMs },
      },
    },
    revocation: { state: 'clear', checked: [digest] },
    registryDigest: { state: 'known', value: digest },
    offline: false,
  };
}

function row(what: string, value: string, reach: string, met: boolean): Row {
  return { what, value, reach, met };
}
