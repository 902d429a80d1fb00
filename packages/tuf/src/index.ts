export { type Anchor, meetsPins, type NamedKeys, type OwnAnchor, type PinnedKeys } from './anchor.ts';
export { assertBinding } from './binding.ts';
export { loadDelegated, lookUpRole } from './delegated-role.ts';
export { delegationOf, delegationsFor, matchesDelegation } from './delegation.ts';
export type { Dialect, Draft } from './dialect.ts';
export {
  type DirectoryEntry,
  directoryEntryBytes,
  findDirectoryEntry,
  readDirectoryEntry,
  toDirectoryEntry,
  toDirectoryTarget,
} from './directory/entry.ts';
export { assertDirectoryPattern, contradictedBy, mostSpecific } from './directory/pattern.ts';
export { drive } from './drive.ts';
export {
  allBins,
  assertCustodians,
  assertNotShared,
  assertPattern,
  assertRevocationTarget,
  assertRoleName,
  assertTagTarget,
  BINS_ROLE,
  binOf,
  type CustodianOf,
  countCustodians,
  coversPattern,
  createRepository,
  createTopLevel,
  type DelegationEdits,
  type DelegationSpec,
  type DialectEdit,
  type EditBase,
  type EditReason,
  type EditTerms,
  editInvalid,
  editReason,
  editTags,
  emptyTargets,
  type Layout,
  layoutFor,
  layoutOf,
  lifetimeOf,
  MAX_CUSTOM_BYTES,
  MAX_DELEGATIONS_PER_ROLE,
  MAX_FLAT_TAGS,
  MAX_HASHED_ROLES,
  MAX_LIFETIME_MS,
  MAX_LINK_LENGTH,
  MAX_REASON_LENGTH,
  MAX_ROLE_KEYS,
  MAX_SMALL_BINS_TAGS,
  MAX_TARGETS_PER_ROLE,
  MIN_LIFETIME_MS,
  type NewRepository,
  type NewTopLevel,
  type NextDocuments,
  nextDelegations,
  nextDocuments,
  nextRevocations,
  nextRoot,
  nextSnapshot,
  nextTargets,
  nextTimestamp,
  planTags,
  REVOCATIONS_ROLE,
  type RepositoryKeys,
  type RevocationEntry,
  type RoleKeySet,
  roleOfTag,
  rolesOfEdit,
  rolesOfTags,
  type SealedFile,
  type SnapshotOptions,
  type TagPlan,
  type TargetEdits,
  toRevocationTarget,
  toRoleKeys,
} from './edit/index.ts';
export { TufError, type TufErrorCode, type TufErrorDetail } from './errors.ts';
export { EMPTY_LOG_HASH, hashLogged } from './event-log.ts';
export { assertFileMeta, verifyTargetFile } from './file-meta.ts';
export { assertLifetime, assertNotExpired, isExpired } from './freshness.ts';
export {
  encodeHandover,
  type Handover,
  type HandoverCheck,
  type HandoverFile,
  MAX_HANDOVER_BYTES,
  MAX_HANDOVER_LIFETIME_MS,
  type RootName,
  readHandover,
  verifyHandover,
} from './handover/handover.ts';
export {
  agreedRecoveryKeys,
  assertRecoveryApart,
  RECOVERY_FIELD,
  type RecoveryKeys,
  readRecoveryKeys,
  recoveryKeysOf,
  writeRecoveryKeys,
} from './handover/recovery-keys.ts';
export { type ImageNotes, imageNotesOf, withImageNotes } from './image-notes.ts';
export {
  DEFAULT_LIMITS,
  type Limits,
  MAX_CLOCK_SKEW_MS,
  MAX_DELEGATIONS,
  MAX_DEPTH,
  MAX_KEYS,
  MAX_ROLE_KEY_IDS,
  MAX_SIGNATURES,
} from './limits.ts';
export { type Listing, listTargets, type VisitedRole } from './list-targets.ts';
export { type LookUp, lookUp } from './look-up.ts';
export type {
  Binding,
  Delegation,
  Delegations,
  DialectName,
  DocumentKind,
  DocumentOf,
  Envelope,
  FileMeta,
  Hashes,
  Key,
  RoleKeys,
  Root,
  Signature,
  Signed,
  Snapshot,
  SuccinctRoles,
  Target,
  Targets,
  Timestamp,
  TopLevelRole,
  TufDocument,
} from './model.ts';
export { matchesPattern } from './path-pattern.ts';
export { type RefreshInput, refresh } from './refresh.ts';
export {
  assertFileUpdate,
  assertSnapshotUpdate,
  assertTimestampUpdate,
  assertVersion,
  rotatesOnlineKeys,
} from './rollback.ts';
export { updateRoots } from './root-chain.ts';
export { isBinOf } from './succinct-roles.ts';
export { type LoadRole, pairKey, type Search, searchTarget } from './target-search.ts';
export { type Quorum, verifyThreshold } from './threshold.ts';
export { type ChainLink, type FoundTarget, type TrustedState, toChainLink } from './trusted-state.ts';
export { parseFile } from './tuf-dialect/envelope.ts';
export { fromEntries, type Members, member, over, rolesByName } from './tuf-dialect/json-members.ts';
export {
  assertCount,
  malformed,
  readArray,
  readInteger,
  readObject,
  readString,
} from './tuf-dialect/shape.ts';
export { formatTime, parseTime } from './tuf-dialect/time.ts';
export { tufDialect } from './tuf-dialect/tuf-dialect.ts';
export {
  type Authority,
  type Verified,
  type VerifyContext,
  verifyRole,
  verifyRoot,
  verifyRootUpdate,
  verifyTopLevel,
} from './verify-document.ts';
export { type ReadFile, type RepositoryCheck, verifyRepository } from './verify-repository.ts';
export type { CacheFile, Reply, Step, Workflow } from './workflow.ts';
