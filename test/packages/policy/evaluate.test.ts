import { builtInBundle, denialCause, evaluate, type Facts } from '@vidimus/policy';
import { describe, expect, it } from 'vitest';
import {
  codes,
  compile,
  DIGEST,
  decide,
  good,
  HOUR,
  NOW,
  OTHER,
  policyText,
  REPOSITORY,
  vouch,
  withImage,
  withTrust,
} from './support.ts';

const builtIn = builtInBundle();
const unknown = (reason: 'ROLLBACK' | 'ANCHOR_MISSING' | 'UNREACHABLE' | 'EXPIRED') =>
  ({ state: 'unknown', reason }) as const;

describe('the built-in bundle', () => {
  it('allows what a role vouches for, nobody revoked and is fresh, and pins it', () => {
    const decision = decide(builtIn, good);
    expect(decision).toMatchObject({
      decision: 'allow',
      outcome: 'matched',
      image: { resolved: `${REPOSITORY}@${DIGEST}`, platforms: ['linux/amd64', 'linux/arm64'] },
      passed: ['built-in/vouched', 'built-in/not-revoked', 'built-in/fresh'],
      nextTimeChange: '2026-11-22T04:00:00Z',
      retryable: false,
    });
    expect(denialCause(decision)).toBeUndefined();
  });

  const revoked: Facts['revocation'] = {
    state: 'revoked',
    entries: [{ digest: DIGEST, reason: 'CVE', at: NOW, list: 'repository' }],
  };
  const cases: [string, Facts, string[], string][] = [
    ['nobody vouches', withTrust({ vouchedBy: [] }), ['NOT_VOUCHED'], 'judged'],
    [
      'another digest is vouched for',
      withImage({ digest: OTHER }, { ...good, revocation: { state: 'clear', checked: [OTHER] } }),
      ['NOT_VOUCHED'],
      'judged',
    ],
    [
      'only another tag has the digest',
      withTrust({ vouchedBy: [{ ...vouch, tag: '1.3' }] }),
      ['NOT_VOUCHED'],
      'judged',
    ],
    [
      'a vouch is below its own threshold',
      withTrust({ vouchedBy: [{ ...vouch, threshold: 2 }] }),
      ['NOT_VOUCHED'],
      'judged',
    ],
    [
      'a vouch counts one key twice',
      withTrust({ vouchedBy: [{ ...vouch, threshold: 2, keyIds: ['k1', 'k1'] }] }),
      ['NOT_VOUCHED'],
      'judged',
    ],
    [
      'the repository has no trust data',
      { ...good, trust: { state: 'absent' } },
      ['NO_TRUST_DATA', 'NO_TRUST_DATA', 'NO_TRUST_DATA'],
      'judged',
    ],
    ['the server rolled back', { ...good, trust: unknown('ROLLBACK') }, ['ROLLBACK', 'ROLLBACK'], 'judged'],
    [
      'there is no anchor',
      { ...good, trust: unknown('ANCHOR_MISSING') },
      ['ANCHOR_MISSING', 'ANCHOR_MISSING'],
      'unavailable',
    ],
    [
      'the server is unreachable',
      { ...good, trust: unknown('UNREACHABLE') },
      ['UNREACHABLE', 'UNREACHABLE'],
      'unreachable',
    ],
    ['the digest is revoked', { ...good, revocation: revoked }, ['DIGEST_REVOKED'], 'judged'],
    [
      'the revocation list is hidden',
      { ...good, revocation: unknown('UNREACHABLE') },
      ['REVOCATION_UNKNOWN'],
      'unreachable',
    ],
    [
      'the revocation list has expired',
      { ...good, revocation: unknown('EXPIRED') },
      ['REVOCATION_UNKNOWN'],
      'judged',
    ],
    [
      'the list was not asked about this digest',
      { ...good, revocation: { state: 'clear', checked: [OTHER] } },
      ['REVOCATION_UNKNOWN'],
      'unavailable',
    ],
    [
      'the chain has expired since',
      withTrust({ freshness: { refreshedAt: NOW - HOUR, expires: NOW } }),
      ['EXPIRED', 'REVOCATION_UNKNOWN', 'EXPIRED'],
      'judged',
    ],
    [
      'revoked and unreachable at once',
      { ...good, revocation: revoked, trust: unknown('UNREACHABLE') },
      ['UNREACHABLE', 'DIGEST_REVOKED', 'UNREACHABLE'],
      'judged',
    ],
  ];
  it.each(cases)('refuses when %s', (_name, facts, expected, cause) => {
    const decision = decide(builtIn, facts);
    expect(decision.decision).toBe('deny');
    expect(codes(decision)).toEqual(expected);
    expect(denialCause(decision)).toBe(cause);
    expect(decision.retryable).toBe(cause !== 'judged');
    expect(decision.nextTimeChange).toBeNull();
    for (const failure of decision.failures) {
      expect(failure.fix.length).toBeGreaterThan(0);
      expect(failure.source?.file).toBe('built-in');
    }
  });

  it('allows a manifest reached through a vouched index, and says so', () => {
    const child = `sha256:${'c'.repeat(64)}`;
    const facts = withImage(
      { digest: child, via: DIGEST },
      { ...good, revocation: { state: 'clear', checked: [child, DIGEST] } },
    );
    expect(decide(builtIn, facts)).toMatchObject({
      decision: 'allow',
      image: { digest: child, via: DIGEST },
      warnings: [],
    });
  });

  it('names evidence that could not be had, and not evidence that was refused', () => {
    const facts: Facts = { ...good, trust: unknown('ROLLBACK'), revocation: unknown('UNREACHABLE') };
    expect(decide(builtIn, facts).evidence.unavailable).toEqual([
      { evidence: 'revocation', reason: 'UNREACHABLE', cause: 'unreachable' },
    ]);
  });

  it('uses expired data only as long as the client lets it, with a warning', () => {
    const stale = { refreshedAt: NOW - HOUR, expires: NOW - HOUR, staleUntil: NOW + HOUR };
    const decision = decide(builtIn, withTrust({ freshness: stale }));
    expect(decision.decision).toBe('allow');
    expect(decision.warnings.map((warning) => warning.code)).toEqual(['SERVED_STALE']);
    expect(codes(decide(builtIn, withTrust({ freshness: { ...stale, staleUntil: NOW } })))).toContain(
      'EXPIRED',
    );
  });

  it('notes that it was judged offline', () => {
    const decision = decide(builtIn, { ...good, offline: true });
    expect([decision.decision, decision.warnings[0]?.code]).toEqual(['allow', 'OFFLINE']);
  });
});

