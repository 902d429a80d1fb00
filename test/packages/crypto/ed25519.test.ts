import { readFileSync } from 'node:fs';
import { CryptoError, ed25519FromSeed, fromHex, toHex, toPublicKey } from '@vidimus/crypto';
import { describe, expect, it } from 'vitest';

interface Vector {
  readonly name: string;
  readonly pub: string;
  readonly msg: string;
  readonly sig: string;
  readonly gate: 'ACCEPT' | 'refuse';
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../vectors/ed25519/vectors.json', import.meta.url), 'utf8'),
);

/** What the room says about a vector: refusing the key refuses the signature. */
function verdict({ pub, msg, sig }: Vector): string {
  try {
    const key = toPublicKey({ format: 'ed25519-raw', bytes: fromHex(pub) }, 'ed25519');
    return key.verify(fromHex(msg), fromHex(sig)) ? 'ACCEPT' : 'refuse';
  } catch (error) {
    if (error instanceof CryptoError) return 'refuse';
    throw error;
  }
}

describe('Ed25519 edge cases on which implementations disagree', () => {
  it('has all of them', () => {
    expect(vectors).toHaveLength(22);
  });

  it.each(vectors)('$gate: $name', (vector) => {
    expect(verdict(vector)).toBe(vector.gate);
  });
});

describe('ed25519FromSeed', () => {
  it('signs and verifies as RFC 8032 7.1 test 2 says', async () => {
    const { publicRaw, signer } = ed25519FromSeed(
      fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'),
    );
    expect(toHex(publicRaw)).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
    const signature = await signer.sign(Uint8Array.of(0x72));
    expect(toHex(signature)).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
    expect(signer.publicKey.verify(Uint8Array.of(0x72), signature)).toBe(true);
    expect(signer.publicKey.verify(Uint8Array.of(0x73), signature)).toBe(false);
  });
});
