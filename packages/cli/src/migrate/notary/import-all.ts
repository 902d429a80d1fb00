/** Every repository of a Notary server, one after the other: each in a transaction of its own, here and there. */
import { toDatabaseError } from '@vidimus/database';
import type { Importer, ImportOutcome, RepositoryHistory } from '@vidimus/trust-server';
import type { Environment } from '../../context.ts';
import { assertServerTables, assertSignerTable, MAX_VERSIONS, readNames } from './notary-tables.ts';
import type { SourceDatabase } from './source-database.ts';
import { type KeyProblem, openHistory } from './sql-history.ts';

export interface ImportAll {
  readonly server: SourceDatabase;
  readonly signer: SourceDatabase | undefined;
  readonly importer: Importer;
  readonly environment: Environment;
  readonly requestId: string;
  readonly final: boolean;
  /** Asked before each repository: whether to go on. */
  readonly goOn: () => boolean;
  /** Told before each repository, with how many are done. */
  readonly begin: (repository: string, done: number) => void;
}

export interface RepositoryResult {
  readonly outcome: ImportOutcome;
  readonly keyProblems: readonly KeyProblem[];
  /** Rows that are no versions. */
  readonly unreadable: number;
}

/** In the order in which the repositories came to be. @throws CliError, DatabaseError, KeyStoreError */
export async function* importAll(all: ImportAll): AsyncIterable<RepositoryResult> {
  await all.server.read(assertServerTables);
  await all.signer?.read(assertSignerTable);
  let after = -1;
  let done = 0;
  for (;;) {
    const names = await all.server.read((reader) => readNames(reader, after));
    for (const { gun, first } of names) {
      if (!all.goOn()) return;
      all.begin(gun, done);
      yield await importOne(all, gun);
      after = first;
      done += 1;
    }
    if (names.length === 0) return;
  }
}

async function importOne(all: ImportAll, repository: string): Promise<RepositoryResult> {
  const { importer, signer, environment, requestId, final } = all;
  return await all.server.read(async (server) => {
    const history = await openHistory({ server, signer, environment }, repository);
    const outcome = history.tooMany
      ? refused(repository, 'LIMIT', `there are more than ${MAX_VERSIONS} versions`)
      : await tryImport(importer, { actor: 'migrate notary', requestId, final }, history);
    return { outcome, keyProblems: history.keyProblems, unreadable: history.unreadable };
  });
}

/** What the database refuses of one repository must not keep the others away. */
async function tryImport(
  importer: Importer,
  call: Parameters<Importer['importRepository']>[0],
  history: RepositoryHistory,
): Promise<ImportOutcome> {
  try {
    return await importer.importRepository(call, history);
  } catch (error) {
    const failure = toDatabaseError(error);
    if (failure?.code !== 'STATEMENT' && failure?.code !== 'CONSTRAINT') throw error;
    return refused(history.repository, 'DATABASE_REFUSED', failure.message);
  }
}

function refused(repository: string, code: string, message: string): ImportOutcome {
  return { outcome: 'refused', repository, refusal: { code, message } };
}
