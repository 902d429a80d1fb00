export type { Database, DatabaseWarning, Listener, Queries, TransactionOptions } from './database.ts';
export { toDatabaseError } from './driver-error.ts';
export { type DataDirectory, openDataDirectory } from './embedded/data-directory.ts';
export { DatabaseError, type DatabaseErrorCode, type DatabaseErrorDetail } from './errors.ts';
export { SERVING_GRANTS } from './grants.ts';
export { type DatabaseSource, type OpenDatabaseOptions, openDatabase } from './open-database.ts';
export type { PostgresOptions } from './postgres.ts';
export { lockUntilCommit, notify, queryRows, type Row, tryLockUntilCommit } from './raw-query.ts';
export { accessTokens } from './schema/access.ts';
export { keyKeys, keyMasters } from './schema/key.ts';
export {
  trustChangeApprovals,
  trustChangefeed,
  trustChangeSignatures,
  trustChanges,
  trustEventRoles,
  trustEvents,
  trustEventTags,
  trustHeads,
  trustIdempotency,
  trustJobItems,
  trustJobs,
  trustMetadata,
  trustRepositories,
  trustRevokedKeys,
  trustRoleKeys,
  trustTags,
} from './schema/trust.ts';
export { sendAhead } from './transaction.ts';
