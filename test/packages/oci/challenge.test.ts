import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseChallenge } from '../../../packages/oci/src/challenge.ts';

const bearer = { scheme: 'bearer', realm: 'https://a.example/t' };

it.each([
  ['Bearer realm="https://a.example/t"', bearer],
  [
    'bearer REALM="https://a.example/t", service="s,t", scope="repository:a:pull"',
    { ...bearer, service: 's,t' },
  ],
  ['Bearer realm=https://a.example/t,service=s', { ...bearer, service: 's' }],
  ['Basic realm="x", Bearer realm="https://a.example/t"', bearer],
  ['Bearer realm="https://a.example/t",realm="https://evil.example/t"', bearer],
  ['Basic realm="x"', { scheme: 'basic' }],
  ['Basic', { scheme: 'basic' }],
  ['Bearer service="s"', undefined],
  ['Negotiate', undefined],
  ['', undefined],
  [undefined, undefined],
  [`Bearer realm="${'a'.repeat(5_000)}"`, undefined],
])('reads %j', (header, expected) => {
  expect(parseChallenge(header)).toEqual(expected);
});

it('never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseChallenge(text);
      parseChallenge(`Bearer ${text}`);
    }),
    { seed: 2026 },
  );
});
