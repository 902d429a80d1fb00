import { ed25519FromSeed, toBase64, toHex } from '@vidimus/crypto';
import {
  createMemoryKeyStore,
  createWrappedKeyStore,
  type KeyScope,
  parseMasterKey,
  type WrappedKey,
  type WrappedKeyStoreParts,
} from '@vidimus/key-store';
import { describe, expect, it } from 'vitest';
import { keyIdOf, NOW, refusal, seededRandom } from './seeded-parts.ts';

const message = new TextEncoder().encode('vidimus');
const scope: KeyScope = { repository: 'registry.example.com/shop/web', role: 'targets', dialect: 'tuf' };
const root: KeyScope = { ...scope, role: 'root' };

const master = parseMasterKey(toBase64(seededRandom('master')(32)));
const rootMaster = parseMasterKey(toBase64(seededRandom('root master')(32)));
const otherMaster = parseMasterKey(toBase64(seededRandom('other master')(32)));

function store(parts: Partial<WrappedKeyStoreParts> = {}) {
  return createWrappedKeyStore({ random: seededRandom('store'), now: () => NOW, master, ...parts });
}

describe('managed keys in rows', () => {
  it('come back as the row to store, and sign once opened', async () => {
    const keys = store();
    const row = await keys.generate(scope, keyIdOf);
    expect(row).toEqual({
      ...scope,
      keyId: keyIdOf(row),
      algorithm: 'ed25519',
      publicHex: expect.stringMatching(/^[0-9a-f]{64}$/),
      wrapped: expect.any(Uint8Array),
      masterFingerprint: master.fingerprint,
      createdAt: NOW,
    });
    expect(row.wrapped).toHaveLength(121);
    const signer = await store().open(row);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    expect(signer.publicKey.materialId).toBe((await keys.open(row)).publicKey.materialId);
  });

  it('are another key, under another data key and nonce, each time', async () => {
    const keys = store();
    const rows = [await keys.generate(scope, keyIdOf), await keys.generate(scope, keyIdOf)];
    expect(new Set(rows.map((row) => row.publicHex)).size).toBe(2);
    expect(new Set(rows.map((row) => toHex(row.wrapped.slice(1, 61)))).size).toBe(2);
  });

  it('do not show the private key in the row', async () => {
    const seed = seededRandom('store')(32);
    const row = await store().generate(scope, keyIdOf);
    expect(row.publicHex).toBe(toHex(ed25519FromSeed(seed).publicRaw));
    expect(toHex(row.wrapped)).not.toContain(toHex(seed));
  });

  it('need an id that the dialect derives', async () => {
    for (const keyId of ['', '../../etc/passwd', 'A'.repeat(64)]) {
      expect((await refusal(() => store().generate(scope, () => keyId))).code).toBe('KEY_ID_INVALID');
    }
  });

  it('are not made from a broken source of random bytes', async () => {
    for (const random of [
      () => new Uint8Array(32),
      () => new Uint8Array(0),
      (n: number) => new Uint8Array(n).fill(7),
    ]) {
      expect((await refusal(() => store({ random }).generate(scope, keyIdOf))).code).toBe('RANDOM_INVALID');
    }
  });
});

describe('a row that was tampered with', () => {
  const spoilt: readonly (readonly [string, (row: WrappedKey, other: WrappedKey) => WrappedKey])[] = [
    ['in another repository', (row) => ({ ...row, repository: 'registry.example.com/shop/api' })],
    ['under another role', (row) => ({ ...row, role: 'snapshot' })],
    ['in another dialect', (row) => ({ ...row, dialect: 'notary' })],
    ['under another key id', (row, other) => ({ ...row, keyId: other.keyId })],
    [
      'with repository and role run together otherwise',
      (row) => ({ ...row, repository: `${row.repository}t`, role: 'argets' }),
    ],
    ['with the private key of another row', (row, other) => ({ ...row, wrapped: other.wrapped })],
    ['with the public key of another row', (row, other) => ({ ...row, publicHex: other.publicHex })],
    ['with id and public key of another row', (row, other) => ({ ...other, wrapped: row.wrapped })],
    [
      'with the data key of another row',
      (row, other) => ({
        ...row,
        wrapped: Uint8Array.of(...other.wrapped.slice(0, 61), ...row.wrapped.slice(61)),
      }),
    ],
    [
      'with its layers exchanged',
      (row) => ({ ...row, wrapped: Uint8Array.of(1, ...row.wrapped.slice(61), ...row.wrapped.slice(1, 61)) }),
    ],
    ['of format version 2', (row) => ({ ...row, wrapped: Uint8Array.of(2, ...row.wrapped.slice(1)) })],
    ['cut short', (row) => ({ ...row, wrapped: row.wrapped.slice(0, 120) })],
    ['with a byte more', (row) => ({ ...row, wrapped: Uint8Array.of(...row.wrapped, 0) })],
    ['without the private key', (row) => ({ ...row, wrapped: new Uint8Array() })],
  ];

  it.each(spoilt)('is refused: %s', async (_name, spoil) => {
    const keys = store();
    const row = await keys.generate(scope, keyIdOf);
    const other = await keys.generate(scope, keyIdOf);
    const wrong = spoil(row, other);
    expect((await refusal(() => keys.open(wrong))).code).toBe('KEY_CORRUPT');
    // Also when the honest row is open already.
    await keys.open(row);
    await keys.open(other);
    expect((await refusal(() => keys.open(wrong))).code).toBe('KEY_CORRUPT');
  });

  it('is refused with any byte changed', async () => {
    const keys = store();
    const row = await keys.generate(scope, keyIdOf);
    for (let at = 0; at < row.wrapped.length; at += 1) {
      const wrapped = Uint8Array.from(row.wrapped);
      wrapped[at] = (wrapped[at] ?? 0) ^ 1;
      expect((await refusal(() => keys.open({ ...row, wrapped }))).code).toBe('KEY_CORRUPT');
    }
  });

  it('says where it is, not what it holds', async () => {
    const keys = store();
    const row = await keys.generate(scope, keyIdOf);
    const error = await refusal(() => keys.open({ ...row, role: 'snapshot' }));
    expect(error.detail).toEqual({ ...scope, role: 'snapshot', keyId: row.keyId });
  });
});

