/** Signing documents of a change that were verified before, never two for one version. */
import { type Signer, toBase64, toHex } from '@vidimus/crypto';
import type { DialectName } from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import type { VerifiedDocument } from './offered-document.ts';
import type { SignatureUpload } from './requests.ts';

/** What a key signs at most once. */
export interface SignedVersion {
  readonly keyId: string;
  readonly repository: string;
  readonly dialect: DialectName;
  readonly role: string;
  readonly version: number;
}

export interface SignedDocument {
  /** Hex, of the bytes signed. */
  readonly sha256: string;
  /** Id of the change. */
  readonly change: string;
}

/** Remembers, beside the key, what it signed (`<key id>.signed`). */
export interface SignedRecords {
  /** What the key last signed for this version. */
  find(version: SignedVersion): Promise<SignedDocument | undefined>;
  /** Durable before it returns: the signature leaves only then. */
  remember(version: SignedVersion, document: SignedDocument): Promise<void>;
}

export interface SigningKey {
  /** As the role lists it. */
  readonly keyId: string;
  readonly signer: Signer;
}

export interface SignRequest {
  readonly repository: string;
  readonly change: { readonly id: string; readonly insteadOf?: readonly string[] | undefined };
  /** From `verifyCreation` or `verifyAddedDialect`. */
  readonly documents: readonly VerifiedDocument[];
  readonly keys: readonly SigningKey[];
  readonly records: SignedRecords;
  /** A person confirmed that the changes named in `insteadOf` are dead. */
  readonly replacementConfirmed?: boolean;
}

/**
 * Signatures by every key over every document that lists it.
 * @throws TrustClientError SIGNED_ALREADY for a second document of one version; nothing has been signed then
 */
export async function signDocuments(request: SignRequest): Promise<readonly SignatureUpload[]> {
  const pairs = request.documents.flatMap((document) =>
    request.keys.filter((key) => document.keyIds.includes(key.keyId)).map((key) => ({ document, key })),
  );
  for (const { document, key } of pairs) await assertFirst(request, document, key);
  const signatures: SignatureUpload[] = [];
  for (const { document, key } of pairs) {
    const { sha256, dialect, role } = document;
    await request.records.remember(versionOf(request, document, key), { sha256, change: request.change.id });
    const value = await key.signer.sign(document.message);
    signatures.push({ dialect, role, keyId: key.keyId, sig: spell(dialect, value) });
  }
  return signatures;
}

function spell(dialect: DialectName, signature: Uint8Array): string {
  return dialect === 'tuf' ? toHex(signature) : toBase64(signature);
}

async function assertFirst(request: SignRequest, document: VerifiedDocument, key: SigningKey): Promise<void> {
  const before = await request.records.find(versionOf(request, document, key));
  if (before === undefined || before.sha256 === document.sha256) return;
  const named = request.change.insteadOf?.includes(before.change) ?? false;
  if (named && request.replacementConfirmed === true) return;
  const { role, version } = document;
  throw new TrustClientError(
    'SIGNED_ALREADY',
    `key ${key.keyId.slice(0, 12)} signed another ${role} v${version}`,
    {
      detail: { role, version, keyId: key.keyId, change: before.change, namedDead: named },
      hint: named
        ? `confirm that change ${before.change} is dead`
        : `only a change that says it stands instead of ${before.change} may replace it`,
    },
  );
}

function versionOf(request: SignRequest, document: VerifiedDocument, key: SigningKey): SignedVersion {
  const { dialect, role, version } = document;
  return { keyId: key.keyId, repository: request.repository, dialect, role, version };
}
