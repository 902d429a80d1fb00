/** Which tags clients find otherwise once delegations are others than now: somewhere else, or not at all. */
import type { Queries } from '@vidimus/database';
import type { Delegations, Targets } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { placeOf } from '../publish/board.ts';
import type { CurrentDocuments, DocumentReader } from '../publish/current-documents.ts';
import { readListed, readTouched } from '../publish/listed-tags.ts';
import type { RoleHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { readAllTags, TAG_ROLE, type TagRow } from '../store/tags.ts';
import { documentOf } from './delegation-tree.ts';
import { lookUpOrder } from './look-up-order.ts';

export interface DelegatingPlace {
  readonly row: RepositoryRow;
  readonly heads: RoleHeads;
  readonly current: CurrentDocuments;
}

/** A tag before and after. */
export interface MovedTag {
  readonly tag: string;
  readonly before?: TagRow;
  readonly after?: TagRow;
}

/**
 * @param delegator - whose delegations change, and to what
 * @param empty - a role that begins empty
 */
export async function movedTags(
  parts: { readonly reader: DocumentReader },
  tx: Queries,
  place: DelegatingPlace,
  {
    delegator,
    delegations,
    empty,
  }: {
    readonly delegator: string;
    readonly delegations: Delegations;
    readonly empty?: string | undefined;
  },
): Promise<readonly MovedTag[]> {
  const { row, current } = place;
  const names = await candidates(tx, place);
  const intents = [{ kind: 'tags' as const, sign: [], revoke: [...names] }];
  const { answering, stored } = await readListed(
    parts,
    tx,
    place,
    intents,
    await readTouched(tx, row, intents),
  );
  const listed = new Map(stored.map((each) => [nameOf(placeOf(each)), each]));
  const after = afterwards(current, delegator, delegations, empty);
  const moved: MovedTag[] = [];
  for (const tag of names) {
    const before = answering.get(tag);
    const role = lookUpOrder(after, tag).roles.find(
      (each) => each !== empty && listed.has(nameOf({ role: each, tag })),
    );
    const found = role === undefined ? undefined : listed.get(nameOf({ role, tag }));
    if (found === before) continue;
    moved.push({ tag, ...(before && { before }), ...(found && { after: found }) });
  }
  return moved;
}

/** Every tag that a role of signers lists; where bins come after them, any tag at all. */
async function candidates(
  tx: Queries,
  { row, current: { bins, delegated } }: DelegatingPlace,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const document of delegated?.values() ?? []) for (const tag of document.targets.keys()) names.add(tag);
  if (bins !== undefined) for (const { tag } of await readAllTags(tx, row)) names.add(tag);
  return names;
}

function afterwards(
  current: CurrentDocuments,
  delegator: string,
  delegations: Delegations,
  empty: string | undefined,
): CurrentDocuments {
  const document = documentOf(current, delegator);
  if (document === undefined) throw new TrustError('INTERNAL', `role ${delegator} has no file`);
  const changed: Targets = { ...document, delegations };
  const delegated = new Map(current.delegated);
  if (empty !== undefined) delegated.set(empty, { ...nothing, binding: changed.binding });
  if (delegator === TAG_ROLE) return { ...current, targets: changed, delegated };
  return { ...current, delegated: delegated.set(delegator, changed) };
}

const nothing: Targets = {
  kind: 'targets',
  version: 1,
  expires: 0,
  binding: {},
  fields: {},
  targets: new Map(),
};

function nameOf({ role, tag }: { readonly role: string; readonly tag: string }): string {
  return `${role} ${tag}`;
}
