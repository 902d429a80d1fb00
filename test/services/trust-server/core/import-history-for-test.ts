/** A stored history, made by the tests, as an import reads it. */
import type {
  HistoryChange,
  HistoryKey,
  RepositoryHistory,
} from '../../../../services/trust-server/src/core/import/history.ts';
import type { NotaryHistory } from '../../../support/notary-history.ts';

export interface GivenHistory {
  readonly changes?: readonly HistoryChange[];
  readonly keys?: readonly HistoryKey[];
}

/** The rows as they are now: spoil them before. */
export function toRepositoryHistory(
  made: NotaryHistory,
  { changes = [], keys = [] }: GivenHistory = {},
): RepositoryHistory {
  const bytes = new Map(made.rows.map(({ id, data }) => [id, data]));
  return {
    repository: made.repository,
    versions: made.rows.map(({ id, role, version, sha256, createdAtMs }) => ({
      id,
      role,
      version,
      sha256,
      storedAtMs: createdAtMs,
    })),
    read: async ({ id }) => bytes.get(id),
    changes: async function* (after) {
      for (const change of changes) if (change.id > after) yield change;
    },
    keys: async () => keys,
  };
}
