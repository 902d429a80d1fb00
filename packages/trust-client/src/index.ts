export {
  type AnchorFile,
  assertPinnable,
  type PinnableAnchor,
  parseAnchorFile,
  parseCarriedAnchor,
} from './anchor/anchor-file.ts';
export type { AnchorKind, ConfiguredAnchor } from './anchor/choose-anchor.ts';
export { type CarriedFacts, exportAnchor, listAnchors, type PinnedAnchor, pinAnchor } from './anchor/pins.ts';
export type { AuditLine, AuditReport } from './audit/audit-history.ts';
export { type AuditBundle, formatBundle, MAX_BUNDLE_BYTES, parseBundle } from './audit/bundle.ts';
export { type CachedEvidence, cachedEvidence, keptTimestamp, ownAnchor } from './audit/cached-evidence.ts';
export { type AuditEvidence, type CollectOptions, collectAudit } from './audit/collect-audit.ts';
export { claimedTags, type SignedBy, type Standing } from './audit/judge-event.ts';
export { type LoggedEvent, recordOf, textOf } from './audit/logged-event.ts';
export { type VerifiedBundle, verifyBundle } from './audit/verify-bundle.ts';
export { withLock } from './cache/cache-lock.ts';
export { type ClientCache, createClientCache, type RepositoryCache } from './cache/client-cache.ts';
export { type DirectoryCacheOptions, openDirectoryCache } from './cache/directory-cache.ts';
export { type Disk, realDisk } from './cache/disk.ts';
export type { CacheRun, MetadataCache } from './cache/metadata-cache.ts';
export type { DelegatedRole } from './delegated-roles.ts';
export type { DirectoryOptions } from './directory/directory.ts';
export { drive, Superseded, type Surroundings, type Warn } from './drive.ts';
export {
  TrustClientError,
  type TrustClientErrorCode,
  type TrustClientErrorDetail,
  type UnusableReason,
} from './errors.ts';
export type { CheckedHandover } from './handover/accept-handover.ts';
export {
  createHttpClient,
  type HttpAnswer,
  type HttpClient,
  type HttpClientOptions,
  type HttpRequest,
} from './http/http-client.ts';
export { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http/http-limits.ts';
export { createHttpSource, type MetadataSource } from './http/metadata-source.ts';
export { type PresentState, readPresent } from './present-state.ts';
export type { Administration, ReplacementWish } from './publish/administration.ts';
export type {
  Change,
  ChangeDocument,
  DigestRevoked,
  Published,
  RepositorySummary,
  Revocation,
  TagDetail,
  TagPublished,
} from './publish/answers.ts';
export type { Difference } from './publish/change-difference.ts';
export { describedEdit, VERIFIABLE_KINDS } from './publish/described-edit.ts';
export type {
  Attention,
  Delegated,
  DelegationDetail,
  FleetImpact,
  FleetImpactItem,
  FleetKey,
  Job,
  KeyDetail,
  KeyImpact,
  KeyRevoked,
  RoleDetail,
  Rotated,
} from './publish/key-answers.ts';
export { mirrorKeys } from './publish/mirror-keys.ts';
export type { VerifiedDocument } from './publish/offered-document.ts';
export {
  createPublishClient,
  type Outcome,
  type PublishClient,
} from './publish/publish-client.ts';
export type {
  AddDialectsRequest,
  ApprovalUpload,
  CreateRepositoryRequest,
  DelegationRequest,
  EditTagsRequest,
  ImportRepositoryRequest,
  KeyEntry,
  RecoverRequest,
  RevokeDigestRequest,
  RevokeKeyRequest,
  RoleRequest,
  RoleTermsRequest,
  RotationRequest,
  SignatureUpload,
  TagRequest,
} from './publish/requests.ts';
export {
  type SignedDocument,
  type SignedRecords,
  type SignedVersion,
  type SigningKey,
  type SignRequest,
  signDocuments,
} from './publish/sign-change.ts';
export {
  type AccessToken,
  type CreatedAccessToken,
  createTokenClient,
  type RevokedAccessToken,
  type TokenClient,
  type TokenRequest,
} from './publish/token-client.ts';
export { trustPath } from './publish/trust-path.ts';
export { type AddedDialectCheck, verifyAddedDialect } from './publish/verify-added-dialect.ts';
export {
  type ChangeCheck,
  dialectsOf,
  type VerifiedChange,
  verifyChange,
} from './publish/verify-change.ts';
export { type CreationCheck, verifyCreation } from './publish/verify-creation.ts';
export { metadataUrl, type RepositoryTrust } from './repository-trust.ts';
export type { RevocationList, RevokedDigest } from './revocation-list.ts';
export { createSession, type Session, type SessionOptions } from './session.ts';
export type { RepositorySettings } from './settings.ts';
export {
  createTrustClient,
  type TrustClient,
  type TrustClientOptions,
  type TrustWarning,
} from './trust-client.ts';
export type { TopLevel, TrustFacts } from './trust-facts.ts';
