/** The key of an approver whom a signer knows: no document lists it, so it is named. */
import { existsSync } from 'node:fs';
import { type Signer, signerFromPkcs8 } from '@vidimus/crypto';
import { approvalMessage, isPkcs11Uri } from '@vidimus/key-store';
import { printable } from '@vidimus/reference';
import type { ApprovalUpload } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { openKeys } from '../publish/own-keys.ts';
import type { CheckedChange } from './check-change.ts';
import { heldKey, openKeyPem, openToken } from './usable-keys.ts';

/** As signers take them. */
const schemes = ['ed25519', 'ecdsa-sha2-nistp256'] as const;

/**
 * Signs the approval of every document of a change that was checked.
 * @param name the beginning of an id, a private key file, or a `pkcs11:` URI
 * @throws CliError KEY_UNKNOWN, KEY_INVALID; KeyStoreError
 */
export async function signApprovals(
  context: Context,
  { change: { repository }, documents }: CheckedChange,
  name: string,
): Promise<readonly ApprovalUpload[]> {
  return await withSigner(context, name, async (signer) => {
    const publicKey = toPem(signer.publicKey.spkiDer);
    const signatures: ApprovalUpload[] = [];
    for (const { dialect, role, version, sha256 } of documents) {
      const message = approvalMessage({ repository, dialect, role, version, sha256 });
      const sig = Buffer.from(await signer.sign(message)).toString('base64');
      signatures.push({ dialect, role, publicKey, sig });
    }
    return signatures;
  });
}

async function withSigner<Result>(
  context: Context,
  name: string,
  work: (signer: Signer) => Promise<Result>,
): Promise<Result> {
  if (isPkcs11Uri(name)) {
    const token = openToken(context);
    try {
      const found = await token.find(name);
      return await work(found.signer(schemes[found.publicHalf.algorithm === 'ed25519' ? 0 : 1]));
    } finally {
      await token.close();
    }
  }
  const store = openKeys(context);
  const held = await heldKey(store, name);
  if (held !== undefined) {
    return await work(await store.open(held, schemes[held.algorithm === 'ed25519' ? 0 : 1]));
  }
  if (existsSync(name)) return await withFile(context, name, work);
  throw new CliError(
    'KEY_UNKNOWN',
    exitCodes.denied,
    `${printable(name)} is no key on this machine: neither the beginning of an id, nor a file, nor a pkcs11: URI`,
    'vidimus key list',
  );
}

async function withFile<Result>(
  context: Context,
  file: string,
  work: (signer: Signer) => Promise<Result>,
): Promise<Result> {
  const pkcs8 = await openKeyPem(context, file);
  try {
    for (const scheme of schemes) {
      const signer = trySigner(pkcs8, scheme);
      if (signer !== undefined) return await work(signer);
    }
  } finally {
    pkcs8.fill(0);
  }
  throw new CliError('KEY_INVALID', exitCodes.usage, `${file} holds no Ed25519 or P-256 key`);
}

function trySigner(pkcs8: Uint8Array, scheme: (typeof schemes)[number]): Signer | undefined {
  try {
    return signerFromPkcs8(pkcs8, scheme);
  } catch {
    // A key of the other kind.
    return undefined;
  }
}

function toPem(spkiDer: Uint8Array): string {
  const lines =
    Buffer.from(spkiDer)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
}
