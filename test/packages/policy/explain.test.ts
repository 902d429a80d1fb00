import { builtInBundle, explain, type Facts, factsText, sourcesText } from '@vidimus/policy';
import { describe, expect, it } from 'vitest';
import { DIGEST, decide, good, NOW, OTHER, REPOSITORY, withImage } from './support.ts';

describe('explain', () => {
  it('begins with the verdict and the code, then says why, what to do and where the rule is', () => {
    const lines = explain(decide(builtInBundle(), { ...good, trust: { state: 'absent' } }));
    expect(lines[0]).toBe(`DENIED  ${REPOSITORY}:1.4  NO_TRUST_DATA`);
    expect(lines).toContain(`  why       built-in/vouched: ${REPOSITORY} has no trust data  NO_TRUST_DATA`);
    expect(lines).toContain(`  fix       vidimus init ${REPOSITORY}`);
    expect(lines).toContain('  rule      built-in:8:7');
  });

  it('shows what is pinned', () => {
    const lines = explain(decide(builtInBundle(), good));
    expect(lines.slice(0, 2)).toEqual([`ALLOWED  ${REPOSITORY}:1.4`, `  pinned    ${REPOSITORY}@${DIGEST}`]);
    expect(
      explain(decide(builtInBundle(), { ...good, registryDigest: { state: 'known', value: OTHER } }))[0],
    ).toMatch(/^WARNING .*TAG_MOVED$/);
  });

  it('never prints what could rewrite a terminal', () => {
    const evil = 'x\u001b[2J\u202e\u2066\u0007\n';
    const revocation: Facts['revocation'] = {
      state: 'revoked',
      entries: [{ digest: DIGEST, reason: evil, at: NOW, list: 'repository' }],
    };
    const text = explain(decide(builtInBundle(), { ...withImage({ requested: evil }), revocation })).join('');
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(text).toContain('\\u001b[2J\\u202e');
  });
});

describe('texts to hash', () => {
  it('do not depend on the order of keys or files', () => {
    const { action, ...rest } = good;
    expect(factsText({ ...rest, action })).toBe(factsText(good));
    const [a, b] = [
      { file: 'a', text: '1' },
      { file: 'b', text: '2' },
    ];
    expect(sourcesText([a, b])).toBe(sourcesText([b, a]));
    expect(sourcesText([a])).not.toBe(sourcesText([b]));
  });
});
