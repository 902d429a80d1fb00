/** A key that is handed out comes back as the same key, and only under its passphrase. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { toPublicKey } from '@vidimus/crypto';
import { createFileKeyStore } from '@vidimus/key-store';
import { expect, it } from 'vitest';
import { keyIdOf, NOW, refusal, seededRandom, temporaryDirectory } from './seeded-parts.ts';

const base = temporaryDirectory();
const message = new TextEncoder().encode('vidimus');

function storeIn(name: string, passphrase = 'correct horse') {
  return createFileKeyStore({
    directory: join(base, name),
    passphrase: async () => passphrase,
    random: seededRandom(name),
    now: () => NOW,
  });
}

it.each(['ed25519', 'ecdsa-p256'] as const)('of the kind %s', async (algorithm) => {
  const store = storeIn(algorithm);
  const key = await store.generate({ label: 'alice' }, keyIdOf, algorithm);
  const pkcs8 = await store.exportPkcs8(key);
  const other = await storeIn(`${algorithm} elsewhere`).import({ label: 'alice' }, pkcs8, keyIdOf);
  expect([other.keyId, other.publicHex]).toEqual([key.keyId, key.publicHex]);
  const signer = await storeIn(`${algorithm} elsewhere`).open(other);
  const exported = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(exported).export({ format: 'der', type: 'spki' });
  const publicKey = toPublicKey({ format: 'spki-der', bytes: spki }, signer.scheme);
  expect(publicKey.verify(message, await signer.sign(message))).toBe(true);
});

it('under its passphrase alone, from where it is', async () => {
  const key = await storeIn('kept').generate({ label: 'alice' }, keyIdOf);
  expect(await refusal(() => storeIn('kept', 'wrong').exportPkcs8(key))).toMatchObject({
    code: 'PASSPHRASE_WRONG',
  });
  expect(await refusal(() => storeIn('empty').exportPkcs8(key))).toMatchObject({ code: 'KEY_UNKNOWN' });
});
