import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CryptoError,
  ed25519FromSeed,
  type PrivateKeyFile,
  readPrivateKeyFile,
  sha256Hex,
  signerFromPkcs8,
  toBase64,
  toHex,
} from '@vidimus/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { der, derOf, toPem, vector } from './key-material.ts';

fc.configureGlobal({ seed: 20261201 });

const message = new TextEncoder().encode('vidimus');

function text(name: string): string {
  return readFileSync(new URL(`../../vectors/private-keys/${name}.pem`, import.meta.url), 'utf8');
}

function refusal(pem: string, passphrase?: string): string {
  try {
    readPrivateKeyFile(pem, passphrase);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    // Nothing of the native error, which may quote its input.
    if (error.code === 'PASSPHRASE') expect(error.cause).toBeUndefined();
    return error.code;
  }
  return 'was not refused';
}

/** The id of a key in Notary's metadata. */
function notaryKeyId({ spkiDer }: PrivateKeyFile): string {
  const declared = `{"keytype":"ecdsa","keyval":{"private":null,"public":"${toBase64(spkiDer)}"}}`;
  return sha256Hex(Buffer.from(declared));
}

describe('key files of Docker and Notary', () => {
  it.each([
    [
      'notary-root',
      'rootpassphrase',
      'root',
      '10b0d2af638d5cadcf557e364f3c3e0f40a73fce4f2faa3fb2b39b19150038f2',
    ],
    [
      'docker-signer',
      'alicepassphrase',
      'alice',
      'f50b2732e357a4077054424b28ab0f28b98c37580591c5615949babc9e50a7db',
    ],
  ])('%s opens, is the key of its file name, and signs', async (name, passphrase, role, keyId) => {
    const key = readPrivateKeyFile(text(name), passphrase);
    expect([key.kind, key.role, key.gun]).toEqual(['p256', role, undefined]);
    expect(notaryKeyId(key)).toBe(keyId);
    const signer = signerFromPkcs8(key.pkcs8, 'ecdsa-sha256-p1363');
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
  });

  it('carry a repository', () => {
    const pem = text('notary-root').replace(
      'role: root\n',
      'gun: registry.example.com/shop/web\nrole: targets\n',
    );
    expect(readPrivateKeyFile(pem, 'rootpassphrase')).toMatchObject({
      role: 'targets',
      gun: 'registry.example.com/shop/web',
    });
  });

  it('may end lines as Windows does', () => {
    const pem = text('docker-signer').replaceAll('\n', '\r\n');
    expect(readPrivateKeyFile(pem, 'alicepassphrase').role).toBe('alice');
  });

  it.each(['', 'rootpassphras', 'Rootpassphrase', 'rootpassphrase ', 'x'.repeat(5000)])(
    'do not open with "%s"',
    (passphrase) => {
      expect(refusal(text('notary-root'), passphrase)).toBe('PASSPHRASE');
    },
  );

  it('ask for a passphrase', () => {
    expect(refusal(text('notary-root'))).toBe('PASSPHRASE');
    expect(refusal(text('ec-legacy-aes256'))).toBe('PASSPHRASE');
  });
});

describe('other private key files', () => {
  it.each<[string, string | undefined, string]>([
    ['ec-legacy-aes256', 'legacy', 'p256.pem'],
    ['rsa-legacy-des3', 'legacy', 'rsa-2048.pem'],
    ['pbkdf2-10000', 'x', 'p256.pem'],
  ])('%s opens', (name, passphrase, publicPem) => {
    const key = readPrivateKeyFile(text(name), passphrase);
    expect(toHex(key.spkiDer)).toBe(toHex(derOf(publicPem)));
    expect(refusal(text(name), 'wrong')).toBe('PASSPHRASE');
  });

  it('need no passphrase when they are not encrypted, and ignore one', () => {
    for (const [name, kind] of [
      ['p256-private.pem', 'p256'],
      ['p384-private.pem', 'p384'],
      ['rsa-2048-private.pem', 'rsa'],
    ] as const) {
      expect(readPrivateKeyFile(vector(name)).kind).toBe(kind);
      expect(readPrivateKeyFile(vector(name), 'x').kind).toBe(kind);
      const native = createPrivateKey(vector(name));
      const old = native.export({ format: 'pem', type: kind === 'rsa' ? 'pkcs1' : 'sec1' }).toString();
      expect(readPrivateKeyFile(old).spkiDer).toEqual(readPrivateKeyFile(vector(name)).spkiDer);
    }
  });

  it('may name the curve in a block before', () => {
    expect(text('ecparam')).toContain('EC PARAMETERS');
    expect(readPrivateKeyFile(text('ecparam')).kind).toBe('p256');
  });

  it('may hold Ed25519', () => {
    const pkcs8 = Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      Buffer.alloc(32, 7),
    ]);
    const key = readPrivateKeyFile(
      toPem(pkcs8, 'PRIVATE KEY').replace('KEY-----\n', 'KEY-----\nrole: snapshot\n\n'),
    );
    expect([key.kind, key.role]).toEqual(['ed25519', 'snapshot']);
    expect(key.spkiDer.slice(-32)).toEqual(ed25519FromSeed(Buffer.alloc(32, 7)).publicRaw);
  });
});

