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

describe('R of small order', () => {
  // That the check is needed shows the vector "A honest, R=identity, S=k*a" above.
  it('is refused in each of its spellings', async () => {
    const { signer } = ed25519FromSeed(new Uint8Array(32).fill(3));
    const signature = await signer.sign(Uint8Array.of());
    for (const spelling of smallOrderSpellings()) {
      const forged = Uint8Array.of(...fromHex(spelling), ...signature.slice(32));
      expect(signer.publicKey.verify(Uint8Array.of(), forged)).toBe(false);
    }
  });
});

/** Every 32 bytes that decode, canonically or not, to a point of small order: y modulo p, with either sign. */
function smallOrderSpellings(): string[] {
  const p = 2n ** 255n - 19n;
  const spellings: string[] = [];
  for (const y of [0n, 1n, p - 1n, p, p + 1n]) {
    for (const sign of [0n, 1n]) spellings.push(littleEndian(y + sign * 2n ** 255n));
  }
  for (const y of [
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc',
  ]) {
    for (const last of y.startsWith('c7') ? ['7a', 'fa'] : ['05', '85']) spellings.push(y + last);
  }
  return spellings;
}

function littleEndian(value: bigint): string {
  return toHex(fromHex(value.toString(16).padStart(64, '0')).reverse());
}
