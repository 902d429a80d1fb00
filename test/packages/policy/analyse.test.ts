import { analyse } from '@vidimus/policy';
import { describe, expect, it } from 'vitest';
import { compile, policyText, SIGNERS } from './support.ts';

const registry = (...hosts: string[]) => `require: {registry: {in: [${hosts.join(', ')}]}}`;
const shop = { images: '"registry.example.com/shop/**"' };
const find = (...texts: string[]) =>
  analyse(compile(...texts)).map(({ level, code, rule }) => [level, code, rule]);

describe('analyse', () => {
  it('finds nothing wrong with what is right', () => {
    expect(
      find(
        SIGNERS,
        policyText(
          'p',
          ['require: {revocation: {}}', 'require: {signatures: {allOf: [{party: managers}]}}'],
          shop,
        ),
      ),
    ).toEqual([]);
  });

  it('finds a policy all of whose patterns are excluded, and one dead pattern', () => {
    const text = policyText('p', ['require: {revocation: {}}'], shop);
    const excluding = (pattern: string) => text.replace(']}', `], exclude: ["${pattern}"]}`);
    expect(find(excluding('registry.example.com/**'))).toEqual([['error', 'MATCHES_NOTHING', null]]);
    expect(find(excluding('registry.example.com/shop/*'))).toEqual([]);
    const two = policyText('p', ['require: {revocation: {}}'], {
      images: '"registry.example.com/**", "shop/**"',
    });
    expect(find(two)).toEqual([['warning', 'PATTERN_UNREACHABLE', null]]);
    expect(find(policyText('p', ['require: {revocation: {}}'], { images: '"shop/**"' }))).toEqual([
      ['error', 'MATCHES_NOTHING', null],
    ]);
  });

  it('finds a repeated rule and a registry rule that cannot fail', () => {
    expect(find(policyText('p', ['require: {revocation: {}}', 'require: {revocation: {}}']))).toEqual([
      ['warning', 'RULE_UNREACHABLE', 'r1'],
    ]);
    expect(find(policyText('p', [registry('registry.example.com')], shop))).toEqual([
      ['warning', 'RULE_UNREACHABLE', 'r0'],
    ]);
  });

  it('finds rules that refuse everything their policy matches', () => {
    expect(find(policyText('p', [registry('docker.io')], shop))).toEqual([['error', 'CONTRADICTION', 'r0']]);
    expect(find(policyText('p', ['require: {reference: {allowTags: [v1], denyTags: ["*"]}}']))).toEqual([
      ['error', 'CONTRADICTION', 'r0'],
    ]);
  });

  it('finds two policies without a registry in common, with a witness both match', () => {
    const all = policyText('all', [registry('docker.io')]);
    const some = policyText('some', [registry('registry.example.com')], {
      images: '"*.example.com/shop/**"',
    });
    const [finding] = analyse(compile(all, some));
    expect([finding?.code, finding?.policy]).toEqual(['CONTRADICTION', 'some']);
    expect(finding?.witness).toMatch(/\.example\.com\/shop/);
    expect(find(policyText('all', [registry('docker.io')], { mode: 'warn' }), some)).toEqual([]);
    expect(
      find(policyText('all', [registry('docker.io')], { images: '"*.example.com/ops/**"' }), some),
    ).toEqual([]);
  });

  it('finds a threshold above the members of its party', () => {
    expect(
      find(SIGNERS, policyText('p', ['require: {signatures: {allOf: [{party: managers, threshold: 4}]}}'])),
    ).toEqual([['error', 'THRESHOLD_UNREACHABLE', 'r0']]);
  });
});
