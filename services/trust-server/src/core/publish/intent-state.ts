/** A repository as intents are judged against it, read under its lock. */
import type { Queries } from '@vidimus/database';
import { REVOCATIONS_ROLE, type Targets } from '@vidimus/tuf';
import { assertSourceLives, readSource } from '../dialect-changes/mirror-source.ts';
import type { StateReader } from '../notary/stored-state.ts';
import { type Heads, headsIn, type RoleHeads, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { TagRow } from '../store/tags.ts';
import { assertBase } from './assert-base.ts';
import { Board } from './board.ts';
import { type CurrentDocuments, type DocumentReader, headOf, readCurrent } from './current-documents.ts';
import type { IntentRequest } from './intents.ts';
import { readListed, readTouched } from './listed-tags.ts';
import { roleRules } from './role-rules.ts';

export interface IntentState {
  readonly row: RepositoryRow;
  readonly all: Heads;
  /** Of the `tuf` dialect, as `current` and `revocations`. */
  readonly heads: RoleHeads;
  readonly current: CurrentDocuments;
  /** In the `notary` dialect, where the service publishes that, too. */
  readonly beside?: CurrentDocuments;
  readonly revocations: Targets;
  /** What clients find of the tags in question. */
  readonly answering: ReadonlyMap<string, TagRow>;
  readonly board: Board;
  readonly nowMs: number;
}

/**
 * @param signedBy - `service`: intents are carried out here and now; `anybody`: they are written down for those who sign
 * @throws TrustError VERSION_CONFLICT, CUSTODY_INVALID
 */
export async function readIntentState(
  parts: { readonly reader: DocumentReader; readonly states: StateReader },
  tx: Queries,
  row: RepositoryRow,
  requests: readonly IntentRequest[],
  nowMs: number,
  signedBy: 'service' | 'anybody' = 'service',
): Promise<IntentState> {
  const { reader, states } = parts;
  const intents = requests.map(({ intent }) => intent);
  const [all, touched] = await Promise.all([readHeads(tx, row), readTouched(tx, row, intents)]);
  const heads = headsIn(all, 'tuf');
  for (const { call } of requests) assertBase(heads, call.ifMatch);
  const current = await readCurrent(reader, tx, row, heads);
  const revocations = await reader.read(tx, row, 'targets', headOf(heads, REVOCATIONS_ROLE), current);
  const isMirrored = row.settings.mirrored === true;
  // A publish signs timestamp anew, and nothing is renewed above what has expired.
  if (isMirrored) assertSourceLives(await readSource(states, tx, row), nowMs);
  const beside =
    isMirrored || !row.dialects.includes('notary')
      ? undefined
      : await readCurrent(reader, tx, row, headsIn(all, 'notary'));
  const { answering, stored } = await readListed(parts, tx, { row, heads, current }, intents, touched);
  const known = { current, ...(beside === undefined ? {} : { beside }) };
  const rules = roleRules({ ...known, managed: new Set(row.settings.managed) });
  const board = new Board({
    ...rules,
    ...(signedBy === 'anybody' ? { isOwn: () => true } : {}),
    stored,
    revocations,
    isMirrored,
  });
  return { row, all, heads, ...known, revocations, answering, board, nowMs };
}
