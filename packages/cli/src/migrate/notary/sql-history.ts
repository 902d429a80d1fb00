/** One repository of Notary's databases, as an import reads it. */

import { isSha256Hex } from '@vidimus/crypto';
import type { HistoryChange, HistoryKey, HistoryVersion, RepositoryHistory } from '@vidimus/trust-server';
import type { Environment } from '../../context.ts';
import { type ChangeRow, listChanges, listVersions, readDocument, readSealedKeys } from './notary-tables.ts';
import { type KeyRefusal, openSignerKey } from './signer-key.ts';
import type { SourceDatabase, SourceReader } from './source-database.ts';

/** A key that is in the signer's database and could not be used. */
export interface KeyProblem {
  readonly keyId: string;
  readonly refusal: KeyRefusal | { readonly code: 'KEY_OF_ANOTHER' };
}

export interface SqlHistory extends RepositoryHistory {
  /** Rows that are no versions. */
  readonly unreadable: number;
  /** There are too many versions to be read. */
  readonly tooMany: boolean;
  /** Filled as keys are asked for. */
  readonly keyProblems: readonly KeyProblem[];
}

export interface SqlSources {
  /** Of notary-server, in a transaction. */
  readonly server: SourceReader;
  /** Of notary-signer. */
  readonly signer: SourceDatabase | undefined;
  /** Where the signer's passphrases are. */
  readonly environment: Environment;
}

/** @throws CliError when the source cannot be read */
export async function openHistory(sources: SqlSources, repository: string): Promise<SqlHistory> {
  const { server } = sources;
  const { versions, unreadable, tooMany } = await listVersions(server, repository);
  const keyProblems: KeyProblem[] = [];
  return {
    repository,
    unreadable,
    tooMany,
    keyProblems,
    versions: versions.map(
      ({ id, role, version, sha256, createdAtMs }): HistoryVersion => ({
        id,
        role,
        version,
        sha256: sha256 ?? undefined,
        storedAtMs: createdAtMs ?? undefined,
      }),
    ),
    read: ({ id }) => readDocument(server, id),
    changes: (after) => toChanges(listChanges(server, repository, after)),
    keys: (keyIds) => readKeys(sources, repository, keyIds, keyProblems),
  };
}

/** Records that say what Notary's do; others are somebody's own. */
async function* toChanges(rows: AsyncIterable<ChangeRow>): AsyncIterable<HistoryChange> {
  for await (const { id, createdAtMs, version, sha256, category } of rows) {
    const at = { id, createdAtMs: createdAtMs ?? 0 };
    if (category === 'deletion') yield { ...at, version: 0, sha256: '', category };
    const hash = sha256?.toLowerCase() ?? '';
    if (category === 'update' && version >= 0 && isSha256Hex(hash))
      yield { ...at, version, sha256: hash, category };
  }
}

async function readKeys(
  { signer, environment }: SqlSources,
  repository: string,
  keyIds: readonly string[],
  problems: KeyProblem[],
): Promise<readonly HistoryKey[]> {
  if (signer === undefined) return [];
  const rows = await signer.read((reader) => readSealedKeys(reader, keyIds));
  const keys: HistoryKey[] = [];
  for (const row of rows) {
    const { keyId } = row;
    // Anybody can write another repository's key id into his own root; whose key it is, the signer knows.
    if (row.gun !== '' && row.gun !== repository) {
      problems.push({ keyId, refusal: { code: 'KEY_OF_ANOTHER' } });
      continue;
    }
    const opened = await openSignerKey(row, environment);
    if ('code' in opened) problems.push({ keyId, refusal: opened });
    else keys.push({ role: row.role === '' ? undefined : row.role, pkcs8: opened });
  }
  return keys;
}
