import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTarget } from '../../../../services/trust-server/src/http/request-target.ts';

const name = 'registry.example.com/shop/web';
const encoded = encodeURIComponent(name);

describe('readTarget', () => {
  it.each([
    ['a repository', `/v2/${name}/_trust`, `/v2/${encoded}/_trust`],
    ['a trailing slash', `/v2/${name}/_trust/`, `/v2/${encoded}/_trust`],
    ['a query', `/v2/${name}/_trust/tags?limit=1&cursor=a/../b`, `/v2/${encoded}/_trust/tags`],
    ['a port', '/v2/localhost:5000/a/_trust', '/v2/localhost%3A5000%2Fa/_trust'],
    ['an encoded port', '/v2/localhost%3A5000/a/_trust', '/v2/localhost%3A5000%2Fa/_trust'],
    ['an encoded port in lower case', '/v2/localhost%3a5000/a/_trust', '/v2/localhost%3A5000%2Fa/_trust'],
    ['the directory', '/v2/_directory/_trust/tags', '/v2/_directory/_trust/tags'],
    [
      'a role with a slash',
      `/v2/${name}/_trust/roles/qa%2Fnightly`,
      `/v2/${encoded}/_trust/roles/qa%2Fnightly`,
    ],
    [
      'metadata of such a role',
      `/v2/${name}/_trust/metadata/3.qa%2Fnightly.json`,
      `/v2/${encoded}/_trust/metadata/3.qa%2Fnightly.json`,
    ],
    [
      'a name as Notary clients encode it',
      '/v2/registry.example.com%2Fshop%2Fweb/_trust/tuf/root.json',
      `/v2/${encoded}/_trust/tuf/root.json`,
    ],
    ['all repositories', '/v2/_trust/repositories', '/ fleet/repositories'],
    ['health', '/healthz', '/healthz'],
    [
      'a tag called constructor',
      `/v2/${name}/_trust/tags/constructor`,
      `/v2/${encoded}/_trust/tags/constructor`,
    ],
    ['a tag called __proto__', `/v2/${name}/_trust/tags/__proto__`, `/v2/${encoded}/_trust/tags/__proto__`],
  ])('reads %s', (_what, target, path) => {
    expect(readTarget(target)).toEqual({ path });
  });

  it.each([
    ['a dot-dot segment', '/v2/a.example/../b/_trust/'],
    ['a dot-dot segment that leads elsewhere', `/v2/${name}/_trust/../../other/_trust/tags`],
    ['a dot segment', `/v2/./${name}/_trust`],
    ['a dot-dot segment at the end', `/v2/${name}/_trust/..`],
    ['an encoded dot-dot segment', `/v2/a.example/%2e%2E/b/_trust`],
    ['a half encoded dot-dot segment', `/v2/${name}/_trust/tags/.%2e`],
    ['dot-dot in an encoded role', `/v2/${name}/_trust/roles/a%2F..%2Fb`],
    ['an empty segment', `/v2//${name}/_trust`],
    ['an empty segment in the tail', `/v2/${name}/_trust//tags`],
    ['an empty segment before all', `//evil.example/v2/${name}/_trust`],
    ['an encoded NUL', `/v2/${name}/_trust/tags/a%00b`],
    ['an encoded NUL in the query', `/v2/${name}/_trust/tags?cursor=%00`],
    ['a raw NUL', `/v2/${name}/_trust/tags/a\u0000`],
    ['an encoded slash in the name', '/v2/registry.example.com%2Fshop/web/_trust'],
    ['an encoded slash in a tag', `/v2/${name}/_trust/tags/a%2Fb`],
    ['a doubly encoded slash', `/v2/${name}/_trust/roles/a%252Fb`],
    ['a doubly encoded dot-dot', `/v2/${name}/_trust/roles/%252e%252e`],
    ['a second /_trust/', `/v2/${name}/_trust/tags/_trust/x`],
    ['a second /_trust/, encoded', `/v2/${name}/_trust/tags/%5Ftrust`],
    ['a second /_trust/ in a role', `/v2/${name}/_trust/roles/a%2F_trust%2Fb`],
    ['a second /_trust/ after the global one', `/v2/_trust/${name}/_trust/tags`],
    ['an encoded first /_trust/', `/v2/${name}/%5Ftrust/tags`],
    ['bad percent-encoding', `/v2/${name}/_trust/tags/%zz`],
    ['cut percent-encoding', `/v2/${name}/_trust/tags/a%4`],
    ['bad UTF-8', `/v2/${name}/_trust/roles/%ff`],
    ['upper case in the name', '/v2/registry.example.com/Shop/_trust'],
    ['upper case in the host', '/v2/Registry.example.com/shop/_trust'],
    ['a name without a host', '/v2/postgres/_trust'],
    ['a component that begins with _', '/v2/registry.example.com/_x/_trust'],
    ['a component that begins with -', '/v2/registry.example.com/-x/_trust'],
    ['a component that begins with .', '/v2/registry.example.com/.x/_trust'],
    ['an encoded letter in the name', '/v2/registry.example.com/%61/_trust'],
    ['a name of 300 bytes', `/v2/registry.example.com/${'a'.repeat(300)}/_trust`],
    ['a target of 5 kB', `/v2/${name}/_trust/tags?x=${'a'.repeat(5_000)}`],
    ['a backslash', `/v2/${name}\\_trust`],
    ['an encoded backslash', `/v2/${name}/_trust/tags/a%5Cb`],
    ['a fragment', `/v2/${name}/_trust#/tags`],
    ['a raw character beyond ASCII', `/v2/${name}/_trust/tags/ä`],
    ['an absolute URL', 'http://other.example/healthz'],
    ['a path without a slash', 'v2/x'],
    ['nothing', ''],
    ['an encoded line feed in a role', `/v2/${name}/_trust/roles/a%0Ab`],
  ])('refuses %s', (_what, target) => {
    expect(readTarget(target)).toHaveProperty('problem');
  });

  it('never gives one repository for two spellings that differ in more than an encoded colon', () => {
    const segment = fc.stringMatching(/^[a-z0-9%._:/-]{0,12}$/);
    fc.assert(
      fc.property(segment, segment, (left, right) => {
        const reading = readTarget(`/v2/${left}/${right}/_trust`);
        if ('problem' in reading) return;
        const spelled = `${left}/${right}`.replace(/%3a/gi, ':');
        expect(reading.path).toBe(
          spelled.startsWith('_trust') ? reading.path : `/v2/${encodeURIComponent(spelled)}/_trust`,
        );
      }),
    );
  });

  it('answers a hostile target in time linear in its limit', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 4_000, unit: 'binary' }), (text) => {
        const reading = readTarget(`/v2/${text}/_trust/${text}`);
        expect('problem' in reading || reading.path.startsWith('/v2/')).toBe(true);
      }),
    );
  });
});
