/** The trust server: metadata, tags, revocations, changes and their audit over HTTP. */
export {
  type ApprovalRule,
  type BackupContents,
  BackupError,
  type BackupErrorCode,
  type BackupHead,
  type BackupKey,
  type BackupLock,
  type BackupMasters,
  type Custody,
  checkRestored,
  createFreshnessMetrics,
  createIds,
  createImporter,
  createOutlookMetrics,
  createTrustService,
  type DrillResult,
  type GivenMasters,
  type HistoryChange,
  type HistoryKey,
  type HistoryVersion,
  type ImportCall,
  type ImportedState,
  type Importer,
  type ImporterParts,
  type ImportOutcome,
  type ImportRefusal,
  type ImportWarning,
  type LeftOut,
  openStream,
  pinMasterKeys,
  type RepositoryHistory,
  type RestoredContents,
  type Rewrapped,
  type RunningTrustService,
  restoreBackup,
  rewrapKeys,
  sealStream,
  type TrustObserver,
  type TrustServiceParts,
  type Unsound,
  writeBackup,
} from './core/index.ts';
export { createTrustServer, type NotaryWireParts, type TrustServerParts } from './create-trust-server.ts';
export { durationToMs } from './duration.ts';
export type { IdempotencyStore } from './http/idempotency.ts';
export { createIdempotencyStore } from './http/idempotency-store.ts';
export type { Log } from './http/log.ts';
export type { After } from './http/read-upload.ts';
export type {
  ChangefeedPage,
  ChangeRecord,
  NotaryCall,
  NotaryFile,
  NotaryPart,
  NotaryQuestion,
  NotaryService,
  ServedKeyRole,
} from './notary-service.ts';
export type { NotaryAccess } from './routes/notary/wire-parts.ts';
export type { FetchManifest } from './routes/target-routes.ts';
export type * from './schemas/index.ts';
export { type Closable, type CloseParts, closeGracefully } from './server/close-gracefully.ts';
export { ListenerError, type ListenerErrorCode } from './server/listener-error.ts';
export { listenerOptions } from './server/listener-options.ts';
export { loadTls, type TlsFiles, type TlsMaterial } from './server/load-tls.ts';
export {
  type Call,
  type ChangeFilter,
  type Done,
  type MetadataFile,
  type MetadataName,
  type Outcome,
  type Page,
  type PageRequest,
  type Pending,
  type Readiness,
  type Refusal,
  type RepositoryFilter,
  type RoleVersion,
  TrustError,
  type TrustErrorCode,
  type TrustErrorDetail,
  type TrustService,
} from './service.ts';
