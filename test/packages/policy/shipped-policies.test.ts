import { readdirSync, readFileSync } from 'node:fs';
import {
  analyse,
  compilePolicies,
  formatPolicyError,
  mergeCoverage,
  parseTrustTest,
  runTests,
} from '@vidimus/policy';
import { describe, expect, it } from 'vitest';

const DIRECTORY = new URL('../../../policies/', import.meta.url);
const read = (file: string) => ({ file, text: readFileSync(new URL(file, DIRECTORY), 'utf8') });
const testFiles = readdirSync(DIRECTORY).filter((file) => file.endsWith('.test.yaml'));

function report(file: string) {
  const { test, errors } = parseTrustTest(read(file));
  if (test === undefined) throw new Error(errors.map(formatPolicyError).join('\n'));
  const { bundle, errors: faults } = compilePolicies(test.policies.map(read));
  if (bundle === undefined) throw new Error(faults.map(formatPolicyError).join('\n'));
  return runTests(bundle, test);
}

describe('the policies that come with the project', () => {
  it('number three at least', () => expect(testFiles.length).toBeGreaterThanOrEqual(3));

  it.each(testFiles)('%s passes', (file) => {
    const failed = report(file).cases.filter((one) => !one.ok);
    expect(failed.map((one) => [one.name, one.differences, one.because])).toEqual([]);
  });

  it('have every rule seen passing and failing', () => {
    const coverage = mergeCoverage(testFiles.map(report));
    expect(coverage.filter((rule) => rule.passed === 0 || rule.failed === 0)).toEqual([]);
    expect(coverage.length).toBeGreaterThanOrEqual(13);
  });

  it('compile together, and analysis finds nothing', () => {
    const files = readdirSync(DIRECTORY).filter((file) => file.endsWith('.yaml'));
    const { bundle, errors } = compilePolicies(files.map(read));
    expect(errors).toBeUndefined();
    expect(bundle === undefined ? undefined : analyse(bundle)).toEqual([]);
  });

  it('are documented by snippets that work', () => {
    const readme = readFileSync(new URL('README.md', DIRECTORY), 'utf8');
    const [policy = '', test = ''] = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => match[1] ?? '',
    );
    const { bundle } = compilePolicies([{ file: 'shop.yaml', text: policy }]);
    const parsed = parseTrustTest({ file: 'shop.test.yaml', text: test }).test;
    if (bundle === undefined || parsed === undefined) throw new Error('a snippet does not parse');
    expect(runTests(bundle, parsed).cases.map((one) => [one.name, one.ok])).toEqual([
      ['vouched for', true],
      ['no trust data', true],
    ]);
  });
});
