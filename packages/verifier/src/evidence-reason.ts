/** From an error of gathering to a fact: what could not be learned is unknown, with the reason. */
import { OciError, type OciErrorCode } from '@vidimus/oci';
import { type EvidenceReason, type FactDetail, isEvidenceReason, type Unknown } from '@vidimus/policy';
import { TrustClientError, type TrustClientErrorCode } from '@vidimus/trust-client';
import { TufError } from '@vidimus/tuf';

/** Codes that keep their name are not listed; a code in neither place is a defect and is thrown on. */
const trustReasons: Partial<Record<TrustClientErrorCode, EvidenceReason>> = {
  UNREACHABLE: 'UNREACHABLE',
  UNUSABLE: 'METADATA_UNAVAILABLE',
  UNAUTHORIZED: 'METADATA_UNAVAILABLE',
  ANCHOR_MISSING: 'ANCHOR_MISSING',
  ANCHOR_MISMATCH: 'ANCHOR_MISMATCH',
};

const registryReasons: Partial<Record<OciErrorCode, EvidenceReason>> = {
  UNREACHABLE: 'UNREACHABLE',
  UNUSABLE: 'REGISTRY_UNAVAILABLE',
  NOT_FOUND: 'REGISTRY_UNAVAILABLE',
  DENIED: 'REGISTRY_UNAVAILABLE',
  TOO_LARGE: 'LIMIT',
  LENGTH_MISMATCH: 'LENGTH_MISMATCH',
  DIGEST_MISMATCH: 'HASH_MISMATCH',
  DOCUMENT_REFUSED: 'MANIFEST_INVALID',
};

/** The error as unknown evidence. @throws the error itself when it is not about evidence */
export function toUnknown(error: unknown): Unknown {
  const reason = reasonOf(error);
  if (reason === undefined || !(error instanceof Error)) throw error;
  return { state: 'unknown', reason, detail: { message: error.message, ...detailOf(error) } };
}

/** A code and message kept as text, as unknown evidence. */
export function unknownFromCode(code: string, message: string): Unknown {
  const mapped = Object.entries(trustReasons).find(([name]) => name === code)?.[1];
  const reason = mapped ?? (isEvidenceReason(code) ? code : 'METADATA_UNAVAILABLE');
  return { state: 'unknown', reason, detail: { message } };
}

function reasonOf(error: unknown): EvidenceReason | undefined {
  if (error instanceof TufError) return isEvidenceReason(error.code) ? error.code : undefined;
  if (error instanceof TrustClientError) return trustReasons[error.code];
  if (error instanceof OciError) return registryReasons[error.code];
  return undefined;
}

function detailOf(error: Error): FactDetail {
  if (error instanceof TufError || error instanceof OciError) return error.detail;
  if (error instanceof TrustClientError) {
    return { ...error.detail, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  return {};
}
