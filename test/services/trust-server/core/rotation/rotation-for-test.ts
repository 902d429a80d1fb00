/** Roles with keys of several hands, and readers with warm and cold caches that follow them. */
import { fromBase64, toBase64, toHex } from '@vidimus/crypto';
import { expect } from 'vitest';
import type { Change, KeyEntry } from '../../../../../services/trust-server/src/schemas/index.ts';
import { Client, type ClientKey, type CoreForTest, call } from '../core-for-test.ts';
import { type CertifiedKey, NotaryReader } from '../dual-for-test.ts';

export const managedEntry: KeyEntry = { custody: 'managed' };
export const clientEntry = ({ declared }: Pick<ClientKey, 'declared'>): KeyEntry => ({
  custody: 'client',
  key: declared,
});
export const notaryEntry = ({ declared }: Pick<CertifiedKey, 'declared'>): KeyEntry => ({
  custody: 'client',
  dialect: 'notary',
  key: declared,
});

export type AnyKey = Pick<ClientKey, 'keyId' | 'signer'>;

/** What these keys sign of a change: every document that asks for them. */
export async function signaturesOf(change: Change, keys: readonly AnyKey[]) {
  const signatures: { dialect: 'tuf' | 'notary'; role: string; keyId: string; sig: string }[] = [];
  for (const { dialect, role, toSign, thresholds } of change.documents) {
    for (const { keyId, signer } of keys) {
      if (!thresholds.some(({ keyIds }) => keyIds.includes(keyId))) continue;
      const bytes = await signer.sign(fromBase64(toSign));
      signatures.push({ dialect, role, keyId, sig: dialect === 'tuf' ? toHex(bytes) : toBase64(bytes) });
    }
  }
  return signatures;
}

/** Signs everything that these keys may sign. */
export async function signAll(
  { service }: CoreForTest,
  repository: string,
  change: Change,
  keys: readonly AnyKey[],
): Promise<Change> {
  const signatures = await signaturesOf(change, keys);
  expect(signatures.length).toBeGreaterThan(0);
  return await service.signChange(call, repository, change.id, { signatures });
}

/** A client that has seen everything, and one that sees the repository for the first time. */
export class Followers {
  readonly #core: CoreForTest;
  readonly #repository: string;
  readonly #warm: Client;
  readonly #warmNotary: NotaryReader | undefined;

  private constructor(core: CoreForTest, repository: string, warm: Client, notary: NotaryReader | undefined) {
    this.#core = core;
    this.#repository = repository;
    this.#warm = warm;
    this.#warmNotary = notary;
  }

  static async of(core: CoreForTest, repository: string, dialects = 1): Promise<Followers> {
    const warm = await new Client(core, repository).pin();
    await warm.refresh();
    const notary = dialects === 1 ? undefined : new NotaryReader(core, repository);
    await notary?.refresh();
    return new Followers(core, repository, warm, notary);
  }

  /** Every tag, as all of them see it alike; the root that they came to trust. */
  async follow(): Promise<{
    readonly tags: Readonly<Record<string, string>>;
    readonly root: Awaited<ReturnType<Client['refresh']>>['root']['document'];
  }> {
    const cold = await new Client(this.#core, this.#repository).pin();
    const tags = await cold.targets();
    expect(await this.#warm.targets()).toEqual(tags);
    if (this.#warmNotary !== undefined) {
      expect(await this.#warmNotary.targets()).toEqual(tags);
      expect(await new NotaryReader(this.#core, this.#repository).targets()).toEqual(tags);
    }
    const { root } = await this.#warm.refresh();
    return { tags, root: root.document };
  }
}
