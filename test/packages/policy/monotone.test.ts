import type { Facts, Unknown } from '@vidimus/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compile,
  DIGEST,
  decide,
  good,
  HOUR,
  NOW,
  OTHER,
  policyText,
  SIGNERS,
  trustFacts,
  vouch,
} from './support.ts';

const requirement = fc.constantFrom(
  '{tufRole: targets}',
  '{tufRole: "*", keys: 2}',
  '{tufRole: ci}',
  '{signer: ci}',
  '{party: managers}',
  '{party: managers, threshold: 1}',
);
const rule = fc.oneof(
  fc.constantFrom(
    'registry: {in: [registry.example.com]}',
    'registry: {in: [docker.io]}',
    'reference: {denyTags: ["1.*"]}',
    'reference: {allowTags: [v1]}',
    'reference: {digest: required}',
    'reference: {tagMoved: deny}',
    'revocation: {}',
    'metadata: {}',
    'metadata: {refreshedWithin: 30m}',
    'metadata: {remaining: 10h, issuedWithin: 5h}',
  ),
  fc
    .tuple(fc.constantFrom('allOf', 'anyOf'), fc.array(requirement, { minLength: 1, maxLength: 3 }))
    .map(([joint, list]) => `signatures: {${joint}: [${list.join(', ')}]}`),
);
const ruleText = (relaxing: boolean) =>
  fc
    .tuple(rule, fc.constantFrom('error', 'warn'), fc.constantFrom('deny', 'warn', 'allow'))
    .map(([require, severity, onUnknown]) => {
      const relaxed = relaxing && require.startsWith('reference') ? `onUnknown: ${onUnknown}, ` : '';
      return `severity: ${severity}, ${relaxed}require: {${require}}`;
    });
const rules = (relaxing: boolean) => fc.array(ruleText(relaxing), { minLength: 1, maxLength: 4 });

const unknown: fc.Arbitrary<Unknown> = fc
  .constantFrom('ROLLBACK', 'EXPIRED', 'UNREACHABLE', 'NOT_GATHERED', 'METADATA_UNAVAILABLE')
  .map((reason) => ({ state: 'unknown', reason }) as const);
const trust: fc.Arbitrary<Facts['trust']> = fc.oneof(
  unknown,
  fc.constant({ state: 'absent' } as const),
  fc
    .record({
      vouches: fc.subarray([
        vouch,
        { ...vouch, role: 'ci' },
        { ...vouch, digest: OTHER },
        { ...vouch, keyIds: ['1'.repeat(64), '3'.repeat(64)] },
      ]),
      mirrored: fc.boolean(),
      refreshedAgo: fc.constantFrom(0, HOUR),
      expiresIn: fc.constantFrom(-HOUR, 5 * HOUR, 50 * HOUR),
    })
    .map(({ vouches, mirrored, refreshedAgo, expiresIn }) => ({
      state: 'known' as const,
      value: {
        ...trustFacts,
        mirrored,
        vouchedBy: vouches,
        freshness: { refreshedAt: NOW - refreshedAgo, expires: NOW + expiresIn, issued: NOW - HOUR },
      },
    })),
);
const revocation: fc.Arbitrary<Facts['revocation']> = fc.oneof(
  unknown,
  fc.constantFrom(
    { state: 'clear', checked: [DIGEST] } as const,
    { state: 'clear', checked: [] } as const,
    {
      state: 'revoked',
      entries: [{ digest: DIGEST, reason: 'x', at: NOW, list: 'repository' }],
    } as const,
  ),
);
const registryDigest: fc.Arbitrary<Facts['registryDigest']> = fc.oneof(
  unknown,
  fc.constantFrom(
    { state: 'absent' } as const,
    { state: 'known', value: DIGEST } as const,
    { state: 'known', value: OTHER } as const,
  ),
);
const { digest: _digest, ...unresolved } = good.image;
const facts: fc.Arbitrary<Facts> = fc.record({
  action: fc.constant('pull' as const),
  image: fc.constantFrom(good.image, { ...good.image, digestRequested: true }, unresolved),
  trust,
  revocation,
  registryDigest,
  offline: fc.boolean(),
});
const strictness = fc.constantFrom('warn' as const, 'deny' as const);

describe('deciding is monotone', () => {
  it('another policy, of any mode, never turns deny into anything else', () => {
    const mode = fc.constantFrom('enforce', 'warn', 'audit', 'shadow');
    fc.assert(
      fc.property(
        rules(true),
        rules(true),
        mode,
        facts,
        strictness,
        (base, more, extraMode, given, strict) => {
          const first = policyText('base', base);
          const before = decide(compile(first, SIGNERS), given, strict);
          const after = decide(
            compile(first, SIGNERS, policyText('more', more, { mode: extraMode })),
            given,
            strict,
          );
          if (before.decision === 'deny') expect(after.decision).toBe('deny');
        },
      ),
      { numRuns: 250, seed: 7 },
    );
  });

  it('another rule never turns deny into anything else', () => {
    fc.assert(
      fc.property(rules(true), ruleText(true), facts, strictness, (base, extra, given, strict) => {
        const before = decide(compile(policyText('base', base), SIGNERS), given, strict);
        const after = decide(compile(policyText('base', [...base, extra]), SIGNERS), given, strict);
        if (before.decision === 'deny') expect(after.decision).toBe('deny');
      }),
      { numRuns: 250, seed: 8 },
    );
  });

  it('evidence that becomes unknown never turns deny into anything else, unless a rule says so and is named', () => {
    const source = fc.constantFrom('trust', 'revocation', 'registryDigest');
    fc.assert(
      fc.property(rules(true), facts, source, unknown, strictness, (base, given, lost, reason, strict) => {
        const bundle = compile(policyText('base', base), SIGNERS);
        const before = decide(bundle, given, strict);
        const after = decide(bundle, { ...given, [lost]: reason }, strict);
        if (before.decision === 'deny' && after.decision !== 'deny') {
          expect(lost).toBe('registryDigest');
          expect(after.relaxedBy.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 400, seed: 9 },
    );
  });

  it('an allowed image always has a digest, and is the one that was judged', () => {
    fc.assert(
      fc.property(rules(true), facts, (base, given) => {
        const decision = decide(compile(policyText('base', base), SIGNERS), given);
        if (decision.decision !== 'deny') expect(decision.image.digest).toBe(given.image.digest);
        if (decision.decision !== 'deny') expect(decision.image.resolved).not.toBeNull();
      }),
      { numRuns: 150, seed: 10 },
    );
  });
});