describe('a moved tag', () => {
  const moved: Facts = { ...good, registryDigest: { state: 'known', value: OTHER } };
  it('warns by default and pins the vouched digest', () => {
    const decision = decide(builtIn, moved);
    expect(decision).toMatchObject({ decision: 'warn', failures: [], image: { digest: DIGEST } });
    expect(decision.warnings.map((warning) => [warning.code, warning.facts])).toEqual([
      ['TAG_MOVED', { tag: '1.4', registry: OTHER, vouched: DIGEST }],
    ]);
  });
  it('is refused when the caller is strict, and so is a registry that does not say', () => {
    expect(codes(decide(builtIn, moved, 'deny'))).toEqual(['TAG_MOVED']);
    const silent: Facts = { ...good, registryDigest: { state: 'unknown', reason: 'UNREACHABLE' } };
    expect(decide(builtIn, silent).warnings).toEqual([]);
    expect(codes(decide(builtIn, silent, 'deny'))).toEqual(['REGISTRY_UNKNOWN']);
  });
  it('is refused once when rule and caller both refuse it', () => {
    const bundle = compile(policyText('p', ['require: {reference: {tagMoved: deny}}']));
    expect(codes(decide(bundle, moved, 'deny'))).toEqual(['TAG_MOVED']);
  });
});

