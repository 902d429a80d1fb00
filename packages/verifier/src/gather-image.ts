/** The registry's side: what the tag points to there, and the proven closure of the digest to be judged. */
import {
  type Descriptor,
  documentKind,
  type ImageClosure,
  type Manifest,
  OciError,
  platformsOf,
  type RegistryClient,
  readAllClosures,
  readPlatformClosures,
} from '@vidimus/oci';
import type { Facts, Unknown } from '@vidimus/policy';
import { formatPlatform, type Platform } from '@vidimus/reference';
import { toUnknown } from './evidence-reason.ts';
import type { VouchedImage } from './vouched-target.ts';

/** Vouched indexes read to find the one that lists a digest; newest first where trust data says since when. */
const maxCandidates = 64;

export interface GatheredImage {
  readonly top: Manifest;
  /** `os/arch[/variant]` of what is judged. */
  readonly platforms: readonly string[];
  /** For one platform: the image chosen, then others that an engine could choose in its place. */
  readonly closures: readonly ImageClosure[];
  /** Everything the index lists is judged, not one platform's image alone. */
  readonly whole: boolean;
}

/** Where the registry's own tag points: a claim, shown beside the vouched digest, never pulled. */
export async function askRegistryTag(
  registry: RegistryClient,
  repository: string,
  tag: string | undefined,
): Promise<Facts['registryDigest']> {
  if (tag === undefined) return { state: 'unknown', reason: 'NOT_GATHERED' };
  try {
    return { state: 'known', value: (await registry.headManifest(repository, tag)).digest };
  } catch (error) {
    if (error instanceof OciError && error.code === 'NOT_FOUND') return { state: 'absent' };
    return toUnknown(error);
  }
}

/**
 * Reads the document a digest names and everything it stands for, each proven by its hash.
 * Unknown evidence where the registry does not deliver; PLATFORM_UNKNOWN is thrown, it is the caller's to mend.
 */
export async function gatherImage(
  registry: RegistryClient,
  repository: string,
  expected: Pick<Descriptor, 'digest'> & Partial<Descriptor>,
  platform: Platform | undefined,
): Promise<GatheredImage | Unknown> {
  const read = (descriptor: Descriptor): Promise<Manifest> =>
    registry.getManifest(repository, descriptor.digest, descriptor);
  try {
    const top = await registry.getManifest(repository, expected.digest, expected);
    const closures = await (platform === undefined
      ? readAllClosures(top, read)
      : readPlatformClosures(top, platform, read));
    return {
      top,
      platforms: platformNames(top, platform, closures),
      closures,
      whole: platform === undefined,
    };
  } catch (error) {
    if (error instanceof OciError && error.code === 'PLATFORM_UNKNOWN') throw error;
    return toUnknown(error);
  }
}

/** A vouched index, and what it says of the one child that was asked for. */
export interface VouchedChild {
  readonly via: VouchedImage;
  readonly entry: Descriptor;
}

/** The first vouched index whose proven bytes lead to the digest; undefined when none does. */
export async function findVouchedIndex(
  registry: RegistryClient,
  repository: string,
  candidates: readonly VouchedImage[],
  digest: string,
): Promise<VouchedChild | Unknown | undefined> {
  const indexes = candidates
    .filter(({ mediaType }) => mediaType === undefined || documentKind(mediaType) !== 'image')
    .sort((a, b) => (b.vouch.since ?? 0) - (a.vouch.since ?? 0));
  let failure: Unknown | undefined;
  for (const candidate of indexes.slice(0, maxCandidates)) {
    try {
      const top = await registry.getManifest(repository, candidate.digest, {
        digest: candidate.digest,
        size: candidate.size,
      });
      const entry = top.kind === 'index' ? top.entries.find((one) => one.digest === digest) : undefined;
      if (entry !== undefined) return { via: candidate, entry };
    } catch (error) {
      // Signed once, deleted from the registry since: it leads nowhere, as many old ones do.
      if (error instanceof OciError && error.code === 'NOT_FOUND') continue;
      failure ??= toUnknown(error);
      // A registry that is down is down for all of them: one time-out, not sixty-four.
      if (failure.reason === 'UNREACHABLE') return failure;
    }
  }
  if (indexes.length > maxCandidates && failure === undefined) {
    return { state: 'unknown', reason: 'LIMIT', detail: { vouched: indexes.length, read: maxCandidates } };
  }
  return failure;
}

/** As the index lists them. An image alone does not say: only its config knows, and nobody read that. */
function platformNames(
  top: Manifest,
  wanted: Platform | undefined,
  closures: readonly ImageClosure[],
): readonly string[] {
  if (top.kind !== 'index') return [];
  if (wanted === undefined) return platformsOf(top).map(formatPlatform);
  const chosen = closures[0]?.platform;
  return chosen === undefined ? [] : [formatPlatform(chosen)];
}
