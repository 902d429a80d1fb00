import {
  createPkcs11KeyStore,
  formatPkcs11Uri,
  isPkcs11Uri,
  type Pkcs11Uri,
  parsePkcs11Uri,
} from '@vidimus/key-store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const invalid = expect.objectContaining({ code: 'URI_INVALID' });

describe('pkcs11 URIs', () => {
  it('reads what a key is named by', () => {
    const uri = parsePkcs11Uri(
      'pkcs11:token=My%20token;serial=01ab;manufacturer=Acme;model=X;object=root;id=%01%ffA;type=private' +
        '?module-path=/usr/lib/p11.so&pin-source=file:///run/pin',
    );
    expect(uri).toEqual({
      token: 'My token',
      serial: '01ab',
      manufacturer: 'Acme',
      model: 'X',
      object: 'root',
      id: Uint8Array.of(1, 255, 65),
      modulePath: '/usr/lib/p11.so',
      pinSource: '/run/pin',
    });
  });

  it('reads a URI that names nothing', () => {
    expect(parsePkcs11Uri('pkcs11:')).toEqual({});
  });

  it.each([
    ['file:/run/pin', '/run/pin'],
    ['file:///run/pin', '/run/pin'],
    ['/run/pin', '/run/pin'],
    ['run/pin', 'run/pin'],
  ])('takes %s as the file of a PIN', (source, path) => {
    expect(parsePkcs11Uri(`pkcs11:?pin-source=${source}`).pinSource).toBe(path);
  });

  it.each([
    ['another scheme', 'file:/key'],
    ['a PIN for everybody to read', 'pkcs11:token=a?pin-value=1234'],
    ['an unknown attribute', 'pkcs11:token=a;colour=red'],
    ['an unknown query', 'pkcs11:token=a?module-name=p11'],
    ['a vendor attribute', 'pkcs11:x-token=a'],
    ['an attribute twice', 'pkcs11:token=a;token=b'],
    ['an attribute without a value', 'pkcs11:token'],
    ['an empty token', 'pkcs11:token='],
    ['an empty id', 'pkcs11:id='],
    ['an id without end', `pkcs11:id=${'%01'.repeat(129)}`],
    ['a certificate', 'pkcs11:object=a;type=cert'],
    ['a space', 'pkcs11:token=my token'],
    ['a broken escape', 'pkcs11:token=%4'],
    ['bytes that are no UTF-8', 'pkcs11:token=%ff'],
    ['a NUL', 'pkcs11:token=a%00b'],
    ['a query in the path', 'pkcs11:module-path=/usr/lib/p11.so'],
    ['an empty attribute', 'pkcs11:token=a;;id=%01'],
    ['a PIN from a command', 'pkcs11:?pin-source=|cat%20pin'],
    ['a PIN from the network', 'pkcs11:?pin-source=https://example.com/pin'],
    ['a URI without end', `pkcs11:token=${'a'.repeat(5000)}`],
  ])('refuses %s', (_, text) => {
    expect(() => parsePkcs11Uri(text)).toThrow(invalid);
  });

  it('never repeats a PIN in what it says', () => {
    expect(() => parsePkcs11Uri('pkcs11:?pin-value=s3cret')).not.toThrow(/s3cret/);
    expect(() => parsePkcs11Uri('pkcs11:?s3cret')).not.toThrow(/s3cret/);
  });

  it('tells tokens from files', () => {
    expect(isPkcs11Uri('PKCS11:token=a')).toBe(true);
    expect(isPkcs11Uri('./pkcs11.pem')).toBe(false);
  });

  it('prints what it reads again', () => {
    const text = fc
      .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
      .filter((s) => !s.includes('\0'));
    const uri = fc.record(
      {
        token: text,
        serial: text,
        manufacturer: text,
        model: text,
        object: text,
        id: fc.uint8Array({ minLength: 1, maxLength: 32 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(uri, (value) => {
        const expected: Pkcs11Uri = value;
        expect(parsePkcs11Uri(formatPkcs11Uri(expected))).toEqual(expected);
      }),
    );
  });

  it('never throws anything but its own error', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (rest) => {
        try {
          parsePkcs11Uri(`pkcs11:${rest}`);
        } catch (error) {
          expect(error).toEqual(invalid);
        }
      }),
    );
  });
});

describe('a store without a module', () => {
  it('says that no module is named', async () => {
    const store = createPkcs11KeyStore({ environment: {} });
    await expect(store.find('pkcs11:id=%01')).rejects.toMatchObject({ code: 'MODULE_UNAVAILABLE' });
  });

  it('says that a module cannot be loaded', async () => {
    const store = createPkcs11KeyStore({ environment: { VIDIMUS_PKCS11_MODULE: '/nowhere/p11.so' } });
    await expect(store.find('pkcs11:id=%01')).rejects.toMatchObject({
      code: 'MODULE_UNAVAILABLE',
      detail: { path: '/nowhere/p11.so' },
    });
  });

  it('wants a key to be named', async () => {
    const store = createPkcs11KeyStore({ environment: {} });
    await expect(store.find('pkcs11:token=a')).rejects.toMatchObject({ code: 'URI_INVALID' });
  });
});
