/**
 * Bodies and answers of the trust server (CONTRACTS C3 and C5): one zod schema each, which validates at
 * the door, is printed into the OpenAPI document and gives the TypeScript type by z.infer.
 */
export { type AuditEvent, auditEventSchema } from './audit.ts';
export {
  type ApproveChange,
  approveChangeSchema,
  type Change,
  type ChangeDocument,
  type ChangeKind,
  type ChangeState,
  changeKindSchema,
  changeSchema,
  changeStateSchema,
  type DiffEntry,
  diffEntrySchema,
  type Impact,
  impactSchema,
  type SignChange,
  signChangeSchema,
} from './changes.ts';
export {
  type DelegationAnswer,
  type DelegationPut,
  type DelegationRemoved,
  delegationPutSchema,
  delegationRemovedSchema,
  delegationSchema,
  type PutDelegation,
  putDelegationSchema,
} from './delegations.ts';
export {
  type Entry,
  type EntryPublished,
  entryPublishedSchema,
  entrySchema,
  type PutEntry,
  putEntrySchema,
} from './directory.ts';
export { type ImportRepository, importRepositorySchema } from './imports.ts';
export { type Job, jobSchema } from './jobs.ts';
export {
  type FleetImpact,
  type FleetImpactItem,
  type FleetKey,
  fleetImpactSchema,
  fleetKeySchema,
  type ImpactCounts,
  type KeyDetail,
  type KeyImpact,
  type KeyRevoked,
  keyImpactSchema,
  keyRevokedSchema,
  keySchema,
  type Needs,
  type RevokeKey,
  revokeKeySchema,
  type Verdict,
} from './keys.ts';
export {
  dialectSchema,
  digestSchema,
  durationSchema,
  type KeyEntry,
  keyEntrySchema,
  keyIdSchema,
  roleNameSchema,
  tagSchema,
  type Versions,
  versionsSchema,
} from './primitives.ts';
export { type RecoverRepository, recoverSchema } from './recovery.ts';
export {
  type AddDialects,
  addDialectsSchema,
  type CreateRepository,
  createRepositorySchema,
  type EndedRepository,
  endedSchema,
  type FleetSummary,
  fleetSummarySchema,
  type Problem,
  problemSchema,
  type RepositoryRow,
  type RepositorySummary,
  type RoleSettings,
  repositoryRowSchema,
  summarySchema,
} from './repository.ts';
export {
  type DigestRevoked,
  digestRevokedSchema,
  type Revocation,
  type RevocationLifted,
  type RevokeDigest,
  revocationLiftedSchema,
  revocationSchema,
  revokeDigestSchema,
} from './revocations.ts';
export {
  type PatchRole,
  patchRoleSchema,
  type Role,
  type RoleRotated,
  type RoleState,
  type RotateRole,
  roleRotatedSchema,
  roleSchema,
  roleStateSchema,
  rotateRoleSchema,
} from './roles.ts';
export {
  type EditTags,
  editTagsSchema,
  maxTagsPerBatch,
  type PutTag,
  putTagSchema,
  type RevokeTag,
  revokeTagSchema,
  type TagDetail,
  type TagEntry,
  type TagPublished,
  type TagRevoked,
  type TagsEdited,
  tagDetailSchema,
  tagEntrySchema,
  tagPublishedSchema,
  tagRevokedSchema,
  tagsEditedSchema,
} from './tags.ts';
export {
  type CreatedToken,
  type CreateToken,
  createdTokenSchema,
  createTokenSchema,
  type RevokedToken,
  revokedTokenSchema,
  type Token,
  tokenIdSchema,
  tokenSchema,
} from './tokens.ts';
