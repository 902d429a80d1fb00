import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPkcs11KeyStore, type Pkcs11KeyStore, type Pkcs11Parts } from '@vidimus/key-store';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSoftHsm, type SoftHsm } from '../../support/soft-hsm.ts';

const message = new TextEncoder().encode('{"_type":"root"}');

let hsm: SoftHsm;
let pin: string;
const stores: Pkcs11KeyStore[] = [];

beforeAll(() => {
  hsm = createSoftHsm();
  // The module reads it when it is initialised.
  process.env['SOFTHSM2_CONF'] = hsm.configFile;
  pin = hsm.makeToken('vidimus test');
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

afterAll(() => {
  delete process.env['SOFTHSM2_CONF'];
  hsm.remove();
});

function open(parts: Partial<Pkcs11Parts> = {}): Pkcs11KeyStore {
  const store = createPkcs11KeyStore({
    environment: { VIDIMUS_PKCS11_MODULE: hsm.module, VIDIMUS_PKCS11_PIN: pin },
    ...parts,
  });
  stores.push(store);
  return store;
}

/** A key pair made elsewhere and put on the token, which takes it as the module's tool does. */
function importKey(id: string, label: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = join(hsm.directory, `${label}.pem`);
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  hsm.util('--import', file, '--token', 'vidimus test', '--label', label, '--id', id, '--pin', pin);
}

describe('keys on a token', () => {
  it.each([
    ['ed25519', undefined],
    ['ed25519', 'ed25519'],
    ['ecdsa-p256', undefined],
    ['ecdsa-p256', 'ecdsa-sha2-nistp256'],
    ['ecdsa-p256', 'ecdsa-sha256-p1363'],
  ] as const)('makes an %s key that signs with scheme %s', async (algorithm, scheme) => {
    const store = open();
    const made = await store.generate('pkcs11:token=vidimus%20test', algorithm);
    const found = await open().find(made.uri);
    expect(found.publicHalf).toEqual(made.publicHalf);
    const signer = found.signer(scheme);
    for (let i = 0; i < 20; i++) {
      const text = Uint8Array.of(...message, i);
      const signature = await signer.sign(text);
      expect(signer.publicKey.verify(text, signature)).toBe(true);
      expect(signer.publicKey.verify(message, signature)).toBe(false);
    }
  });

  it('finds a key by its label, and by its id', async () => {
    const made = await open().generate('pkcs11:token=vidimus%20test;object=release;id=%0a%0b');
    expect(made).toMatchObject({ id: '0a0b', label: 'release' });
    expect((await open().find('pkcs11:object=release')).publicHalf).toEqual(made.publicHalf);
    expect((await open().find('pkcs11:id=%0a%0b')).publicHalf).toEqual(made.publicHalf);
    expect((await open().list('pkcs11:')).map(({ id }) => id)).toContain('0a0b');
  });

  it('signs several messages that are asked for at once', async () => {
    const key = await open().generate('pkcs11:');
    const signer = key.signer();
    const signatures = await Promise.all([1, 2, 3, 4].map((n) => signer.sign(Uint8Array.of(n))));
    expect(signatures.every((s, i) => signer.publicKey.verify(Uint8Array.of(i + 1), s))).toBe(true);
  });

  it('never makes a second key of one id or label', async () => {
    const store = open();
    await store.generate('pkcs11:object=once;id=%20');
    await expect(store.generate('pkcs11:id=%20')).rejects.toMatchObject({ code: 'KEY_EXISTS' });
    await expect(store.generate('pkcs11:object=once')).rejects.toMatchObject({ code: 'KEY_EXISTS' });
  });

  it('refuses a scheme that the key is not for', async () => {
    const key = await open().generate('pkcs11:', 'ecdsa-p256');
    expect(() => key.signer('ed25519')).toThrow(expect.objectContaining({ code: 'SCHEME_MISMATCH' }));
    expect(() => key.signer('ecdsa-sha2-nistp384')).toThrow(
      expect.objectContaining({ code: 'SCHEME_MISMATCH' }),
    );
  });

  it('refuses a key that the token would hand out, unless told otherwise', async () => {
    await makeExtractable();
    await expect(open().find('pkcs11:id=%ee')).rejects.toMatchObject({ code: 'KEY_EXTRACTABLE' });
    const key = await open({ allowExtractable: true }).find('pkcs11:id=%ee');
    expect((await key.signer().sign(message)).length).toBe(64);
  });

  it('refuses a name that two keys have', async () => {
    importKey('30', 'twin');
    importKey('31', 'twin');
    const store = open({ allowExtractable: true });
    await expect(store.find('pkcs11:object=twin')).rejects.toMatchObject({ code: 'KEY_AMBIGUOUS' });
    expect((await store.find('pkcs11:object=twin;id=%31')).id).toBe('31');
  });

  it('lets nothing out that the public key beside it does not verify', async () => {
    await makeMismatched();
    const key = await open().find('pkcs11:id=%ef');
    await expect(key.signer().sign(message)).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
  });

  it('says that a key or a token is not there', async () => {
    await expect(open().find('pkcs11:object=nobody')).rejects.toMatchObject({ code: 'KEY_UNKNOWN' });
    await expect(open().find('pkcs11:token=other;id=%01')).rejects.toMatchObject({
      code: 'TOKEN_UNAVAILABLE',
    });
  });

  it('wants to be told which of two tokens is meant', async () => {
    hsm.makeToken('second');
    await expect(open().list('pkcs11:')).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
    expect(await open().list('pkcs11:token=second')).toEqual([]);
  });
});

describe('the PIN', () => {
  const uri = 'pkcs11:token=vidimus%20test';

  it('comes from a file that only its owner reads', async () => {
    const file = join(hsm.directory, 'pin');
    writeFileSync(file, `${pin}\n`, { mode: 0o600 });
    const environment = { VIDIMUS_PKCS11_MODULE: hsm.module };
    await open({ environment }).list(`${uri}?pin-source=file:${file}`);
    await open({ environment: { ...environment, VIDIMUS_PKCS11_PIN_FILE: file } }).list(uri);
    chmodSync(file, 0o644);
    await expect(open({ environment }).list(`${uri}?pin-source=${file}`)).rejects.toMatchObject({
      code: 'FILE_UNSAFE',
    });
  });

  it('is asked for when nothing says it', async () => {
    const environment = { VIDIMUS_PKCS11_MODULE: hsm.module };
    const asked: string[] = [];
    const askPin = async ({ label }: { readonly label: string }) => {
      asked.push(label);
      return pin;
    };
    await open({ environment, askPin }).list(uri);
    expect(asked).toEqual(['vidimus test']);
  });

  it('is needed, and must be right', async () => {
    const environment = { VIDIMUS_PKCS11_MODULE: hsm.module };
    await expect(open({ environment }).list(uri)).rejects.toMatchObject({ code: 'PIN_NEEDED' });
    await expect(
      open({ environment: { ...environment, VIDIMUS_PKCS11_PIN: '9999' } }).list(uri),
    ).rejects.toMatchObject({ code: 'PIN_WRONG' });
  });
});

/** Calls the module itself, for keys that the store never makes. */
async function withSession(work: (p11: PKCS11, session: Buffer, names: Names) => void): Promise<void> {
  const names = (await import('pkcs11js')).default;
  const p11 = new names.PKCS11();
  p11.load(hsm.module);
  p11.C_Initialize();
  const slot = p11.C_GetSlotList(true).find((s) => p11.C_GetTokenInfo(s).label.startsWith('vidimus test'));
  if (slot === undefined) throw new Error('no token');
  const session = p11.C_OpenSession(slot, names.CKF_SERIAL_SESSION | names.CKF_RW_SESSION);
  p11.C_Login(session, names.CKU_USER, pin);
  work(p11, session, names);
  p11.C_Finalize();
  p11.close();
}

type Names = typeof import('pkcs11js');
type PKCS11 = InstanceType<Names['PKCS11']>;

function generate(
  p11: PKCS11,
  session: Buffer,
  names: Names,
  id: number,
  publicId: number,
  extractable: boolean,
): void {
  p11.C_GenerateKeyPair(
    session,
    { mechanism: 0x1040 },
    [
      { type: names.CKA_TOKEN, value: true },
      { type: names.CKA_ID, value: Buffer.of(publicId) },
      { type: names.CKA_EC_PARAMS, value: Buffer.from('06082a8648ce3d030107', 'hex') },
    ],
    [
      { type: names.CKA_TOKEN, value: true },
      { type: names.CKA_PRIVATE, value: true },
      { type: names.CKA_ID, value: Buffer.of(id) },
      { type: names.CKA_SIGN, value: true },
      { type: names.CKA_SENSITIVE, value: !extractable },
      { type: names.CKA_EXTRACTABLE, value: extractable },
    ],
  );
}

async function makeExtractable(): Promise<void> {
  await withSession((p11, session, names) => generate(p11, session, names, 0xee, 0xee, true));
}

/** Two pairs, the private half of one under the id of the public half of the other. */
async function makeMismatched(): Promise<void> {
  await withSession((p11, session, names) => {
    generate(p11, session, names, 0xef, 0xf0, false);
    generate(p11, session, names, 0xf1, 0xef, false);
  });
}
