/** The change that waits for the signatures of a new dialect's root. */
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import type { DialectName, Draft, Root } from '@vidimus/tuf';
import type { AddDialects } from '../../schemas.ts';
import type { Call } from '../../service.ts';
import { deadFor } from '../changes/create.ts';
import { codecOf } from '../dialects.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { ChangeRow, StoredDocument } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** CONTRACTS C5. */
const changeLifetimeMs = 7 * 86_400_000;

export interface ProposedRoot {
  readonly dialect: DialectName;
  readonly root: Draft<Root>;
  /** The root that it follows. */
  readonly previous?: Root;
}

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
  const document = toDocument(proposal);
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
    // A root that has expired cannot be published: its change is over by then.
    expiresAtMs: Math.min(toWholeSecond(nowMs) + changeLifetimeMs, root.expires),
    signatures: [],
  };
}

/** A root that follows another one needs the threshold of both (TUF 1.0.34 section 6.1). */
function toDocument({ dialect, root, previous }: ProposedRoot): StoredDocument {
  const message = codecOf(dialect).encode(root);
  const asked = ({ roles }: Draft<Root>) => ({
    threshold: roles.root.threshold,
    keyIds: [...roles.root.keyIds],
  });
  return {
    dialect,
    role: 'root',
    version: root.version,
    toSign: toBase64(message),
    sha256: sha256Hex(message),
    thresholds:
      previous === undefined
        ? [{ of: 'role', ...asked(root) }]
        : [
            { of: 'previous', ...asked(previous) },
            { of: 'new', ...asked(root) },
          ],
  };
}
