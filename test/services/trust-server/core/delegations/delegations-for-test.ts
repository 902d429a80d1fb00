/** Parties with keys of their own, and how they sign the documents of a change. */
import { fromBase64, toBase64, toHex } from '@vidimus/crypto';
import { ed25519KeyObject, keyIdOf } from '@vidimus/notary';
import { verifyChange } from '@vidimus/trust-client';
import { ChangeSchema } from '../../../../../packages/trust-client/src/publish/answers.ts';
import type {
  Change,
  KeyEntry,
  PutDelegation,
} from '../../../../../services/trust-server/src/schemas/index.ts';
import { Client, type ClientKey, type CoreForTest, call, clientKey } from '../core-for-test.ts';

/** A person with one key, written in both dialects. */
export interface Party {
  readonly name: string;
  readonly tuf: ClientKey;
  readonly notaryId: string;
  readonly entry: KeyEntry;
  readonly notaryEntry: KeyEntry;
}

export function party(name: string): Party {
  const tuf = clientKey(`party ${name}`);
  const other = clientKey(`party ${name} in notary`);
  const publicHex = (other.declared['keyval'] as { readonly public: string }).public;
  const declared = ed25519KeyObject(Buffer.from(publicHex, 'hex'));
  notarySigners.set(keyIdOf(declared), other);
  return {
    name,
    tuf,
    notaryId: keyIdOf(declared),
    entry: { custody: 'client', key: tuf.declared },
    notaryEntry: { custody: 'client', dialect: 'notary', key: declared },
  };
}

const notarySigners = new Map<string, ClientKey>();

export const own: KeyEntry = { custody: 'managed' };

/** A body with one key for each party. */
export function heldBy(
  parties: readonly Party[],
  more: Partial<PutDelegation> & { readonly dual?: boolean } = {},
): PutDelegation {
  const { dual = false, ...rest } = more;
  return {
    signers: parties.map(({ name, entry, notaryEntry }) => ({
      name,
      keys: dual ? [entry, notaryEntry] : [entry],
    })),
    threshold: 1,
    paths: ['*'],
    ...rest,
  };
}

/** A body whose keys the service holds. */
export function heldByService(more: Partial<PutDelegation> = {}): PutDelegation {
  return { signers: [{ name: 'ci', keys: [own] }], threshold: 1, paths: ['*'], ...more };
}

/** What a party signs: every document of the change that asks for a key of it. */
export async function signaturesOf(change: Change, { tuf, notaryId }: Party) {
  const signatures = [];
  for (const { dialect, role, toSign, thresholds } of change.documents) {
    const keyId = dialect === 'tuf' ? tuf.keyId : notaryId;
    if (!thresholds.some(({ keyIds }) => keyIds.includes(keyId))) continue;
    const signer = dialect === 'tuf' ? tuf.signer : notarySigners.get(notaryId)?.signer;
    if (signer === undefined) throw new Error('no signer');
    const made = await signer.sign(fromBase64(toSign));
    signatures.push({ dialect, role, keyId, sig: dialect === 'tuf' ? toHex(made) : toBase64(made) });
  }
  return signatures;
}

/** As a person's client would, before anything is signed: the documents are made again from what it verified itself. */
async function assertAsDescribed(core: CoreForTest, change: Change): Promise<void> {
  const { repository, documents } = change;
  if (documents.some(({ dialect }) => dialect !== 'tuf')) return;
  const present = [await (await new Client(core, repository).pin()).present()];
  const read = ChangeSchema.parse(JSON.parse(JSON.stringify(change)));
  verifyChange({ repository, change: read, present, now: core.clock.nowMs });
}

/** The change after each party has signed. */
export async function signBy(
  core: CoreForTest,
  change: Change,
  ...parties: readonly Party[]
): Promise<Change> {
  const { service } = core;
  if (change.state === 'open' && parties.length > 0) await assertAsDescribed(core, change);
  let latest = change;
  for (const each of parties) {
    const signatures = await signaturesOf(change, each);
    latest = await service.signChange(
      { ...call, actor: `token:${each.name}` },
      change.repository,
      change.id,
      {
        signatures,
      },
    );
  }
  return latest;
}
