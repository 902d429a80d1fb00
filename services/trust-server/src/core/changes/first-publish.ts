/** The first publish of a repository: in each dialect root, empty targets, snapshot and timestamp. */
import type { Queries } from '@vidimus/database';
import {
  assertCustodians,
  type Draft,
  type EditTerms,
  type Root,
  type Signature,
  type Targets,
  toRoleKeys,
} from '@vidimus/tuf';
import type { EventDraft } from '../audit/event-chain.ts';
import type { ManagedKeys, SignerOf } from '../keys/managed-keys.ts';
import { type DialectPart, type Published, publish } from '../publish/publication.ts';
import { sealRoot } from '../publish/seal.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { type DialectKeys, firstDocuments } from './first-documents.ts';

/** What is published first in one dialect. */
export interface FirstPart extends DialectKeys {
  readonly terms: EditTerms;
  /** Root as it was proposed, and what clients signed of it; absent: it is made now. */
  readonly root?: { readonly draft: Draft<Root>; readonly signatures: readonly Signature[] };
  /** Likewise targets and `revocations`, by role. */
  readonly targets?: ReadonlyMap<
    string,
    { readonly draft: Draft<Targets>; readonly signatures: readonly Signature[] }
  >;
}

export interface FirstPublish {
  /** `tuf` first. */
  readonly parts: readonly FirstPart[];
  readonly event: Omit<EventDraft, 'versions'>;
  readonly nowMs: number;
}

/** The caller holds the lock of `row`, which is not active yet. @throws TrustError, TufError */
export async function publishFirst(
  parts: { readonly keys: ManagedKeys; readonly newId: () => string },
  tx: Queries,
  row: RepositoryRow,
  { parts: firsts, event, nowMs }: FirstPublish,
): Promise<Published> {
  const signerOf = await parts.keys.signers(tx, row);
  const made: DialectPart[] = [];
  for (const first of firsts) made.push(await toFirstPart(row.repository, first, signerOf));
  return await publish(tx, {
    at: row,
    managed: new Set(row.settings.managed),
    signerOf,
    parts: made,
    events: (versions) => [{ ...event, versions }],
    move: { activatedAtMs: nowMs },
    newId: parts.newId,
  });
}

/** Root is sealed here; everything else by the publish. @throws TrustError SIGNER_UNAVAILABLE, KEY_INVALID */
export async function toFirstPart(
  repository: string,
  first: FirstPart,
  signerOf: SignerOf,
): Promise<DialectPart> {
  const { dialect, terms, root } = first;
  const targets: NonNullable<FirstPart['targets']> = first.targets ?? new Map();
  const drafts = firstDocuments(first, terms);
  const sealing = { dialect, repository, nowMs: terms.nowMs, signerOf };
  const sealed = await sealRoot(sealing, root?.draft ?? drafts.root, undefined, root?.signatures);
  return {
    dialect,
    base: {},
    terms,
    root: sealed,
    targets: new Map(
      Array.from(drafts.targets, ([role, draft]) => [role, targets.get(role)?.draft ?? draft]),
    ),
    signatures: new Map(Array.from(targets, ([role, { signatures }]) => [role, signatures])),
  };
}

/**
 * Refuses thresholds that promise people who are not there: all managed keys are one custodian.
 * @throws TufError EDIT_INVALID
 */
export function assertAllCustodians({ dialect, keys }: DialectKeys, managed: ReadonlySet<string>): void {
  for (const [role, set] of Object.entries(keys)) {
    if (role === 'revocations' && dialect !== 'tuf') continue;
    assertCustodians(role, toRoleKeys(role, set), (keyId) => (managed.has(keyId) ? 'the service' : keyId));
  }
}