describe('modes and defaults', () => {
  const floating = 'require: {reference: {denyTags: ["*"]}}';
  it('refuse what nothing matches, unless the bundle says otherwise', () => {
    const elsewhere = policyText('p', [floating], { images: '"docker.io/**"' });
    const header = (unmatched: string) =>
      `apiVersion: vidimus.dev/v1\nkind: TrustBundle\nmetadata: {name: acme, version: 57}\nspec: {unmatched: ${unmatched}}`;
    expect(decide(compile(elsewhere), good)).toMatchObject({
      decision: 'deny',
      outcome: 'default',
      failures: [{ code: 'NO_POLICY' }],
    });
    expect(decide(compile(elsewhere, header('deny')), good).decision).toBe('deny');
    expect(decide(compile(elsewhere, header('warn')), good)).toMatchObject({
      decision: 'warn',
      warnings: [{ code: 'NO_POLICY' }],
    });
    expect(decide(compile(elsewhere, header('allow')), good)).toMatchObject({
      decision: 'allow',
      outcome: 'default',
      failures: [],
      bundle: { name: 'acme', version: 57, digest: null },
    });
  });
  it.each([
    ['enforce', 'deny', 'matched', 1, 0, 0],
    ['warn', 'warn', 'matched', 0, 1, 0],
    ['audit', 'deny', 'default', 1, 0, 1],
    ['shadow', 'deny', 'default', 1, 0, 1],
  ])('mode %s on a failing rule decides %s', (mode, verdict, outcome, failures, warnings, observed) => {
    const decision = decide(compile(policyText('p', [floating], { mode })), good);
    expect([decision.decision, decision.outcome]).toEqual([verdict, outcome]);
    expect([decision.failures.length, decision.warnings.length, decision.observed.length]).toEqual([
      failures,
      warnings,
      observed,
    ]);
    expect(decision.matched).toEqual(outcome === 'default' ? [] : ['p']);
  });
  it('note a rule of severity warn and allow', () => {
    const decision = decide(compile(policyText('p', [`severity: warn, ${floating}`])), good);
    expect([decision.decision, decision.warnings[0]?.code]).toEqual(['allow', 'TAG_FORBIDDEN']);
  });
  it('never allow without a digest, whatever the policy', () => {
    const { digest: _dropped, ...image } = good.image;
    const bundle = compile(policyText('p', ['require: {registry: {in: [registry.example.com]}}']));
    expect(codes(decide(bundle, { ...good, image }))).toEqual(['DIGEST_UNRESOLVED']);
    const unreachable = decide(bundle, {
      ...good,
      image,
      trust: { state: 'unknown', reason: 'UNREACHABLE' },
    });
    expect(denialCause(unreachable)).toBe('unreachable');
  });
  it('match actions and exclusions', () => {
    const text = policyText('p', [floating]).replace(
      '{images: ["**"]}',
      '{images: ["**"], exclude: ["*/shop/**"], actions: [pull]}',
    );
    const bundle = compile(text);
    expect(decide(bundle, good).outcome).toBe('default');
    const other = withImage({ repository: 'registry.example.com/ops/web' });
    expect(decide(bundle, other).outcome).toBe('matched');
    expect(decide(bundle, { ...other, action: 'admit' }).outcome).toBe('default');
  });
});

describe('a decision', () => {
  it('is byte-equal on replay', () => {
    const again: Facts = JSON.parse(JSON.stringify(good));
    expect(JSON.stringify(decide(builtInBundle(), again))).toBe(JSON.stringify(decide(builtIn, good)));
  });

  it('is byte-equal on replay from its own time, which has no milliseconds', () => {
    const bundle = compile(policyText('fresh', ['require: {metadata: {refreshedWithin: 1h}}']));
    const context = { decisionId: 'd', now: NOW + 400 };
    const first = evaluate(bundle, good, context);
    const replayed = evaluate(bundle, good, { ...context, now: Date.parse(first.evaluatedAt) });
    expect(JSON.stringify(replayed)).toBe(JSON.stringify(first));
  });

  it('has the members others read, in a fixed order', () => {
    expect(Object.keys(decide(builtIn, good))).toEqual([
      'apiVersion',
      'kind',
      'decision',
      'outcome',
      'decisionId',
      'evaluatedAt',
      'image',
      'bundle',
      'matched',
      'failures',
      'warnings',
      'passed',
      'exceptionsUsed',
      'relaxedBy',
      'nextTimeChange',
      'evidence',
      'retryable',
      'observed',
    ]);
  });
});
