/** From an unsigned document to the file that clients get: signed by managed keys, then judged as a client would. */
import { sha256Hex } from '@vidimus/crypto';
import { KeyStoreError } from '@vidimus/key-store';
import {
  type Authority,
  DEFAULT_LIMITS,
  type DialectName,
  type DocumentOf,
  type Draft,
  type Root,
  type Signature,
  type TufDocument,
  TufError,
  type VerifyContext,
  verifyRole,
  verifyRoot,
  verifyRootUpdate,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import { toWholeSecond } from '../instants.ts';
import type { SignerOf } from '../keys/managed-keys.ts';

/** Files beyond this are refused: python-tuf and tuf-js read no more of a targets file. */
const maxFileBytes = 5_000_000;
/** As far as a restore jumps. */
const maxPassed = 2 ** 20;

/** A signed file, verified. */
export interface Sealed<D extends TufDocument = TufDocument> {
  readonly dialect: DialectName;
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

/** For whom files are made, and when. */
export interface Sealing {
  readonly dialect: DialectName;
  /** Normalised repository name. */
  readonly repository: string;
  readonly nowMs: number;
  readonly signerOf: SignerOf;
}

/**
 * Signs the draft of a role below root with every managed key it has, beside what clients signed.
 * @throws TrustError SIGNER_UNAVAILABLE when the keys at hand do not reach the threshold, BODY_INVALID when the
 * file is too large
 */
export async function sealRole<K extends 'targets' | 'snapshot' | 'timestamp'>(
  sealing: Sealing,
  kind: K,
  role: string,
  draft: Draft,
  authority: Authority,
  collected: readonly Signature[] = [],
): Promise<Sealed<DocumentOf[K]>> {
  const { keyIds } = authority.roleKeys;
  // The timestamp's version stands in events whose head it signs: whoever makes those passes it over.
  const mayPass = kind !== 'timestamp' && collected.length === 0;
  const { bytes, next } = await signAbove(
    sealing,
    role,
    draft,
    keyIds,
    collected,
    mayPass ? keyIds.length : 0,
  );
  const judged = judge(role, () => verifyRole(contextOf(sealing), kind, role, bytes, authority));
  return { ...finish(sealing, role, bytes, judged.document, next), authority };
}

/**
 * The newest version that a signer signed for a publish that never was, from what it refused with. Such a version
 * is passed over: nobody ever saw it, and nothing else may be signed under it.
 * @param refused - the version that was to be signed
 */
export function highestSigned(error: unknown, refused: number): number | undefined {
  if (!(error instanceof KeyStoreError) || error.code !== 'SIGNER_REFUSED') return undefined;
  const { code, highest } = error.detail;
  if (code !== 'VERSION_USED' || typeof highest !== 'number') return undefined;
  // A signer that lies must not use all numbers up.
  return highest >= refused && highest <= refused + maxPassed ? highest : undefined;
}

async function signAbove(
  sealing: Sealing,
  role: string,
  draft: Draft,
  keyIds: readonly string[],
  collected: readonly Signature[],
  passes: number,
): Promise<{ readonly bytes: Uint8Array; readonly next: Draft }> {
  try {
    return { bytes: await sign(sealing, role, draft, keyIds, collected), next: draft };
  } catch (error) {
    const highest = highestSigned(error, draft.version);
    if (highest === undefined || passes === 0) throw error;
    const next = { ...draft, version: highest + 1 };
    return await signAbove(sealing, role, next, keyIds, collected, passes - 1);
  }
}

/**
 * Signs a root with the managed keys among its own and its predecessor's, beside what clients signed.
 * @throws TrustError SIGNER_UNAVAILABLE
 */
export async function sealRoot(
  sealing: Sealing,
  draft: Draft<Root>,
  previous: Root | undefined,
  collected: readonly Signature[] = [],
): Promise<Sealed<Root>> {
  const keyIds = [...(previous?.roles.root.keyIds ?? []), ...draft.roles.root.keyIds];
  const { bytes, next } = await signOnce(sealing, draft, keyIds, collected);
  const judged = judge('root', () =>
    previous === undefined
      ? verifyRoot(contextOf(sealing), bytes)
      : verifyRootUpdate(contextOf(sealing), previous, bytes),
  );
  return finish(sealing, 'root', bytes, judged.document, next);
}

/**
 * Root passes no version over. When a signer signed this very root for a publish that never was, with other times,
 * it is that one which is published.
 */
async function signOnce(
  sealing: Sealing,
  draft: Draft<Root>,
  keyIds: readonly string[],
  collected: readonly Signature[],
): Promise<{ readonly bytes: Uint8Array; readonly next: Draft<Root> }> {
  try {
    return { bytes: await sign(sealing, 'root', draft, keyIds, collected), next: draft };
  } catch (error) {
    const next = signedBefore(sealing, draft, error);
    if (next === undefined || collected.length > 0) throw error;
    return { bytes: await sign(sealing, 'root', next, keyIds, collected), next };
  }
}

/** The draft with the times of the document that the signer shows; undefined when that says anything else. */
function signedBefore({ dialect }: Sealing, draft: Draft<Root>, error: unknown): Draft<Root> | undefined {
  const shown = error instanceof KeyStoreError ? error.detail['document'] : undefined;
  if (typeof shown !== 'string') return undefined;
  const codec = codecOf(dialect);
  const message = new Uint8Array(Buffer.from(shown, 'base64'));
  const { expires, binding } = codec.decode('root', codec.open(codec.seal(message, []), maxFileBytes));
  const { issued } = binding;
  const next = {
    ...draft,
    expires,
    binding: { ...draft.binding, ...(issued === undefined ? {} : { issued }) },
  };
  return Buffer.from(codec.encode(next)).equals(message) ? next : undefined;
}

async function sign(
  { dialect, signerOf }: Sealing,
  role: string,
  draft: Draft,
  keyIds: readonly string[],
  collected: readonly Signature[],
): Promise<Uint8Array> {
  const codec = codecOf(dialect);
  const message = codec.encode(draft);
  const signatures = [...collected];
  const signed = new Set(signatures.map(({ keyId }) => keyId));
  for (const keyId of keyIds) {
    if (signed.has(keyId)) continue;
    signed.add(keyId);
    const signer = await signerOf(dialect, keyId, role);
    if (signer === undefined) continue;
    signatures.push(codec.toSignature(keyId, signer.scheme, await signer.sign(message)));
  }
  const bytes = codec.seal(message, signatures);
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
  { dialect, nowMs }: Sealing,
  role: string,
  bytes: Uint8Array,
  document: D,
  draft: Draft,
): Sealed<D> {
  const { version, expires, binding } = document;
  const { issued } = draft.binding;
  const isBound = !codecOf(dialect).bound || (issued !== undefined && binding.issued === issued);
  if (version !== draft.version || expires !== draft.expires || !isBound) {
    throw new TrustError('INTERNAL', `the file of role ${role} is not what was to be signed`);
  }
  const issuedMs = issued ?? toWholeSecond(nowMs);
  return {
    dialect,
    role,
    version,
    bytes,
    sha256: sha256Hex(bytes),
    issuedMs,
    expiresMs: expires,
    document,
  };
}

/** Our own files are never foreign: they must say whose they are, as far as the dialect can. */
function contextOf({ dialect, repository }: Sealing): VerifyContext {
  return { dialect: codecOf(dialect), repository, foreign: false, limits: DEFAULT_LIMITS };
}
