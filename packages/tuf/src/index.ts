export type { Dialect, Draft } from './dialect.ts';
export { TufError, type TufErrorCode, type TufErrorDetail } from './errors.ts';
export { DEFAULT_LIMITS, type Limits, MAX_CLOCK_SKEW_MS } from './limits.ts';
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
export { type Quorum, verifyThreshold } from './threshold.ts';
export { formatTime, parseTime } from './tuf-dialect/time.ts';
export { tufDialect } from './tuf-dialect/tuf-dialect.ts';
export type { CacheFile, Reply, Step, Workflow } from './workflow.ts';
