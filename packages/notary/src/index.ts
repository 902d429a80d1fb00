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
export { formatNotaryTime, parseNotaryTime } from './time.ts';
export { MAX_ERROR_BYTES, toWireError, type WireError } from './update/wire-error.ts';
