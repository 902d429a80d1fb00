/** The import as a tool beside the service: on the same database, with ids of its own. */
import type { Database } from '@vidimus/database';
import type { WrappedKeyStore } from '@vidimus/key-store';
import { createIds } from '../ids.ts';
import { listCopies } from '../store/repositories.ts';
import type { RepositoryHistory } from './history.ts';
import type { ImportOutcome } from './import-outcome.ts';
import { type ImportCall, importRepository } from './import-repository.ts';

export interface ImporterParts {
  readonly database: Database;
  readonly keyStore: WrappedKeyStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
}

export interface Importer {
  /** Never throws for what the source holds. @throws DatabaseError, KeyStoreError, and what the history throws */
  importRepository(call: ImportCall, history: RepositoryHistory): Promise<ImportOutcome>;
  /** Repositories that came over and are not final yet, in the order of their names. @throws DatabaseError */
  listCopies(): Promise<readonly string[]>;
}

export function createImporter({ database, keyStore, now, randomBytes }: ImporterParts): Importer {
  const newId = createIds({ now, randomBytes });
  return {
    importRepository: (call, history) => importRepository({ database, keyStore, now, newId }, call, history),
    listCopies: () => listCopies(database.db),
  };
}
