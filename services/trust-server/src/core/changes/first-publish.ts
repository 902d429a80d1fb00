/** The first publish of a repository: root, empty targets with `revocations`, snapshot, timestamp. */
import type { Queries } from '@vidimus/database';
import {
  assertCustodians,
  createRepository,
  type Draft,
  type EditTerms,
  type RepositoryKeys,
  type Root,
  type Signature,
  toRoleKeys,
} from '@vidimus/tuf';
import type { EventDraft } from '../audit/event-chain.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import { type Published, publish } from '../publish/publication.ts';
import { sealRoot } from '../publish/seal.ts';
import type { RepositoryRow } from '../store/repositories.ts';

export interface FirstPublish {
  readonly keys: RepositoryKeys;
  readonly terms: EditTerms;
  /** Root as it was proposed, and what clients signed of it; absent: it is made now. */
  readonly root?: { readonly draft: Draft<Root>; readonly signatures: readonly Signature[] };
  readonly event: Omit<EventDraft, 'versions'>;
}

/** The caller holds the lock of `row`, which is not active yet. @throws TrustError, TufError */
export async function publishFirst(
  parts: { readonly keys: ManagedKeys; readonly newId: () => string },
  tx: Queries,
  row: RepositoryRow,
  { keys, terms, root, event }: FirstPublish,
): Promise<Published> {
  const signerOf = await parts.keys.signers(tx, row);
  const drafts = createRepository(keys, terms);
  const sealing = { dialect: 'tuf' as const, repository: row.repository, nowMs: terms.nowMs, signerOf };
  return await publish(tx, {
    at: row,
    managed: new Set(row.settings.managed),
    signerOf,
    parts: [
      {
        dialect: 'tuf',
        base: {},
        terms,
        root: await sealRoot(sealing, root?.draft ?? drafts.root, undefined, root?.signatures),
        targets: new Map([
          ['targets', drafts.targets],
          ['revocations', drafts.revocations],
        ]),
      },
    ],
    events: (versions) => [{ ...event, versions }],
    move: { activatedAtMs: terms.nowMs },
    newId: parts.newId,
  });
}

/**
 * Refuses thresholds that promise people who are not there: all managed keys are one custodian.
 * @throws TufError EDIT_INVALID
 */
export function assertAllCustodians(keys: RepositoryKeys, managed: ReadonlySet<string>): void {
  for (const [role, set] of Object.entries(keys)) {
    assertCustodians(role, toRoleKeys(role, set), (keyId) => (managed.has(keyId) ? 'the service' : keyId));
  }
}
