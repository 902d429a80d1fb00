import { compilePolicies, type PolicyError, parseTrustTest } from '@vidimus/policy';
import { describe, expect, it } from 'vitest';
import { policyText, SIGNERS } from './support.ts';

function errorsOf(...texts: string[]): readonly PolicyError[] {
  return compilePolicies(texts.map((text, index) => ({ file: `f${index}.yaml`, text }))).errors ?? [];
}

/** The code, and what stands at the error's position. */
function where(error: PolicyError, text: string): string {
  const { line, column } = error.source;
  return `${error.code} ${text.split('\n')[line - 1]?.slice(column - 1, column + 11)}`;
}
function firstOf(text: string): string {
  const [error] = errorsOf(text);
  return error === undefined ? 'none' : where(error, text);
}
function firstOfTest(text: string): string {
  const [error] = parseTrustTest({ file: 't.yaml', text }).errors ?? [];
  return error === undefined ? 'none' : where(error, text);
}

const rule = (require: string) => policyText('p', [`require: ${require}`]);
const header = 'apiVersion: vidimus.dev/v1\nkind: ';

describe('a policy file is refused, with its line and column, for', () => {
  const cases: [string, string, string][] = [
    ['an unknown key', policyText('p', ['require: {revocation: {}}, note: x']), 'SCHEMA_INVALID note: x}'],
    [
      'an unknown key of a rule',
      rule('{registry: {in: [a.example.com], out: []}}'),
      'SCHEMA_INVALID out: []}}}',
    ],
    ['an unknown rule kind', rule('{smell: {}}'), 'RULE_UNKNOWN smell: {}}}'],
    ['a rule kind of later', rule('{expr: "true"}'), 'RULE_UNKNOWN expr: "true"'],
    [
      'a condition of later',
      policyText('p', ['when: "true", require: {revocation: {}}']),
      'RULE_UNKNOWN when: "true"',
    ],
    ['two kinds in one rule', rule('{revocation: {}, metadata: {}}'), 'SCHEMA_INVALID {revocation:'],
    ['no kind in a rule', rule('{}'), 'SCHEMA_INVALID {}}'],
    [
      'a pattern in upper case',
      policyText('p', ['require: {revocation: {}}'], { images: '"A/**"' }),
      'PATTERN_INVALID "A/**"]}',
    ],
    ['a tag pattern that is none', rule('{reference: {denyTags: ["a/b"]}}'), 'PATTERN_INVALID "a/b"]}}}'],
    [
      'a host that is not normalised',
      rule('{registry: {in: [index.docker.io]}}'),
      'PATTERN_INVALID index.docker',
    ],
    ['a duration without a unit', rule('{metadata: {remaining: 30}}'), 'SCHEMA_INVALID 30}}}'],
    ['a duration that is none', rule('{metadata: {remaining: 1w}}'), 'SCHEMA_INVALID 1w}}}'],
    [
      'a threshold of zero',
      rule('{signatures: {allOf: [{party: managers, threshold: 0}]}}'),
      'SCHEMA_INVALID 0}]}}}',
    ],
    ['no requirement', rule('{signatures: {allOf: []}}'), 'SCHEMA_INVALID []}}}'],
    [
      'both joints',
      rule('{signatures: {allOf: [{signer: ci}], anyOf: [{signer: ci}]}}'),
      'SCHEMA_INVALID {allOf: [{si',
    ],
    [
      'targets as a signer',
      rule('{signatures: {allOf: [{signer: targets}]}}'),
      'SCHEMA_INVALID targets}]}}}',
    ],
    ['a party nobody knows', rule('{signatures: {allOf: [{party: nobody}]}}'), 'SIGNER_UNKNOWN nobody}]}}}'],
    [
      'unknown signatures waved through',
      policyText('p', ['onUnknown: allow, require: {signatures: {allOf: [{signer: ci}]}}']),
      'SCHEMA_INVALID allow, requi',
    ],
    [
      'unknown revocation waved through',
      policyText('p', ['onUnknown: warn, require: {revocation: {}}']),
      'SCHEMA_INVALID warn, requir',
    ],
    [
      'unknown metadata waved through',
      policyText('p', ['onUnknown: warn, require: {metadata: {}}']),
      'SCHEMA_INVALID warn, requir',
    ],
    ['no rules', policyText('p', []).replace('rules:', 'rules: []'), 'SCHEMA_INVALID []'],
    ['a name in upper case', policyText('P', ['require: {revocation: {}}']), 'SCHEMA_INVALID P}'],
    ['a duplicate key', `${rule('{revocation: {}}')}\nkind: TrustPolicy`, 'YAML_INVALID kind: TrustP'],
    ['a tag of YAML', rule('{revocation: !!binary x}'), 'YAML_INVALID !!binary x}}'],
    ['a merge outside of tests', `${rule('{revocation: {}}')}\n<<: {a: 1}`, 'SCHEMA_INVALID <<: {a: 1}'],
    ['__proto__', `${rule('{revocation: {}}')}\n__proto__: {a: 1}`, 'SCHEMA_INVALID __proto__: {'],
    ['two documents', `${rule('{revocation: {}}')}\n---\na: 1`, 'YAML_INVALID ---'],
    ['another version', rule('{revocation: {}}').replace('/v1', '/v2'), 'KIND_UNKNOWN vidimus.dev/'],
    ['another kind', `${header}TrustRoots`, 'KIND_UNKNOWN TrustRoots'],
    ['syntax', 'a: [', 'YAML_INVALID '],
    ['nothing', '', 'KIND_UNKNOWN '],
    ['a scalar', 'hello', 'KIND_UNKNOWN hello'],
  ];
  it.each(cases)('%s', (_name, text, expected) => {
    expect(firstOf(text)).toBe(expected);
  });

  it('shows every error of a file, and no bundle', () => {
    const text = policyText('p', ['require: {smell: {}}', 'require: {taste: {}}']);
    const result = compilePolicies([{ file: 'f.yaml', text }]);
    expect(result.bundle).toBeUndefined();
    expect(result.errors?.map((error) => error.code)).toEqual(['RULE_UNKNOWN', 'RULE_UNKNOWN']);
  });

  it('two policies, two rules, two bundles of one name', () => {
    const text = rule('{revocation: {}}');
    expect(errorsOf(text, text).map((error) => where(error, text))).toEqual(['NAME_DUPLICATE p}']);
    const twice = policyText('p', ['require: {revocation: {}}', 'require: {revocation: {}}']).replace(
      'id: r1',
      'id: r0',
    );
    expect(firstOf(twice)).toBe('NAME_DUPLICATE r0, require:');
    const bundle = `${header}TrustBundle\nmetadata: {name: b}`;
    expect(errorsOf(bundle, bundle).map((error) => error.code)).toEqual(['NAME_DUPLICATE']);
  });

  it('one key or one delegation under two signers', () => {
    expect(errorsOf(SIGNERS)).toEqual([]);
    expect(firstOf(SIGNERS.replace('3'.repeat(64), '1'.repeat(64)))).toBe('NAME_DUPLICATE {keys: ["111');
    const text = SIGNERS.replace('{delegation: ci}', '{delegation: ci}\n  bot: {delegation: ci}');
    expect(firstOf(text)).toBe('NAME_DUPLICATE {delegation:');
  });

  it('a party with an unknown member, or one member twice', () => {
    expect(firstOf(SIGNERS.replace('[alice,', '[mallory,'))).toBe('SIGNER_UNKNOWN mallory, dan');
    expect(errorsOf(SIGNERS.replace('[alice,', '[dana,')).map((error) => error.code)).toEqual([
      'NAME_DUPLICATE',
    ]);
  });
});

