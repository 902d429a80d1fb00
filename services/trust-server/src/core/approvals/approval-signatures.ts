/**
 * What approvers signed for a signer of its own that demands it. Whose keys count only the signer knows; here a
 * signature need only be right, so that nobody can put a wrong one in the place of another's key. They are kept beside
 * the signatures of the change, under a name that no role has.
 */
import { CryptoError, fromBase64, type PublicKey, type SignatureScheme, toPublicKey } from '@vidimus/crypto';
import { type Approval, approvalMessage } from '@vidimus/key-store';
import type { DialectName } from '@vidimus/tuf';
import type { ApproveChange } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { isOf } from '../changes/change-answer.ts';
import { toWholeSecond } from '../instants.ts';
import type { ChangeRow, StoredSignature } from '../store/changes.ts';

/** A signer takes no more for one document. */
const maxOfDocument = 16;
/** No role name holds a space. */
const nameOf = (role: string): string => `approval ${role}`;

type Posted = NonNullable<ApproveChange['signatures']>[number];

/** As they are kept; those that are there already are left out. @throws TrustError SIGNATURE_INVALID */
export function checkApprovals(
  change: ChangeRow,
  posted: readonly Posted[],
  { actor }: Call,
  nowMs: number,
): readonly StoredSignature[] {
  const fresh = new Map<string, StoredSignature>();
  for (const entry of posted) {
    const { dialect } = entry;
    const role = nameOf(entry.role);
    const { materialId: keyId, signature } = checkOne(change, entry);
    const of = change.signatures.filter((known) => isOf(known, { dialect, role }));
    if (of.some((known) => known.keyId === keyId)) continue;
    if (of.length >= maxOfDocument) throw refused(entry, 'the document has as many as any signer takes');
    const stored = { dialect, role, keyId, signature, by: actor, atMs: toWholeSecond(nowMs) };
    fresh.set(`${dialect} ${role} ${keyId}`, stored);
  }
  return [...fresh.values()];
}

/** Of one document, as a signer takes them. */
export function approvalsOf(
  { signatures }: Pick<ChangeRow, 'signatures'>,
  dialect: DialectName,
  role: string,
): readonly Approval[] {
  return signatures
    .filter((entry) => isOf(entry, { dialect, role: nameOf(role) }))
    .slice(0, maxOfDocument)
    .map(({ keyId, signature }) => ({ keyId, signature: Buffer.from(signature).toString('base64') }));
}

function checkOne(
  change: ChangeRow,
  entry: Posted,
): { readonly materialId: string; readonly signature: Uint8Array } {
  const document = change.documents.find((each) => isOf(each, entry));
  if (document === undefined) throw refused(entry, 'the change has no such document');
  const { dialect, role, version, sha256 } = document;
  const message = approvalMessage({ repository: change.repository, dialect, role, version, sha256 });
  const signature = toBytes(entry);
  const key = toKey(entry);
  if (!key.verify(message, signature)) throw refused(entry, 'it is not over this document');
  return { materialId: key.materialId, signature };
}

function toBytes(entry: Posted): Uint8Array {
  try {
    return fromBase64(entry.sig);
  } catch (error) {
    if (error instanceof CryptoError) throw refused(entry, 'it cannot be read');
    throw error;
  }
}

/** The kinds of keys that a signer's approvers may have. */
const schemes = ['ed25519', 'ecdsa-sha2-nistp256'] satisfies readonly SignatureScheme[];

function toKey(entry: Posted): PublicKey {
  for (const scheme of schemes) {
    try {
      return toPublicKey({ format: 'spki-pem', text: entry.publicKey }, scheme);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  throw refused(entry, 'its key is no PEM of an Ed25519 or P-256 key');
}

function refused({ dialect, role }: Posted, why: string): TrustError {
  return new TrustError('SIGNATURE_INVALID', `the approval of ${role} is refused: ${why}`, { dialect, role });
}
