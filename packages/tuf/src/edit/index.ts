/** Repository edits: current documents and an intention in, unsigned next documents out. */
export { allBins, type BinLayout, binOf } from './bins.ts';
export {
  createRepository,
  createTopLevel,
  type NewRepository,
  type NewTopLevel,
  type RepositoryKeys,
} from './create-repository.ts';
export { type EditReason, editInvalid, editReason } from './edit-error.ts';
export { editTags, planTags, type TagPlan } from './edit-tags.ts';
export {
  BINS_ROLE,
  type Layout,
  layoutFor,
  layoutOf,
  MAX_FLAT_TAGS,
  MAX_SMALL_BINS_TAGS,
  roleOfTag,
  rolesOfTags,
} from './layout.ts';
export {
  type DelegationEdits,
  type DelegationSpec,
  MAX_DELEGATIONS_PER_ROLE,
  nextDelegations,
} from './next-delegations.ts';
export {
  type DialectEdit,
  type EditBase,
  type NextDocuments,
  nextDocuments,
  rolesOfEdit,
} from './next-documents.ts';
export { nextRoot } from './next-root.ts';
export {
  MAX_HASHED_ROLES,
  nextSnapshot,
  nextTimestamp,
  type SealedFile,
  type SnapshotOptions,
} from './next-snapshot.ts';
export {
  emptyTargets,
  MAX_TARGETS_PER_ROLE,
  nextRevocations,
  nextTargets,
  REVOCATIONS_ROLE,
  type TargetEdits,
} from './next-targets.ts';
export { coversPattern } from './pattern-cover.ts';
export {
  assertCustodians,
  assertNotShared,
  type CustodianOf,
  countCustodians,
  MAX_ROLE_KEYS,
  type RoleKeySet,
  toRoleKeys,
} from './role-keys.ts';
export { assertPattern, assertRoleName } from './role-name.ts';
export {
  assertRevocationTarget,
  assertTagTarget,
  MAX_CUSTOM_BYTES,
  MAX_LINK_LENGTH,
  MAX_REASON_LENGTH,
  type RevocationEntry,
  toRevocationTarget,
} from './target-rules.ts';
export { type EditTerms, lifetimeOf, MAX_LIFETIME_MS, MIN_LIFETIME_MS } from './terms.ts';
