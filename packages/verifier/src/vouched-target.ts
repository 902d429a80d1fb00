/** What a signed target says of an image, in the words of policy. */
import type { Vouch } from '@vidimus/policy';
import { isTag } from '@vidimus/reference';
import { type FoundTarget, imageNotesOf } from '@vidimus/tuf';

/** The manifest or index a tag is vouched to be. */
export interface VouchedImage {
  readonly tag: string;
  /** `sha256:<64 hex>` */
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
  readonly vouch: Vouch;
}

/**
 * Undefined for a target that names no image: without a SHA-256, or whose path is no tag. An entry of the role
 * `revocations` is such a path: whoever may revoke must not be able to vouch.
 */
export function toVouchedImage(found: FoundTarget): VouchedImage | undefined {
  const { target, chain } = found;
  if (!isTag(target.path)) return undefined;
  const sha256 = target.hashes.get('sha256');
  const last = chain.at(-1);
  if (sha256 === undefined || last === undefined) return undefined;
  const digest = `sha256:${sha256}`;
  const { mediaType, since } = imageNotesOf(target);
  const binOf = ownerOfBin(chain.map((link) => link.role));
  return {
    tag: target.path,
    digest,
    size: target.length,
    ...(mediaType === undefined ? {} : { mediaType }),
    vouch: {
      role: last.role,
      path: chain.map((link) => link.role),
      ...(binOf === undefined ? {} : { binOf }),
      tag: target.path,
      digest,
      keyIds: last.keyIds,
      threshold: last.threshold,
      version: last.version,
      ...(since === undefined ? {} : { since }),
      expires: Math.min(...chain.map((link) => link.expires)),
    },
  };
}

/** Bins hold what their delegator's delegator would hold flat: `targets > bins > b8-3f` speaks for `targets`. */
function ownerOfBin(path: readonly string[]): string | undefined {
  const bins = path.lastIndexOf('bins');
  return bins > 0 ? path[bins - 1] : undefined;
}
