/** Deterministic parts for key stores, and a way to catch the code of a refusal. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256, sha256Hex } from '@vidimus/crypto';
import { KeyStoreError, type PublicHalf, type Random } from '@vidimus/key-store';
import { afterAll } from 'vitest';

export const NOW = Date.UTC(2026, 10, 21);

/** Bytes that differ on each call and are the same in each run. */
export function seededRandom(seed: string): Random {
  let calls = 0;
  return (n) => {
    calls += 1;
    return sha256(Buffer.from(`${seed} ${calls}`)).slice(0, n);
  };
}

/** Of the bytes behind `publicHex`; a dialect would derive another one. */
export function keyIdOf({ publicHex }: Pick<PublicHalf, 'publicHex'>): string {
  return sha256Hex(Buffer.from(publicHex, 'hex'));
}

export async function refusal(work: () => unknown): Promise<KeyStoreError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof KeyStoreError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

/** A fresh directory, removed after the tests of the file. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'vidimus-keys-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
