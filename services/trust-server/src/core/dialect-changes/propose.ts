/** The change that waits for the signatures of a new dialect's root. */
import type { AddDialects } from '../../schemas/index.ts';
import type { Call } from '../../service.ts';
import { changeExpiry, deadFor, type ProposedRoot, toRootDocument } from '../changes/proposed-root.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { ChangeRow } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';

export interface Proposal extends ProposedRoot {
  readonly id: string;
  readonly call: Call;
  readonly body: AddDialects;
  /** Changes of the repository that came to nothing. */
  readonly dead: readonly ChangeRow[];
  readonly nowMs: number;
}

export function toProposal(row: RepositoryRow, proposal: Proposal): ChangeRow {
  const { id, call, body, dialect, root, previous, dead, nowMs } = proposal;
  const { repository, incarnation } = row;
  const document = toRootDocument(proposal);
  const { keyIds, threshold } = root.roles.root;
  const what =
    previous === undefined ? `publish in the dialect ${dialect}` : 'follow the root of the dialect notary';
  return {
    id,
    repository,
    incarnation,
    state: 'open',
    kind: 'dialects',
    edit: { method: 'PATCH', path: `/v2/${repository}/_trust`, body },
    times: { issued: printTime(nowMs), expires: { root: printTime(root.expires) } },
    documents: [document],
    summary: `${what}: ${repository}`,
    diff: [
      {
        role: 'root',
        what: `${what} with ${keyIds.length} keys, threshold ${threshold}`,
        ...(previous === undefined ? {} : { before: previous.roles.root.keyIds.join(' ') }),
        after: keyIds.join(' '),
      },
    ],
    base: previous === undefined ? {} : { root: previous.version },
    insteadOf: deadFor(dead, [document]),
    createdBy: call.actor,
    createdAtMs: toWholeSecond(nowMs),
    expiresAtMs: changeExpiry(nowMs, root.expires),
    signatures: [],
  };
}
