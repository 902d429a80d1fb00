import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { tufDialect } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../../support/tuf-client.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';

describe('key objects', () => {
  const usable = (declared: JsonObject): boolean => tufDialect.toKey(declared).usable !== undefined;
  const honest = ed25519Key('a').declared;

  it('have the hash of their canonical form as id, unknown members included', () => {
    const { keyId, declared } = ed25519Key('a', { keyid_hash_algorithms: ['sha256'] });
    expect(tufDialect.toKey(declared).keyId).toBe(keyId);
    expect(keyId).not.toBe(ed25519Key('a').keyId);
    expect(encodeCanonical(declared).length).toBeGreaterThan(0);
  });

  const unusable: readonly (readonly [string, JsonObject])[] = [
    ['no hex', { ...honest, keyval: { public: 'zz' } }],
    ['nothing', { ...honest, keyval: { public: '' } }],
    ['a point of small order', { ...honest, keyval: { public: `01${'0'.repeat(62)}` } }],
    ['another scheme', { ...honest, scheme: 'rsassa-pss-sha256' }],
    ['an unknown type', { ...honest, keytype: 'dsa' }],
    ['names of the prototype', { ...honest, keytype: 'constructor', scheme: '__proto__' }],
  ];

  it.each(unusable)('are kept but not usable: %s', (_what, declared) => {
    expect(usable(honest)).toBe(true);
    expect(usable(declared)).toBe(false);
  });

  it.each([
    { ...honest, keyval: null },
    { ...honest, keyval: {} },
    { ...honest, keyval: { public: 7 } },
    { ...honest, keytype: 7 },
    { keytype: 'ed25519', keyval: { public: '' } },
    { ...honest, extra: 1.5 },
  ])('are refused when their shape is wrong: %#', (declared) => {
    expect(codeOf(() => tufDialect.toKey(declared))).toBe('MALFORMED');
  });
});
