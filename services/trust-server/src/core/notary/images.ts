/**
 * The tags that a repository in the `notary` dialect vouches for, as rows for people's questions, and what an upload
 * moves among them. Any text can be a target there: what is no tag, or has no SHA-256, stays out of the rows.
 */
import { encodeCanonical, isJsonObject, type JsonObject } from '@vidimus/canonical-json';
import { effectiveImages } from '@vidimus/notary';
import { isDigest, isTag } from '@vidimus/reference';
import type { Target, Targets } from '@vidimus/tuf';
import type { Call } from '../../service.ts';
import type { EventDraft } from '../audit/event-chain.ts';
import type { TagMoves } from '../publish/publication.ts';
import { TAG_ROLE, type TagRow } from '../store/tags.ts';

/** More tags than this are told in several events, so that no event grows without bound. */
const maxTagsPerEvent = 100;
/** Larger members are left in the signed file alone. */
const maxCustomBytes = 16_384;

/** A tag as it stands in the rows, without when and by whom. */
export interface Image {
  readonly tag: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly size: number;
  /** The role that answers for it. */
  readonly role: string;
  readonly custom?: JsonObject;
}

export type Images = ReadonlyMap<string, Image>;

/** What documents vouch for, by Docker's rule. */
export function toImages(documents: ReadonlyMap<string, Targets>): Images {
  const images = new Map<string, Image>();
  for (const [path, { target, role }] of effectiveImages(documents)) {
    const digest = `sha256:${target.hashes.get('sha256') ?? ''}`;
    if (!isTag(path) || !isDigest(digest)) continue;
    images.set(path, { tag: path, digest, size: target.length, role, ...customOf(target) });
  }
  return images;
}

/** The image of a stored row. */
export function toImage({ tag, digest, size, custom, listedBy }: TagRow): Image {
  return { tag, digest, size, role: listedBy ?? TAG_ROLE, ...(custom === undefined ? {} : { custom }) };
}

/** One tag before and after. */
export interface MovedImage {
  readonly before?: Image;
  readonly after?: Image;
}

/** What differs, in the order of the names. */
export function compareImages(before: Images, after: Images): readonly MovedImage[] {
  const moved = new Map<string, MovedImage>();
  for (const [tag, image] of after) {
    const old = before.get(tag);
    if (old === undefined) moved.set(tag, { after: image });
    else if (!isSame(old, image)) moved.set(tag, { before: old, after: image });
  }
  for (const [tag, image] of before) if (!after.has(tag)) moved.set(tag, { before: image });
  return Array.from(moved, ([tag, move]) => ({ tag, move }))
    .sort((a, b) => (a.tag < b.tag ? -1 : 1))
    .map(({ move }) => move);
}

/** @param documents - which say the version that lists a tag now */
export function toTagMoves(
  moved: readonly MovedImage[],
  documents: ReadonlyMap<string, Targets>,
  call: Call,
  nowMs: number,
): TagMoves {
  return {
    set: moved.flatMap(({ after }): TagRow[] => {
      if (after === undefined) return [];
      const { role, ...image } = after;
      return [
        {
          ...image,
          sinceMs: nowMs,
          sinceVersion: documents.get(role)?.version ?? 1,
          actor: call.actor,
          ...(role === TAG_ROLE ? {} : { listedBy: role }),
        },
      ];
    }),
    remove: moved.flatMap(({ before, after }) =>
      before === undefined || after !== undefined ? [] : [before.tag],
    ),
  };
}

/**
 * The events of an upload: one that names the files, and the tags in lots.
 * @param files - model role to the hex SHA-256 of what was uploaded
 * @param isMirrored - the tags moved in the other dialect, too
 */
export function toEvents(
  event: Omit<EventDraft, 'before' | 'after' | 'tags'>,
  files: Readonly<Record<string, string>>,
  moved: readonly MovedImage[],
  isMirrored = false,
): readonly EventDraft[] {
  const events: EventDraft[] = [];
  for (let from = 0; from === 0 || from < moved.length; from += maxTagsPerEvent) {
    const lot = moved.slice(from, from + maxTagsPerEvent);
    const before = lot.flatMap((move) => (move.before === undefined ? [] : [toJson(move.before)]));
    const after = lot.flatMap((move) => (move.after === undefined ? [] : [toJson(move.after)]));
    const told: JsonObject = {
      ...(from === 0 ? { files } : {}),
      ...(isMirrored ? { mirrored: true } : {}),
      ...(after.length === 0 ? {} : { tags: after }),
    };
    events.push({
      ...event,
      ...(before.length === 0 ? {} : { before: { tags: before } }),
      after: told,
      tags: lot.flatMap((move) => (move.after ?? move.before)?.tag ?? []),
    });
  }
  return events;
}

function toJson({ tag, digest, size, role }: Image): JsonObject {
  return { tag, digest, size, role };
}

function isSame(a: Image, b: Image): boolean {
  return a.digest === b.digest && a.size === b.size && a.role === b.role && print(a) === print(b);
}

function print({ custom }: Image): string | undefined {
  return custom && Buffer.from(encodeCanonical(custom)).toString('base64');
}

/** As the other dialect has it: an object. PostgreSQL's jsonb has no NUL, which the canonical form writes as it is. */
function customOf({ custom }: Target): { readonly custom?: JsonObject } {
  if (custom === undefined) return {};
  const printed = encodeCanonical(custom);
  if (printed.length > maxCustomBytes || printed.includes(0)) return {};
  return { custom: isJsonObject(custom) ? custom : { notary: custom } };
}
