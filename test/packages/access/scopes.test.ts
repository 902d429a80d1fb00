import { catalogScope, formatScope, limitScopes, parseScopes, repositoryScope } from '@vidimus/access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('parseScopes', () => {
  it('reads repositories with ports, several in one parameter, and the catalogue', () => {
    const read = parseScopes([
      'repository:localhost:5000/a/b:push,pull repository:r.example/c:pull',
      'registry:catalog:*',
    ]);
    expect(read).toEqual([
      repositoryScope('localhost:5000/a/b', ['push', 'pull']),
      repositoryScope('r.example/c', ['pull']),
      catalogScope,
    ]);
  });

  it.each([
    'repository:Upper/Case:pull',
    'repository:r.example/a/../b:pull',
    'repository(plugin):r.example/a:pull',
    'repository:r.example/a:PULL',
    'registry:other:*',
    'repository::pull',
    'nonsense',
    '',
    `repository:r.example/a:${'pull,'.repeat(40)}`,
  ])('leaves out %j', (text) => {
    expect(parseScopes([text])).toEqual([]);
  });

  it('refuses a list without end', () => {
    expect(parseScopes(['repository:r.example/a:pull '.repeat(101)])).toBeUndefined();
  });

  it('reads back what it prints', () => {
    const scope = fc.record({
      type: fc.constant('repository'),
      name: fc.constantFrom('r.example/a', 'localhost:5000/a/b', '[::1]:5000/x'),
      actions: fc.subarray(['pull', 'push', '*'], { minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 5 }), (scopes) => {
        expect(parseScopes(scopes.map(formatScope))).toEqual(scopes);
      }),
    );
  });
});

describe('limitScopes', () => {
  it('keeps of each scope what may be had, and drops what becomes empty', () => {
    const requested = [
      repositoryScope('r.example/a', ['push', 'pull', '*']),
      repositoryScope('r.example/b', ['push']),
      catalogScope,
    ];
    const granted = limitScopes(requested, ({ actions }) => actions.every((action) => action === 'pull'));
    expect(granted).toEqual([repositoryScope('r.example/a', ['pull'])]);
  });
});
