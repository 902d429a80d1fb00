import { compileGlob } from '@vidimus/reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, decide, good, policyText } from './support.ts';

describe('matching policies', () => {
  it('finds exactly those whose patterns match, in the order of the files', () => {
    const part = fc.constantFrom('a.io', 'b.io', 'x', 'y', '*', 'x*', '**');
    const pattern = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const name = fc.array(fc.constantFrom('a.io', 'b.io', 'x', 'xy', 'y'), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 6 }), name, (patterns, parts) => {
        const bundle = compile(
          ...patterns.map((one, index) =>
            policyText(`p${index}`, ['require: {revocation: {}}'], { images: `"${one}"` }),
          ),
        );
        const expected = patterns.flatMap((one, index) =>
          compileGlob(one)(parts.join('/')) ? [`p${index}`] : [],
        );
        expect(bundle.select(parts.join('/'), 'pull').map((policy) => policy.name)).toEqual(expected);
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  it('asks only the policies on the way of a name: 1,000 rules and 2,000 decisions in no time', () => {
    const rules = ['require: {revocation: {}}', 'require: {metadata: {}}'];
    const texts = Array.from({ length: 500 }, (_, index) =>
      policyText(`p${index}`, rules, { images: `"registry.example.com/team${index}/**"` }),
    );
    const bundle = compile(...texts, policyText('all', ['require: {signatures: {allOf: [{tufRole: "*"}]}}']));
    for (let index = 0; index < 2_000; index += 1) {
      const repository = `registry.example.com/team${index % 500}/web`;
      const decision = decide(bundle, { ...good, image: { ...good.image, repository } });
      expect(decision.matched).toHaveLength(2);
    }
  });
});
