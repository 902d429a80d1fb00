/** Signs documents that were recomputed here, and hands the signatures in. */
import type { ClientKey, FileKeyStore } from '@vidimus/key-store';
import type { Change, PublishClient, SigningKey, VerifiedDocument } from '@vidimus/trust-client';
import type { Context } from '../context.ts';
import { signOnce } from './sign-once.ts';
import { createSignedRecords } from './signed-records.ts';

export interface Signing {
  readonly change: Change;
  /** Recomputed here, and found equal. */
  readonly documents: readonly VerifiedDocument[];
  readonly keys: readonly SigningKey[];
}

/** The change as it is with these signatures. @throws CliError; TrustClientError SIGNED_ALREADY, REFUSED */
export async function signAndSubmit(
  context: Context,
  publisher: PublishClient,
  store: FileKeyStore,
  { change, documents, keys }: Signing,
): Promise<Change> {
  const { repository } = change;
  const records = createSignedRecords(store, publisher, change);
  const signatures = await signOnce(context, { repository, change, documents, keys, records });
  return await publisher.submitSignatures(repository, change.id, signatures);
}

/** Opens keys of the store. @throws KeyStoreError PASSPHRASE_WRONG; CliError PASSPHRASE_NEEDED */
export async function openHeld(
  context: Context,
  store: FileKeyStore,
  held: readonly ClientKey[],
): Promise<readonly SigningKey[]> {
  const keys: SigningKey[] = [];
  for (const key of held) {
    context.terminal.progress(`opening key ${key.keyId.slice(0, 12)} ...`);
    keys.push({ keyId: key.keyId, signer: await store.open(key) });
  }
  return keys;
}
