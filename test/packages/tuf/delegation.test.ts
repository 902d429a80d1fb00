import { sha256Hex } from '@vidimus/crypto';
import {
  type Delegations,
  delegationOf,
  delegationsFor,
  isBinOf,
  matchesDelegation,
  type SuccinctRoles,
  type Targets,
} from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tufJsBins, tufJsRolesFor } from '../../support/tuf-js-delegations.ts';

const keys = { keyIds: [], threshold: 1 };
const bins = (bitLength: number): SuccinctRoles => ({ ...keys, bitLength, namePrefix: 'bin' });
const binsJson = (bitLength: number) => ({
  keyids: [],
  threshold: 1,
  bit_length: bitLength,
  name_prefix: 'bin',
});
const targets = (delegations: Omit<Delegations, 'keys'>): Targets => ({
  kind: 'targets',
  version: 1,
  expires: 0,
  binding: {},
  fields: {},
  targets: new Map(),
  delegations: { keys: new Map(), ...delegations },
});
const paths = fc.oneof(
  fc.stringMatching(/^[\w.-]{1,20}$/),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
);

describe('succinct bins', () => {
  it('agree with tuf-js for every bit length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 32 }), paths, (bitLength, path) => {
        const document = targets({ roles: [], succinct: bins(bitLength) });
        const [name = ''] = tufJsRolesFor({ keys: {}, succinct_roles: binsJson(bitLength) }, path);
        expect(delegationsFor(document, path)).toEqual([{ name, terminating: true }]);
        expect(delegationOf(document, name)).toMatchObject({ threshold: 1, bitLength });
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('are named as in tuf-js', () => {
    for (const bitLength of [1, 3, 4, 5, 8]) {
      const names = tufJsBins(binsJson(bitLength));
      expect(names).toHaveLength(2 ** bitLength);
      expect(names.every((name) => isBinOf(bins(bitLength), name))).toBe(true);
      const suffix = fc.stringMatching(/^[0-9a-fA-Fz-]{0,3}$/);
      fc.assert(
        fc.property(suffix, (text) => {
          expect(isBinOf(bins(bitLength), `bin-${text}`)).toBe(names.includes(`bin-${text}`));
        }),
        { seed: 3, numRuns: 300 },
      );
    }
  });
});

describe('path hash prefixes', () => {
  it('agree with tuf-js', () => {
    fc.assert(
      fc.property(
        paths,
        fc.array(fc.stringMatching(/^[0-9a-f]{1,2}$/), { maxLength: 8 }),
        (path, prefixes) => {
          const role = {
            name: 'r',
            keyids: [],
            threshold: 1,
            terminating: false,
            path_hash_prefixes: prefixes,
          };
          const theirs = tufJsRolesFor({ keys: {}, roles: [role] }, path).length === 1;
          expect(matchesDelegation({ pathHashPrefixes: prefixes }, path)).toBe(theirs);
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });

  it('hash the path as UTF-8, not as a URL', () => {
    const hash = sha256Hex(new TextEncoder().encode('a b/ü'));
    expect(matchesDelegation({ pathHashPrefixes: [hash] }, 'a b/ü')).toBe(true);
    expect(matchesDelegation({ pathHashPrefixes: [hash] }, 'a%20b/%C3%BC')).toBe(false);
  });
});

describe('delegations for a path', () => {
  const role = (name: string, pattern: string, terminating = false) => ({
    ...keys,
    name,
    terminating,
    paths: [pattern],
  });

  it('come in order, up to the first terminating one', () => {
    const document = targets({
      roles: [role('a', 'v*'), role('b', 'x*'), role('c', '*', true), role('d', '*')],
    });
    expect(delegationsFor(document, 'v1').map((candidate) => candidate.name)).toEqual(['a', 'c']);
    expect(delegationsFor(document, 'x/y')).toEqual([]);
  });

  it('are none where nothing is delegated', () => {
    const { delegations: _none, ...bare } = targets({ roles: [] });
    expect(delegationsFor(bare, 'v1')).toEqual([]);
    expect(delegationOf(bare, 'a')).toBeUndefined();
  });

  it('cover nothing with neither paths nor prefixes', () => {
    expect(matchesDelegation({}, 'v1')).toBe(false);
    expect(matchesDelegation({ paths: [] }, 'v1')).toBe(false);
  });
});
