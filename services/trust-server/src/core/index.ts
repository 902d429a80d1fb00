/** The core of the trust server: publishing, changes, freshness, reads, audit. */
export type { ApprovalRule } from './approvals/approval-rules.ts';
export { EMPTY_LOG, type EventBody, hashEvent } from './audit/event-chain.ts';
export {
  type BackupContents,
  BackupError,
  type BackupErrorCode,
  type BackupHead,
  type BackupKey,
  type BackupLock,
  type BackupMasters,
  checkRestored,
  type DrillResult,
  openStream,
  type RestoredContents,
  restoreBackup,
  sealStream,
  type Unsound,
  writeBackup,
} from './backup/index.ts';
export {
  createTrustService,
  type RunningTrustService,
  type TrustObserver,
  type TrustServiceParts,
} from './create-trust-service.ts';
export type { TickResult } from './freshness/freshness.ts';
export { createFreshnessMetrics } from './freshness/freshness-metrics.ts';
export { createIds } from './ids.ts';
export { createImporter, type Importer, type ImporterParts } from './import/create-importer.ts';
export type {
  HistoryChange,
  HistoryKey,
  HistoryVersion,
  ImportRefusal,
  ImportWarning,
  LeftOut,
  RepositoryHistory,
} from './import/history.ts';
export type { Custody, ImportedState, ImportOutcome } from './import/import-outcome.ts';
export type { ImportCall } from './import/import-repository.ts';
export { type GivenMasters, pinMasterKeys, type Rewrapped, rewrapKeys } from './keys/master-keys.ts';
export { createOutlookMetrics } from './read/outlook-metrics.ts';
