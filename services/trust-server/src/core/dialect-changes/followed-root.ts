/** The root that a proposed one follows: its threshold must sign, too. */
import type { Queries } from '@vidimus/database';
import type { Root } from '@vidimus/tuf';
import { type DocumentReader, headOf } from '../publish/current-documents.ts';
import type { ChangeRow } from '../store/changes.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** Undefined where a change proposes a first root. */
export async function readFollowedRoot(
  reader: DocumentReader,
  queries: Queries,
  row: RepositoryRow,
  { documents }: ChangeRow,
): Promise<Root | undefined> {
  const document = documents.find(({ thresholds }) => thresholds.some((entry) => entry.of === 'previous'));
  if (document === undefined) return undefined;
  const heads = headsIn(await readHeads(queries, row), document.dialect);
  return await reader.read(queries, row, 'root', headOf(heads, 'root'), {});
}
