import { describe, expect, it } from 'vitest';
import { codes, compile, DIGEST, decide, good, NOW, policyText } from './support.ts';

const revoked = {
  ...good,
  revocation: {
    state: 'revoked',
    entries: [{ digest: DIGEST, reason: 'CVE', at: NOW, list: 'repository' }],
  },
} as const;

describe('a policy that relies on trust data and does not speak of revocation', () => {
  const relying = compile(policyText('base', ['require: {signatures: {allOf: [{tufRole: targets}]}}']));

  it('still refuses what was revoked', () => {
    const decision = decide(relying, revoked);
    expect(decision.decision).toBe('deny');
    expect(codes(decision)).toContain('DIGEST_REVOKED');
  });

  it('still refuses when nobody can say', () => {
    const decision = decide(relying, { ...good, revocation: { state: 'unknown', reason: 'ROLLBACK' } });
    expect(codes(decision)).toContain('REVOCATION_UNKNOWN');
  });

  it('is as grave as the rule that trusts the data', () => {
    const warned = compile(
      policyText('base', ['severity: warn, require: {signatures: {allOf: [{tufRole: targets}]}}']),
    );
    expect(decide(warned, revoked)).toMatchObject({ decision: 'allow' });
    expect(decide(warned, revoked).warnings.map((finding) => finding.code)).toContain('DIGEST_REVOKED');
  });

  it('says it once where the policy names revocation itself', () => {
    const named = compile(
      policyText('base', [
        'require: {signatures: {allOf: [{tufRole: targets}]}}',
        'require: {revocation: {}}',
      ]),
    );
    expect(codes(decide(named, revoked))).toEqual(['DIGEST_REVOKED']);
  });
});

it('a policy that asks no trust data is not made to', () => {
  const plain = compile(policyText('base', ['require: {registry: {in: [registry.example.com]}}']));
  expect(decide(plain, revoked).decision).toBe('allow');
});
