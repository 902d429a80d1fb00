/** What each role lists of the tags that edits touch: from the rows where they answer, from the signed files elsewhere. */
import { isJsonObject, type JsonObject } from '@vidimus/canonical-json';
import type { Queries } from '@vidimus/database';
import { imageNotesOf, layoutOf, rolesOfTags, type Target, type Targets } from '@vidimus/tuf';
import type { RoleHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { readTags, readTagsOfDigests, TAG_ROLE, type TagRow } from '../store/tags.ts';
import { placeOf } from './board.ts';
import { type CurrentDocuments, type DocumentReader, headOf } from './current-documents.ts';
import type { Intent } from './intents.ts';

export interface ListedTags {
  /** What clients find, by tag. */
  readonly answering: ReadonlyMap<string, TagRow>;
  /** What every role lists. */
  readonly stored: readonly TagRow[];
}

/** The rows of tags that the intents name, and of those that name their digests. */
export async function readTouched(
  tx: Queries,
  row: RepositoryRow,
  intents: readonly Intent[],
): Promise<readonly TagRow[]> {
  const { names, digests } = touchedBy(intents);
  const found = await Promise.all([readTags(tx, row, [...names]), readTagsOfDigests(tx, row, [...digests])]);
  return found.flat();
}

/** The same, and what roles list that do not answer. */
export async function readListed(
  { reader }: { readonly reader: DocumentReader },
  tx: Queries,
  {
    row,
    heads,
    current,
  }: { readonly row: RepositoryRow; readonly heads: RoleHeads; readonly current: CurrentDocuments },
  intents: readonly Intent[],
  touched: readonly TagRow[],
): Promise<ListedTags> {
  const answering = new Map(touched.map((each) => [each.tag, each]));
  if (current.delegated === undefined) return { answering, stored: [...answering.values()] };
  const { names, digests } = touchedBy(intents);
  for (const tag of answering.keys()) names.add(tag);
  const files: ListingFile[] = Array.from(current.delegated, ([role, document]) => ({ role, document }));
  for (const tag of tagsNaming(digests, files, current)) names.add(tag);
  files.push(...(await readTopLevel(reader, tx, { row, heads, current }, names)));
  const unknown = [...names].filter((tag) => !answering.has(tag));
  for (const each of await readTags(tx, row, unknown)) answering.set(each.tag, each);
  const stored = files.flatMap(({ role, document }) =>
    [...names].flatMap((tag): readonly TagRow[] => {
      const target = document.targets.get(tag);
      if (target === undefined) return [];
      const answer = answering.get(tag);
      const written = toTagRow(role, target, document);
      const isAnswer =
        answer !== undefined && placeOf(answer).role === role && answer.digest === written.digest;
      return [isAnswer ? answer : written];
    }),
  );
  return { answering, stored };
}

interface ListingFile {
  readonly role: string;
  readonly document: Targets;
}

function touchedBy(intents: readonly Intent[]): {
  readonly names: Set<string>;
  readonly digests: Set<string>;
} {
  const names = new Set<string>();
  const digests = new Set<string>();
  for (const intent of intents) {
    if (intent.kind === 'revokeDigest') digests.add(intent.digest);
    if (intent.kind !== 'tags') continue;
    for (const { tag } of intent.sign) names.add(tag);
    for (const tag of intent.revoke) names.add(tag);
  }
  return { names, digests };
}

/** Tags that name a digest somewhere. In bins only those can be hidden that a role of signers lists, too: all of them. */
function* tagsNaming(
  digests: ReadonlySet<string>,
  files: readonly ListingFile[],
  { targets, bins }: CurrentDocuments,
): Iterable<string> {
  if (digests.size === 0) return;
  for (const { document } of [...files, { document: targets }]) {
    for (const target of document.targets.values()) {
      if (bins !== undefined || digests.has(digestOf(target))) yield target.path;
    }
  }
}

/** The files that list tags of top-level targets. */
async function readTopLevel(
  reader: DocumentReader,
  tx: Queries,
  {
    row,
    heads,
    current,
  }: { readonly row: RepositoryRow; readonly heads: RoleHeads; readonly current: CurrentDocuments },
  names: ReadonlySet<string>,
): Promise<readonly ListingFile[]> {
  const files: ListingFile[] = [];
  for (const role of rolesOfTags(layoutOf(current.targets, current.bins), names)) {
    const document = await reader.read(tx, row, 'targets', headOf(heads, role), current);
    files.push({ role: TAG_ROLE, document });
  }
  return files;
}

/** A row for an entry that is known from its file alone. */
export function toTagRow(role: string, target: Target, document: Targets): TagRow {
  const { mediaType, platforms, since } = imageNotesOf(target);
  const custom = ownCustom(target);
  return {
    tag: target.path,
    digest: digestOf(target),
    size: target.length,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(platforms === undefined ? {} : { platforms }),
    ...(custom === undefined ? {} : { custom }),
    sinceMs: since ?? document.binding.issued ?? 0,
    sinceVersion: document.version,
    actor: `keys of ${role}`,
    ...(role === TAG_ROLE ? {} : { listedBy: role }),
  };
}

/** `sha256:<hex>`; nothing that we sign lacks one. */
export function digestOf({ hashes }: Target): string {
  return `sha256:${hashes.get('sha256') ?? ''}`;
}

/** Without the member that the service writes itself. */
function ownCustom({ custom }: Target): JsonObject | undefined {
  if (!isJsonObject(custom)) return undefined;
  const { vidimus: _, ...own } = custom;
  return Object.keys(own).length === 0 ? undefined : own;
}
