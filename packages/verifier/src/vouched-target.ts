/** What a signed target says of an image, in the words of policy. */
import type { Vouch } from '@vidimus/policy';
import { isTag } from '@vidimus/reference';
import { type ChainLink, type FoundTarget, imageNotesOf, type RoleKeys } from '@vidimus/tuf';

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
 * @param targetsKeys who may sign targets, by the newest root
 */
export function toVouchedImage(found: FoundTarget, targetsKeys: RoleKeys): VouchedImage | undefined {
  const { target, chain } = found;
  if (!isTag(target.path)) return undefined;
  const sha256 = target.hashes.get('sha256');
  const last = chain.at(-1);
  if (sha256 === undefined || last === undefined) return undefined;
  const digest = `sha256:${sha256}`;
  const { mediaType, since } = imageNotesOf(target);
  const binOf = ownerOfBin(chain, targetsKeys);
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

/**
 * `targets > bins > b8-3f` speaks for targets where it was signed as targets must be. Anybody's role can be called
 * `bins`, and bins can be given to others than the keys of targets: those speak for themselves.
 */
function ownerOfBin([, ...links]: readonly ChainLink[], targetsKeys: RoleKeys): string | undefined {
  const keys = new Set(targetsKeys.keyIds);
  const isOwn = ({ keyIds }: ChainLink): boolean =>
    keyIds.filter((keyId) => keys.has(keyId)).length >= targetsKeys.threshold;
  return links[0]?.role === 'bins' && links.length <= 2 && links.every(isOwn) ? 'targets' : undefined;
}