describe('a hostile key file', () => {
  it.each(['pbkdf2-2000001', 'scrypt', 'pbes1'])('is refused before anything is computed: %s', (name) => {
    expect(refusal(text(name), 'x')).toBe('KEY_INVALID');
  });

  it.each([
    ['2^31 - 1 iterations', Uint8Array.of(0x7f, 0xff, 0xff, 0xff)],
    ['2^63 - 1 iterations', Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ['iterations of a thousand digits', new Uint8Array(400).fill(0x7f)],
    ['zero iterations', Uint8Array.of(0)],
    ['negative iterations', Uint8Array.of(0x80)],
  ])('is refused with %s', (_name, count) => {
    const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
    const kdf = der(
      0x30,
      oid('2a864886f70d01050c'),
      der(0x30, der(0x04, new Uint8Array(8)), der(0x02, count)),
    );
    const cipher = der(0x30, oid('60864801650304012a'), der(0x04, new Uint8Array(16)));
    const whole = der(
      0x30,
      der(0x30, oid('2a864886f70d01050d'), der(0x30, kdf, cipher)),
      der(0x04, new Uint8Array(160)),
    );
    expect(refusal(toPem(whole, 'ENCRYPTED PRIVATE KEY'), 'x')).toBe('KEY_INVALID');
  });

  const root = text('notary-root');
  const lines = root.split('\n');
  it.each<[string, string]>([
    ['nothing', ''],
    ['a certificate', root.replaceAll('ENCRYPTED PRIVATE KEY', 'CERTIFICATE')],
    ['a public key', vector('p256.pem')],
    ['two keys', root + root],
    ['text after the key', `${root}x`],
    ['text before the key', `x\n${root}`],
    ['another label at its end', root.replace('END ENCRYPTED', 'END')],
    ['headers without an end', root.replace('role: root\n\n', 'role: root\n')],
    ['a header twice', root.replace('role: root', 'role: root\nRole: targets')],
    ['a header with a control character', root.replace('role: root', 'role: ro\u001b[31mot')],
    ['a header that is too long', root.replace('role: root', `role: ${'x'.repeat(600)}`)],
    [
      'seventeen headers',
      root.replace('role: root', Array.from({ length: 17 }, (_, n) => `a${'b'.repeat(n)}: x`).join('\n')),
    ],
    ['no body', [...lines.slice(0, 3), ...lines.slice(-2)].join('\n')],
    ['a megabyte', root.replace('role: root', ' '.repeat(1_000_000))],
    ['a body that is not base64', root.replace('MIHu', 'MI!u')],
    ['an unknown cipher', text('ec-legacy-aes256').replace('AES-256-CBC', 'RC2-40-CBC')],
    ['a cipher with a line break', text('ec-legacy-aes256').replace('AES-256-CBC,', 'AES-256-CBC,\n')],
    [
      'an encrypted body said to be plain',
      text('ec-legacy-aes256').replace(/Proc-Type.*\nDEK-Info.*\n\n/, ''),
    ],
    ['a weak RSA key', weakRsa()],
  ])('is refused: %s', (_name, pem) => {
    expect(['KEY_INVALID', 'KEY_WEAK']).toContain(refusal(pem, 'rootpassphrase'));
  });

  it('is refused, or the same key, with any byte changed', () => {
    const pem = text('docker-signer');
    const own = toHex(readPrivateKeyFile(pem, 'alicepassphrase').pkcs8);
    fc.assert(
      fc.property(fc.nat(pem.length - 1), fc.integer({ min: 0x20, max: 0x7e }), (at, code) => {
        const spoilt = `${pem.slice(0, at)}${String.fromCharCode(code)}${pem.slice(at + 1)}`;
        try {
          const key = readPrivateKeyFile(spoilt, 'alicepassphrase');
          // CBC carries no tag: a changed block may still read as a key, whose id is then another one.
          if (toHex(key.pkcs8) !== own) expect(notaryKeyId(key)).not.toMatch(/^f50b2732/);
        } catch (error) {
          expect(error).toBeInstanceOf(CryptoError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function weakRsa(): string {
  return readFileSync(new URL('../../vectors/private-keys/rsa-1024.pem', import.meta.url), 'utf8');
}
