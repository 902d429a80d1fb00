export { type BackupKey, type BackupLock, openStream, sealStream } from './age-stream.ts';
export { BackupError, type BackupErrorCode } from './backup-error.ts';
export type { BackupHead } from './backup-lines.ts';
export { checkRestored, type DrillParts, type DrillResult, type Unsound } from './check-restored.ts';
export { type RestoredContents, type RestoreParts, restoreBackup } from './restore-backup.ts';
export { type BackupContents, type BackupMasters, type BackupParts, writeBackup } from './write-backup.ts';
