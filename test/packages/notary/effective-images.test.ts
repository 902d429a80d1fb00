/** All tags at once, as Docker would answer for each; whoever owns the documents chooses how many there are of what. */

import { effectiveImages } from '@vidimus/notary';
import { type Delegation, drive, type Target, type Targets, TufError, type Verified } from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dockerSearch } from '../../../packages/notary/src/docker-search.ts';

type Documents = ReadonlyMap<string, Targets>;

function targetsOf(paths: readonly string[], delegations: Readonly<Record<string, readonly string[]>> = {}) {
  const target = (path: string): Target => ({
    path,
    length: 1,
    hashes: new Map([['sha256', 'ab'.repeat(32)]]),
  });
  const roles = Object.entries(delegations).map(
    ([name, pathPrefixes]): Delegation => ({
      name,
      keyIds: [],
      threshold: 1,
      terminating: false,
      pathPrefixes,
    }),
  );
  return {
    kind: 'targets',
    version: 1,
    expires: 0,
    binding: {},
    fields: {},
    targets: new Map(paths.map((path) => [path, target(path)])),
    delegations: { keys: new Map(), roles },
  } satisfies Targets;
}

function verified(role: string, document: Targets): Verified<Targets> {
  const envelope = { bytes: new Uint8Array(), message: new Uint8Array(), signed: {}, signatures: [] };
  return { role, document, envelope, keyIds: [], threshold: 1 };
}

/** The role that answers for one path, by the search that clients use. */
function searched(documents: Documents, path: string): string | undefined {
  const top = documents.get('targets');
  if (top === undefined) return undefined;
  const search = dockerSearch({
    start: verified('targets', top),
    path,
    maxDelegations: 1_000,
    // biome-ignore lint/correctness/useYield: what is in hand needs no step
    load: function* (_, role) {
      const document = documents.get(role);
      if (document === undefined) throw new TufError('ROLE_UNKNOWN', 'not published', { role });
      return verified(role, document);
    },
  });
  const found = drive(search, () => {
    throw new TypeError('nothing is asked for');
  });
  return found?.chain.at(-1)?.role;
}

const numbered = (count: number, prefix: string): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe('all tags at once', () => {
  it('are those that a search finds for each path', () => {
    const paths = ['', 'a', 'aa', 'ab', 'b', 'ba', 'bb', 'c', 'é'];
    const some = fc.subarray(paths);
    const roles = ['releases', 'other', 'releases/x', 'releases/y', 'releases/x/z', 'other/x'];
    const anyDocuments = fc
      .tuple(
        some,
        fc.array(fc.record({ role: fc.constantFrom(...roles), listed: fc.option(some), prefixes: some }), {
          maxLength: 6,
        }),
      )
      .map(([listed, places]): Documents => {
        const unique = [...new Map(places.map((place) => [place.role, place])).values()];
        const parentOf = (role: string) =>
          role.includes('/') ? role.slice(0, role.lastIndexOf('/')) : 'targets';
        const below = (parent: string) =>
          Object.fromEntries(
            unique
              .filter(({ role }) => parentOf(role) === parent)
              .map(({ role, prefixes }) => [role, prefixes]),
          );
        const published = unique.flatMap(({ role, listed: own }): [string, Targets][] =>
          own === null ? [] : [[role, targetsOf(own, below(role))]],
        );
        return new Map([['targets', targetsOf(listed, below('targets'))], ...published]);
      });
    fc.assert(
      fc.property(anyDocuments, (documents) => {
        const images = effectiveImages(documents);
        for (const path of paths) expect(images.get(path)?.role, path).toBe(searched(documents, path));
      }),
      { seed: 20261121, numRuns: 500 },
    );
  });

  it('do not end with the number of delegations that a client visits', () => {
    const children = Object.fromEntries(numbered(40, 'releases/r').map((name) => [name, ['']]));
    const documents = new Map([
      ['targets', targetsOf(['v1'], { releases: [''] })],
      ['releases', targetsOf([], children)],
    ]);
    expect(effectiveImages(documents).get('v1')?.role).toBe('targets');
  });

  // Each of these took between ten seconds and an hour where every path was compared with every prefix.
  it.each<[string, Documents]>([
    [
      'delegations',
      new Map([
        ['targets', targetsOf(numbered(20_000, 't'), { releases: [''] })],
        [
          'releases',
          targetsOf([], Object.fromEntries(numbered(1_000, 'releases/c').map((name) => [name, ['z']]))),
        ],
      ]),
    ],
    [
      'prefixes',
      new Map([
        ['targets', targetsOf([], { releases: numbered(200_000, 'z') })],
        ['releases', targetsOf(numbered(100_000, 't'))],
      ]),
    ],
  ])('cost the sum, not the product, of targets and %s', (_, documents) => {
    const started = performance.now();
    effectiveImages(documents);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
