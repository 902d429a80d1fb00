import { formatReference, isDigest, isTag, parseReference, ReferenceFormatError } from '@vidimus/reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const HEX = '9f2c41d07be35c1a8e6f0d924ab7713c5e08d1f26b49a03cc7e5d8126f7a9b30';
const DIGEST = `sha256:${HEX}`;

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ReferenceFormatError) return error.code;
    throw error;
  }
  return 'none';
}

describe('parseReference', () => {
  it.each([
    ['postgres', 'docker.io/library/postgres:latest'],
    ['postgres:17', 'docker.io/library/postgres:17'],
    ['library/postgres', 'docker.io/library/postgres:latest'],
    ['acme/app', 'docker.io/acme/app:latest'],
    ['docker.io/postgres', 'docker.io/library/postgres:latest'],
    ['index.docker.io/postgres', 'docker.io/library/postgres:latest'],
    ['index.docker.io/acme/app', 'docker.io/acme/app:latest'],
    ['Docker.IO/postgres', 'docker.io/library/postgres:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app:1'],
    ['localhost:5000/team/app', 'localhost:5000/team/app:latest'],
    ['Registry.Example.COM/team/app:V1', 'registry.example.com/team/app:V1'],
    ['10.0.0.1/app', '10.0.0.1/app:latest'],
    ['[::1]:5000/app:x', '[::1]:5000/app:x'],
    ['[2001:DB8::1]/app', '[2001:db8::1]/app:latest'],
    ['host:5000', 'docker.io/library/host:5000'],
    [`web@${DIGEST}`, `docker.io/library/web@${DIGEST}`],
    [`registry.example.com/web:1.4@${DIGEST}`, `registry.example.com/web:1.4@${DIGEST}`],
    ['a__b/c--d.e_f:constructor', 'docker.io/a__b/c--d.e_f:constructor'],
    ['web:__proto__', 'docker.io/library/web:__proto__'],
  ])('reads %s as %s', (text, expected) => {
    expect(formatReference(parseReference(text))).toBe(expected);
  });

  it('says when the tag was put in', () => {
    expect(parseReference('postgres').implicitTag).toBe(true);
    expect(parseReference('postgres:latest').implicitTag).toBe(false);
  });

  it('leaves the tag out of a reference by digest alone', () => {
    const reference = parseReference(`postgres@${DIGEST}`);
    expect(reference).toEqual({
      repository: 'docker.io/library/postgres',
      registry: 'docker.io',
      path: 'library/postgres',
      digest: DIGEST,
      implicitTag: false,
    });
  });

  it.each([
    ['', 'NAME_INVALID'],
    ['/app', 'NAME_INVALID'],
    ['app/', 'NAME_INVALID'],
    ['registry.example.com//app', 'NAME_INVALID'],
    ['registry.example.com/Team/app', 'NAME_INVALID'],
    ['Team/app', 'NAME_INVALID'],
    ['TEAM', 'NAME_INVALID'],
    [HEX, 'NAME_INVALID'],
    [`${HEX}:1`, 'NAME_INVALID'],
    ['_directory', 'NAME_INVALID'],
    ['registry.example.com/_trust', 'NAME_INVALID'],
    ['registry.example.com/-app', 'NAME_INVALID'],
    ['registry.example.com/.app', 'NAME_INVALID'],
    ['registry.example.com/app.', 'NAME_INVALID'],
    ['registry.example.com/a___b', 'NAME_INVALID'],
    ['registry.example.com/a..b', 'NAME_INVALID'],
    ['registry.example.com/../app', 'NAME_INVALID'],
    ['registry.example.com/a%2fb', 'NAME_INVALID'],
    ['registry.example.com/a\u0000b', 'NAME_INVALID'],
    ['registry.example.com/a\u202eb', 'NAME_INVALID'],
    ['registry.example.com/a b', 'NAME_INVALID'],
    ['registry.example.com/app\n', 'NAME_INVALID'],
    ['registry.example.com./app', 'NAME_INVALID'],
    ['-registry.example.com/app', 'NAME_INVALID'],
    ['https://registry.example.com/app', 'NAME_INVALID'],
    ['user:pass@registry.example.com/app', 'DIGEST_INVALID'],
    ['localhost:0/app', 'NAME_INVALID'],
    ['localhost:05000/app', 'NAME_INVALID'],
    ['localhost:65536/app', 'NAME_INVALID'],
    ['[::1/app', 'NAME_INVALID'],
    ['[fe80::1%25eth0]/app', 'NAME_INVALID'],
    ['app:', 'TAG_INVALID'],
    ['app:.x', 'TAG_INVALID'],
    ['app:-x', 'TAG_INVALID'],
    ['app:a b', 'TAG_INVALID'],
    [`app:${'a'.repeat(129)}`, 'TAG_INVALID'],
    ['app@', 'DIGEST_INVALID'],
    ['app@sha256:abc', 'DIGEST_INVALID'],
    [`app@sha256:${HEX.toUpperCase()}`, 'DIGEST_INVALID'],
    [`app@sha512:${HEX}${HEX}`, 'DIGEST_INVALID'],
    [`app@${DIGEST}@${DIGEST}`, 'DIGEST_INVALID'],
    [`app@${DIGEST}:tag`, 'DIGEST_INVALID'],
    [`registry.example.com/${'a'.repeat(300)}`, 'NAME_INVALID'],
  ])('refuses %j with %s', (text, code) => {
    expect(codeOf(() => parseReference(text))).toBe(code);
  });

  it.each(['a', 'a/', '-', 'a:', '@', 'a.'])('refuses five kilobytes of %s with NAME_INVALID', (unit) => {
    expect(codeOf(() => parseReference(unit.repeat(5000 / unit.length)))).toBe('NAME_INVALID');
  });

  it('never puts raw control characters into its message', () => {
    expect(() => parseReference('a\u001b[31m\u202e')).toThrow(/\\u001b\[31m\\u202e/);
  });
});

describe('isTag and isDigest', () => {
  it('take what the grammar takes', () => {
    expect(['latest', '_', 'constructor', '1.0-rc_1', 'a'.repeat(128)].every(isTag)).toBe(true);
    expect(['', '.', 'a/b', 'a:b', 'a\n', 'é'].some(isTag)).toBe(false);
    expect([DIGEST, `sha512:${HEX}${HEX}`].every(isDigest)).toBe(true);
    expect([HEX, `${DIGEST}\n`, `md5:${HEX}`, `sha256:${HEX}0`].some(isDigest)).toBe(false);
  });
});

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const host = fc.oneof(
  fc.constantFrom('docker.io', 'localhost', 'localhost:5000', '[::1]:443', '10.1.2.3'),
  fc.stringMatching(/^[a-z0-9]{1,5}\.[a-z]{2,4}(:[1-9][0-9]{0,3})?$/),
);

describe('the grammar as a property', () => {
  it('parses what it prints, whatever the reference', () => {
    const reference = fc.record({
      host,
      path: fc.array(component, { minLength: 2, maxLength: 4 }),
      tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/), { nil: undefined }),
      digest: fc.option(fc.constant(DIGEST), { nil: undefined }),
    });
    fc.assert(
      fc.property(reference, ({ host: registry, path, tag, digest }) => {
        const text = `${registry}/${path.join('/')}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`;
        const parsed = parseReference(text);
        expect(parsed.registry).toBe(registry);
        expect(parseReference(formatReference(parsed))).toEqual({ ...parsed, implicitTag: false });
      }),
    );
  });

  it('answers any text with a reference or its own error, and what it accepts is stable', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'aA0._-/:@[]%\u0000*') }));
    fc.assert(
      fc.property(text, (input) => {
        const code = codeOf(() => {
          const parsed = parseReference(input);
          expect(parseReference(formatReference(parsed))).toEqual({ ...parsed, implicitTag: false });
        });
        expect(['none', 'NAME_INVALID', 'TAG_INVALID', 'DIGEST_INVALID']).toContain(code);
      }),
    );
  });
});
