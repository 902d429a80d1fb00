export { RELEASES_ROLE } from './docker-search.ts';
export { type EffectiveImage, effectiveImages } from './effective-images.ts';
export { NotaryError, type NotaryErrorCode, type NotaryErrorDetail, type RefusalKind } from './errors.ts';
export {
  canonicalKeyId,
  ecdsaKeyObject,
  ed25519KeyObject,
  keyIdOf,
  methodOf,
  rsaKeyObject,
  x509KeyObject,
} from './key-entry.ts';
export { notaryDialect } from './notary-dialect.ts';
export { toPathGlob, toPathPrefix } from './path-prefix.ts';
export { toModelRole, toNotaryRole } from './role-name.ts';
export { type RootCertificate, rootCertificates } from './root-certificates.ts';
export { formatNotaryTime, parseNotaryTime } from './time.ts';
export { MAX_DELEGATED_ROLES, MAX_PARTS, MAX_ROLE_DEPTH, UPLOAD_LIMITS } from './update/limits.ts';
export type { UpdatePart } from './update/read-parts.ts';
export type { AcceptedFile } from './update/update-context.ts';
export { type UpdateInput, type ValidUpdate, validateUpdate } from './update/validate-update.ts';
export { MAX_ERROR_BYTES, toWireError, type WireError } from './update/wire-error.ts';
