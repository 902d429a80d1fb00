/** Questions about tags and revoked digests. */
import { isJsonObject } from '@vidimus/canonical-json';
import type { Queries } from '@vidimus/database';
import { layoutOf, roleOfTag, type Target, type Targets } from '@vidimus/tuf';
import type { Revocation, TagDetail, TagEntry } from '../../schemas/index.ts';
import { type Page, type PageRequest, TrustError } from '../../service.ts';
import { lookUpOrder } from '../delegations/look-up-order.ts';
import { printTime } from '../instants.ts';
import { headOf } from '../publish/current-documents.ts';
import { digestOf } from '../publish/listed-tags.ts';
import { readLive } from '../store/repositories.ts';
import { pageTags, readTags, TAG_ROLE, type TagRow } from '../store/tags.ts';
import {
  pathTo,
  type Readers,
  type RepositoryView,
  readActive,
  readView,
  roleState,
} from './repository-view.ts';

/** @throws TrustError REPOSITORY_UNKNOWN */
export async function listTags(
  queries: Queries,
  repository: string,
  page: PageRequest,
): Promise<Page<TagEntry>> {
  const row = await readActive(queries, repository);
  const found = await pageTags(queries, row, page.limit + 1, page.after);
  const items = found.slice(0, page.limit).map(toTagEntry);
  const last = found.length > page.limit ? items.at(-1) : undefined;
  return { items, ...(last === undefined ? {} : { next: last.tag }) };
}

/** @throws TrustError REPOSITORY_UNKNOWN, TAG_UNKNOWN */
export async function readTag(
  readers: Readers,
  queries: Queries,
  repository: string,
  tag: string,
): Promise<TagDetail> {
  const view = await readView(readers, queries, repository);
  const [row] = await readTags(queries, view.row, [tag]);
  if (row === undefined) throw new TrustError('TAG_UNKNOWN', `there is no tag ${tag}`, { tag });
  const since = printTime(row.sinceMs);
  return {
    tag,
    digest: row.digest,
    size: row.size,
    ...(row.mediaType === undefined ? {} : { mediaType: row.mediaType }),
    vouchedBy: vouchersOf(view, row).map((role) => {
      const state = roleState(view, role);
      const head = headOf(view.heads, role);
      return {
        role,
        path: [...pathTo(view, role)],
        keyIds: state?.keyIds ?? [],
        threshold: state?.threshold ?? 1,
        version: head.version,
        since,
        ...(role === (row.listedBy ?? TAG_ROLE) ? { sinceVersion: row.sinceVersion } : {}),
        expires: printTime(head.expiresMs),
      };
    }),
    signedBy: {
      // Whoever signed it signed another dialect: no key of theirs vouches for it in this one.
      actor: view.row.settings.mirrored === true ? 'mirrored from notary' : row.actor,
      ...(row.change === undefined ? {} : { change: row.change }),
      at: since,
    },
  };
}

/** The role that answers for a tag, then others that list the same digest, in the order in which clients ask. */
function vouchersOf(view: RepositoryView, { tag, digest, listedBy }: TagRow): readonly string[] {
  const { targets, bins, delegated } = view;
  const lists = (document: Targets | undefined): boolean => {
    const target = document?.targets.get(tag);
    return target !== undefined && digestOf(target) === digest;
  };
  if (view.dialect === 'tuf') {
    if (targets === undefined) return [];
    const own = roleOfTag(layoutOf(targets, bins), tag);
    const order = delegated === undefined ? [TAG_ROLE] : lookUpOrder({ ...view, targets }, tag).roles;
    return order.flatMap((role) => {
      if (role !== TAG_ROLE) return lists(delegated?.get(role)) ? [role] : [];
      // A bin that does not answer is not looked into.
      return listedBy === undefined || (bins === undefined && lists(targets)) ? [own] : [];
    });
  }
  const first = listedBy ?? TAG_ROLE;
  const others = [...(delegated ?? [])].filter(([role, document]) => role !== first && lists(document));
  return [first, ...others.map(([role]) => role).sort()];
}

/** The target a tag names now, if its digest is this one. Never throws for what is not there. */
export async function findTarget(
  queries: Queries,
  repository: string,
  tag: string,
  sha256: string,
): Promise<{ readonly size: number; readonly mediaType?: string } | undefined> {
  const live = await readLive(queries, repository);
  if (live?.activatedAtMs === undefined) return undefined;
  const [row] = await readTags(queries, live, [tag]);
  if (row?.digest !== `sha256:${sha256}`) return undefined;
  return { size: row.size, ...(row.mediaType === undefined ? {} : { mediaType: row.mediaType }) };
}

/** Revoked digests in the order of their names. @throws TrustError REPOSITORY_UNKNOWN */
export async function listRevocations(
  readers: Readers,
  queries: Queries,
  repository: string,
  page: PageRequest,
): Promise<Page<Revocation>> {
  const { revocations } = await readView(readers, queries, repository);
  const from = page.after ?? '';
  const names = [...(revocations?.targets.keys() ?? [])].filter((name) => name > from).sort();
  const items = names.slice(0, page.limit).flatMap((name) => {
    const target = revocations?.targets.get(name);
    return target === undefined ? [] : [toRevocation(target)];
  });
  const last = names.length > page.limit ? items.at(-1) : undefined;
  return { items, ...(last === undefined ? {} : { next: last.digest }) };
}

/** Undefined: not revoked here. @throws TrustError REPOSITORY_UNKNOWN */
export async function readRevocation(
  readers: Readers,
  queries: Queries,
  repository: string,
  digest: string,
): Promise<Revocation | undefined> {
  const { revocations } = await readView(readers, queries, repository);
  const target = revocations?.targets.get(digest);
  return target === undefined ? undefined : toRevocation(target);
}

/** A tag as lists print it. */
export function toTagEntry({
  tag,
  digest,
  size,
  mediaType,
  listedBy,
}: Pick<TagRow, 'tag' | 'digest' | 'size' | 'listedBy'> & {
  readonly mediaType?: string | undefined;
}): TagEntry {
  const role = listedBy ?? TAG_ROLE;
  return { tag, digest, size, ...(mediaType === undefined ? {} : { mediaType }), role };
}

function toRevocation({ path, length, custom }: Target): Revocation {
  const text = (name: string): string | undefined => {
    const value = isJsonObject(custom) ? custom[name] : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  const link = text('link');
  return {
    digest: path,
    reason: text('reason') ?? '',
    ...(link === undefined ? {} : { link }),
    at: text('at') ?? '',
    length,
  };
}
