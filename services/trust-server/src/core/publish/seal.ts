/** From an unsigned document to the file that clients get: signed by managed keys, then judged as a client would. */
import { sha256Hex } from '@vidimus/crypto';
import {
  type Authority,
  DEFAULT_LIMITS,
  type DocumentOf,
  type Draft,
  type Root,
  type Signature,
  type TufDocument,
  TufError,
  tufDialect,
  type VerifyContext,
  verifyRole,
  verifyRoot,
  verifyRootUpdate,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import type { SignerOf } from '../keys/managed-keys.ts';

/** Files beyond this are refused: python-tuf and tuf-js read no more of a targets file. */
const maxFileBytes = 5_000_000;

/** A signed file, verified. */
export interface Sealed<D extends TufDocument = TufDocument> {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly document: D;
  /** Under which it was verified; absent for root, which says so itself. */
  readonly authority?: Authority;
}

/**
 * Signs the draft of a role below root with every managed key it has.
 * @throws TrustError SIGNER_UNAVAILABLE when the keys at hand do not reach the threshold, BODY_INVALID when the
 * file is too large
 */
export async function sealRole<K extends 'targets' | 'snapshot' | 'timestamp'>(
  kind: K,
  role: string,
  draft: Draft,
  authority: Authority,
  signerOf: SignerOf,
): Promise<Sealed<DocumentOf[K]>> {
  const { keyIds } = authority.roleKeys;
  const bytes = await sign(role, tufDialect.encode(draft), keyIds, [], signerOf);
  const judged = judge(role, () => verifyRole(contextOf(draft), kind, role, bytes, authority));
  return { ...finish(role, bytes, judged.document, draft), authority };
}

/**
 * Signs a root with the managed keys among its own and its predecessor's, beside what clients signed.
 * @throws TrustError SIGNER_UNAVAILABLE
 */
export async function sealRoot(
  draft: Draft<Root>,
  previous: Root | undefined,
  signerOf: SignerOf,
  collected: readonly Signature[] = [],
): Promise<Sealed<Root>> {
  const keyIds = [...(previous?.roles.root.keyIds ?? []), ...draft.roles.root.keyIds];
  const bytes = await sign('root', tufDialect.encode(draft), keyIds, collected, signerOf);
  const judged = judge('root', () =>
    previous === undefined
      ? verifyRoot(contextOf(draft), bytes)
      : verifyRootUpdate(contextOf(draft), previous, bytes),
  );
  return finish('root', bytes, judged.document, draft);
}

async function sign(
  role: string,
  message: Uint8Array,
  keyIds: readonly string[],
  collected: readonly Signature[],
  signerOf: SignerOf,
): Promise<Uint8Array> {
  const signatures = [...collected];
  const signed = new Set(signatures.map(({ keyId }) => keyId));
  for (const keyId of keyIds) {
    if (signed.has(keyId)) continue;
    signed.add(keyId);
    const signer = await signerOf(keyId);
    if (signer !== undefined) signatures.push({ keyId, value: await signer.sign(message) });
  }
  const bytes = tufDialect.seal(message, signatures);
  if (bytes.length <= maxFileBytes) return bytes;
  throw new TrustError('BODY_INVALID', `the file of role ${role} would have ${bytes.length} bytes`, {
    role,
    most: maxFileBytes,
  });
}

/** Too few signatures is the signers' fault; anything else would be ours. */
function judge<T>(role: string, verify: () => T): T {
  try {
    return verify();
  } catch (cause) {
    if (!(cause instanceof TufError) || cause.code !== 'THRESHOLD') throw cause;
    throw new TrustError('SIGNER_UNAVAILABLE', `role ${role} cannot be signed now`, { role }, { cause });
  }
}

function finish<D extends TufDocument>(
  role: string,
  bytes: Uint8Array,
  document: D,
  draft: Draft,
): Sealed<D> {
  const { version, expires, binding } = document;
  const { issued } = binding;
  const same = version === draft.version && expires === draft.expires && issued === draft.binding.issued;
  if (!same || issued === undefined) {
    throw new TrustError('INTERNAL', `the file of role ${role} is not what was to be signed`);
  }
  return { role, version, bytes, sha256: sha256Hex(bytes), issuedMs: issued, expiresMs: expires, document };
}

/** Our own files are never foreign: they must say whose they are. */
function contextOf(draft: Draft): VerifyContext {
  const repository = draft.binding.repository ?? '';
  return { dialect: tufDialect, repository, foreign: false, limits: DEFAULT_LIMITS };
}
