/** What a backup holds: every table of the service but answers kept for repeated requests, parents first. */
import {
  accessTokens,
  keyKeys,
  keyMasters,
  trustChangeApprovals,
  trustChangefeed,
  trustChangeSignatures,
  trustChanges,
  trustEventRoles,
  trustEvents,
  trustEventTags,
  trustHeads,
  trustJobItems,
  trustJobs,
  trustMetadata,
  trustRepositories,
  trustRevokedKeys,
  trustRoleKeys,
  trustTags,
} from '@vidimus/database';
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';

export interface BackupTable {
  readonly name: string;
  /** Columns that tell its rows apart, with their SQL types: the order in which rows are read. */
  readonly keys: readonly { readonly name: string; readonly type: string }[];
  readonly columns: readonly string[];
  /** Rows read at once: files of metadata have up to megabytes. */
  readonly rowsAtOnce: number;
}

const tables: readonly PgTable[] = [
  accessTokens,
  keyKeys,
  keyMasters,
  trustRepositories,
  trustMetadata,
  trustHeads,
  trustTags,
  trustChanges,
  trustChangeSignatures,
  trustChangeApprovals,
  trustRoleKeys,
  trustRevokedKeys,
  trustEvents,
  trustEventTags,
  trustEventRoles,
  trustJobs,
  trustJobItems,
  trustChangefeed,
];

/** In an order in which rows can be stored: what others refer to comes first. */
export const backupTables: readonly BackupTable[] = tables.map((table) => {
  const { name, columns, primaryKeys } = getTableConfig(table);
  const keys = primaryKeys.flatMap(({ columns: parts }) => parts);
  const single = columns.filter(({ primary }) => primary);
  // The columns that a constraint names cannot say their type.
  const typeOf = (key: string) => columns.find((column) => column.name === key)?.getSQLType() ?? 'text';
  return {
    name,
    keys: (keys.length > 0 ? keys : single).map(({ name: key }) => ({ name: key, type: typeOf(key) })),
    columns: columns.map((column) => column.name),
    rowsAtOnce: table === trustMetadata ? 50 : 1_000,
  };
});