describe('hostile YAML ends quickly', () => {
  it.each([
    ['deep flow sequences', '['.repeat(50_000)],
    ['deep block sequences', '- '.repeat(50_000)],
    ['deep maps', '{a: '.repeat(20_000)],
    ['deep keys', '? '.repeat(50_000)],
    ['a long file', `a: "${'x'.repeat(300_000)}"`],
    [
      'an alias bomb',
      `a: &a [x, x]\nb: &b [${'*a, '.repeat(50)}]\nc: &c [${'*b, '.repeat(50)}]\nd: [${'*c, '.repeat(50)}]`,
    ],
    ['control characters', 'a: \u0000\u001b'],
  ])('%s', (_name, text) => {
    const [error] = errorsOf(text);
    expect(['LIMIT', 'YAML_INVALID', 'KIND_UNKNOWN']).toContain(error?.code);
  });

  it('and raw control characters never reach a message', () => {
    const [error] = errorsOf(`${rule('{revocation: {}}')}\n"\\e[31mx\\u202e": 1`);
    expect(error?.message).toContain('\\u001b[31mx\\u202e');
  });
});

describe('a test file', () => {
  const base = `${header}TrustTest\npolicies: [p.yaml]\ndefaults: {now: 2026-11-21T08:00:00Z, image: postgres}\ncases:\n`;
  it.each([
    ['an unknown expectation', '  - {name: a, expect: {verdict: allow}}', 'SCHEMA_INVALID verdict: all'],
    ['no expectation', '  - {name: a, expect: {}}', 'SCHEMA_INVALID {}}'],
    [
      'a reason nobody knows',
      '  - {name: a, evidence: {trust: {unknown: MOOD}}, expect: {decision: deny}}',
      'SCHEMA_INVALID MOOD}}, expe',
    ],
    [
      'an image that is none',
      '  - {name: a, image: "A/b", expect: {decision: deny}}',
      'SCHEMA_INVALID "A/b", expec',
    ],
    [
      'a time with a month of 13',
      '  - {name: a, now: 2026-13-01T00:00:00Z, expect: {decision: deny}}',
      'SCHEMA_INVALID 2026-13-01T0',
    ],
  ])('is refused for %s', (_name, line, expected) => {
    expect(firstOfTest(base + line)).toBe(expected);
  });
  it('needs an image and a time in every case', () => {
    const text = `${base.replace('image: postgres', 'action: pull')}  - {name: a, expect: {decision: deny}}`;
    expect(firstOfTest(text)).toBe('SCHEMA_INVALID {name: a, ex');
  });
  it('is not a policy, and a policy is not a test', () => {
    const text = `${base}  - {name: a, expect: {decision: deny}}`;
    expect(compilePolicies([{ file: 't.yaml', text }]).bundle?.policies).toEqual([]);
    expect(parseTrustTest({ file: 'p.yaml', text: rule('{revocation: {}}') }).errors?.[0]?.code).toBe(
      'KIND_UNKNOWN',
    );
  });
});