describe('master keys', () => {
  it('refuse a row of another one with both fingerprints', async () => {
    const row = await store().generate(scope, keyIdOf);
    const error = await refusal(() => store({ master: otherMaster }).open(row));
    expect(error.code).toBe('MASTER_KEY_WRONG');
    expect(error.detail).toEqual({ given: otherMaster.fingerprint, needed: master.fingerprint });
  });

  it('do not open a row whose fingerprint was rewritten', async () => {
    const row = await store().generate(scope, keyIdOf);
    const forged = { ...row, masterFingerprint: otherMaster.fingerprint };
    expect((await refusal(() => store({ master: otherMaster }).open(forged))).code).toBe('KEY_CORRUPT');
  });

  it('wrap root keys by the root master key alone', async () => {
    const keys = store({ rootMaster });
    const row = await keys.generate(root, keyIdOf);
    expect(row.masterFingerprint).toBe(rootMaster.fingerprint);
    const signer = await keys.open(row);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    expect((await keys.generate(scope, keyIdOf)).masterFingerprint).toBe(master.fingerprint);
  });

  it('answer SIGNER_UNAVAILABLE for root without the root master key, and go on with the rest', async () => {
    const row = await store({ rootMaster }).generate(root, keyIdOf);
    const keys = store();
    expect((await refusal(() => keys.generate(root, keyIdOf))).code).toBe('SIGNER_UNAVAILABLE');
    expect((await refusal(() => keys.open(row))).code).toBe('SIGNER_UNAVAILABLE');
    expect([keys.isAvailable('root'), keys.isAvailable('targets')]).toEqual([false, true]);
    expect(store({ rootMaster }).isAvailable('root')).toBe(true);
    expect(await keys.open(await keys.generate(scope, keyIdOf))).toBeDefined();
  });

  it('must be two', async () => {
    expect((await refusal(() => store({ rootMaster: master }))).code).toBe('MASTER_KEY_INVALID');
  });
});

describe('opened keys', () => {
  it('stay open, as the same signer', async () => {
    const keys = store();
    const row = await keys.generate(scope, keyIdOf);
    expect(await keys.open(row)).toBe(await keys.open({ ...row, wrapped: Uint8Array.from(row.wrapped) }));
  });

  it('are bounded: the least recently used one is dropped', async () => {
    const keys = store({ maxOpenKeys: 2 });
    const rows = [
      await keys.generate(scope, keyIdOf),
      await keys.generate(scope, keyIdOf),
      await keys.generate(scope, keyIdOf),
    ];
    const [first, second, third] = rows;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three rows');
    const before = [await keys.open(first), await keys.open(second)];
    await keys.open(first);
    await keys.open(third);
    expect(await keys.open(first)).toBe(before[0]);
    expect(await keys.open(second)).not.toBe(before[1]);
  });

  it('are dropped by id, or all at once', async () => {
    const keys = store();
    const rows = [await keys.generate(scope, keyIdOf), await keys.generate(scope, keyIdOf)];
    const [a, b] = rows;
    if (a === undefined || b === undefined) throw new Error('two rows');
    const before = [await keys.open(a), await keys.open(b)];
    keys.forget(a.keyId);
    expect(await keys.open(a)).not.toBe(before[0]);
    expect(await keys.open(b)).toBe(before[1]);
    keys.forgetAll();
    expect(await keys.open(b)).not.toBe(before[1]);
  });
});

describe('the memory store', () => {
  it('makes and opens keys, and knows no others', async () => {
    const keys = createMemoryKeyStore({ random: seededRandom('memory'), now: () => NOW });
    const key = await keys.generate({}, keyIdOf);
    expect(key).toEqual({ keyId: key.keyId, algorithm: 'ed25519', publicHex: key.publicHex, createdAt: NOW });
    const signer = await keys.open(key);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    expect((await refusal(() => keys.open({ ...key, keyId: 'a'.repeat(64) }))).code).toBe('KEY_UNKNOWN');
    expect((await refusal(() => keys.generate({}, () => 'x'))).code).toBe('KEY_ID_INVALID');
  });
});
