/**
 * Is anything of what would be pulled revoked, by the repository or by the organisation? The whole closure is asked:
 * index, manifest, config, layers. Three answers; a list that could not be read, or bytes that could not be, never say
 * "not revoked".
 */
import type { ImageClosure } from '@vidimus/oci';
import type { RevocationFacts, RevokedDigest, Unknown } from '@vidimus/policy';
import type { RevocationList } from '@vidimus/trust-client';
import { unknownFromCode } from './evidence-reason.ts';
import type { GatheredImage } from './gather-image.ts';

export interface RevocationQuestion {
  /** The repository's own. */
  readonly list: RevocationList;
  /** The directory's; undefined: no directory is pinned here. */
  readonly organisation?: RevocationList | undefined;
  /** The digests judged: the top one, and the vouched index above it. */
  readonly judged: readonly string[];
  /** Unknown when the registry did not deliver the documents. */
  readonly image: GatheredImage | Unknown | undefined;
}

type Which = RevokedDigest['list'];

/** Facts for policy from the signed lists and the proven closure: one list that revokes is enough, all must be known. */
export function gatherRevocation(question: RevocationQuestion): RevocationFacts {
  const { list, organisation } = question;
  const own = askList(question, 'repository', list);
  if (organisation === undefined) return own;
  const other = askList(question, 'organisation', organisation);
  if (own.state === 'revoked' && other.state === 'revoked') {
    return { state: 'revoked', entries: [...own.entries, ...other.entries] };
  }
  if (own.state === 'revoked' || other.state === 'revoked') return own.state === 'revoked' ? own : other;
  if (own.state === 'unknown') return own;
  if (other.state === 'unknown') {
    return { ...other, detail: { ...other.detail, list: 'organisation' } };
  }
  return { state: 'clear', checked: [...new Set([...own.checked, ...other.checked])] };
}

function askList({ judged, image }: RevocationQuestion, which: Which, list: RevocationList): RevocationFacts {
  if (list.status === 'unknown') return unknownFromCode(list.code, list.message);
  if (list.status === 'absent') return { state: 'clear', checked: judged };
  const parts = partsOf(judged, image);
  const entries = [...parts].flatMap(([digest, via]) => toEntry(list, which, digest, via));
  if (entries.length > 0) return { state: 'revoked', entries };
  // A list names SHA-256; another name of the same bytes is on none, and blobs are not read to find theirs.
  const unlisted = [...parts.keys()].find((digest) => !digest.startsWith('sha256:'));
  if (unlisted !== undefined && list.entries.size > 0) {
    return { state: 'unknown', reason: 'NOT_COVERED', detail: { digest: unlisted } };
  }
  // An empty list clears whatever the parts are; any other says nothing of parts nobody could read.
  if (image !== undefined && 'state' in image && list.entries.size > 0) return image;
  return { state: 'clear', checked: [...parts.keys()] };
}

function partsOf(
  judged: readonly string[],
  image: GatheredImage | Unknown | undefined,
): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  if (image !== undefined && !('state' in image)) {
    for (const closure of image.closures)
      for (const [digest, via] of closureParts(closure)) parts.set(digest, via);
    // Children that are listed but cannot be read as images still travel with their index.
    const indexes = image.whole ? [image.top, ...image.closures.flatMap((closure) => closure.indexes)] : [];
    for (const { digest } of indexes.flatMap((index) => (index.kind === 'index' ? index.entries : []))) {
      if (!parts.has(digest)) parts.set(digest, 'manifest');
    }
  }
  for (const digest of judged) if (!parts.has(digest)) parts.set(digest, 'manifest');
  return parts;
}

function closureParts({ indexes, image }: ImageClosure): readonly (readonly [string, string])[] {
  return [
    ...indexes.map((index) => [index.digest, 'index'] as const),
    [image.digest, 'manifest'],
    [image.config.digest, 'config'],
    ...image.layers.map((layer) => [layer.digest, 'layer'] as const),
  ];
}

function toEntry(
  list: Extract<RevocationList, { status: 'known' }>,
  which: Which,
  digest: string,
  via: string,
): readonly RevokedDigest[] {
  const entry = list.entries.get(digest);
  if (entry === undefined) return [];
  const at = entry.at === undefined ? Number.NaN : Date.parse(entry.at);
  return [
    {
      digest,
      reason: entry.reason ?? '',
      ...(entry.link === undefined ? {} : { link: entry.link }),
      at: Number.isNaN(at) ? 0 : at,
      list: which,
      via,
    },
  ];
}
