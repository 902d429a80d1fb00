/** Reference -> evidence -> decision. Gathers facts, then judges them; the two never mix. */
import { sha256Hex } from '@vidimus/crypto';
import type { RegistryClient } from '@vidimus/oci';
import {
  type Action,
  type Bundle,
  type Decision,
  evaluate,
  type Facts,
  factsText,
  type Unknown,
} from '@vidimus/policy';
import type { ImageReference, Platform } from '@vidimus/reference';
import type { TrustFacts as ClientFacts, RepositoryTrust } from '@vidimus/trust-client';
import { askRegistryTag, findVouchedIndex, type GatheredImage, gatherImage } from './gather-image.ts';
import { gatherRevocation } from './gather-revocation.ts';
import { type GatheredTrust, gatherTrust } from './gather-trust.ts';
import type { VouchedImage } from './vouched-target.ts';

export interface VerifierDependencies {
  readonly openTrust: (repository: string) => RepositoryTrust;
  readonly registry: RegistryClient;
  readonly bundleFor: (repository: string) => Bundle;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly decisionId: () => string;
}

export interface VerifyRequest {
  /** As the person wrote it. */
  readonly requested: string;
  readonly reference: ImageReference;
  readonly action: Action;
  /** Judge this platform's image of an index; absent: everything the index lists. */
  readonly platform?: Platform;
  /** Refuse when the registry's tag differs from the vouched digest. */
  readonly strict: boolean;
}

export interface Verification {
  readonly decision: Decision;
  /** What was judged: together with the bundle it gives the same decision again. */
  readonly facts: Facts;
  /** What the trust client established; undefined when nothing could be verified. */
  readonly trust: ClientFacts | undefined;
  /** Proven documents of the judged digest; undefined when the registry did not deliver them. */
  readonly image: GatheredImage | undefined;
}

/**
 * Judges one image. Bad, missing and unreachable evidence end in the decision, not in an exception.
 * @throws OciError PLATFORM_UNKNOWN; errors of cache and configuration as their rooms say
 */
export async function verifyImage(deps: VerifierDependencies, request: VerifyRequest): Promise<Verification> {
  const { reference, strict } = request;
  const { repository, tag, digest } = reference;
  const question = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  const [trust, registryDigest] = await Promise.all([
    gatherTrust(deps.openTrust(repository), question),
    askRegistryTag(deps.registry, repository, tag),
  ]);
  const resolved = await resolveDigest(deps.registry, request, trust, registryDigest);
  const image = resolved.digest === undefined ? undefined : await readImage(deps.registry, request, resolved);
  const facts = toFacts(request, trust, registryDigest, resolved, image);
  const decision = evaluate(deps.bundleFor(repository), facts, {
    // A clock that was turned back must not make old evidence young again.
    now: Math.max(deps.now(), trust.client?.refreshedAt ?? 0),
    decisionId: deps.decisionId(),
    evidenceDigest: `sha256:${sha256Hex(new TextEncoder().encode(factsText(facts)))}`,
    tagMoved: strict ? 'deny' : 'warn',
  });
  return {
    decision,
    facts,
    trust: trust.client,
    image: image === undefined || 'state' in image ? undefined : image,
  };
}

interface Resolved {
  /** The one digest that is judged and may be pulled. */
  readonly digest?: string;
  /** As signed; what the registry delivers must have exactly this length. */
  readonly size?: number;
  readonly mediaType?: string;
  readonly via?: VouchedImage;
  /** Trust data that replaces what was gathered: the index above a digest counts as its voucher. */
  readonly trust: Facts['trust'];
}

/** Vouched digest first; the registry's word counts only where nobody vouches, and then policy must allow it. */
async function resolveDigest(
  registry: RegistryClient,
  { reference }: VerifyRequest,
  trust: GatheredTrust,
  registryDigest: Facts['registryDigest'],
): Promise<Resolved> {
  const { repository, digest } = reference;
  if (digest === undefined) {
    const vouched = trust.vouched[0];
    if (vouched !== undefined) return { ...describe(vouched), trust: trust.facts };
    const offered = registryDigest.state === 'known' ? { digest: registryDigest.value } : {};
    return { ...offered, trust: trust.facts };
  }
  const direct = trust.vouched.find((vouched) => vouched.digest === digest);
  if (direct !== undefined) return { ...describe(direct), trust: trust.facts };
  const child = await findVouchedIndex(registry, repository, trust.candidates, digest);
  if (child === undefined || 'state' in child) return { digest, trust: unlessUnknown(trust.facts, child) };
  const { via, entry } = child;
  return { ...describe(entry), via, trust: withVouches(trust.facts, [via]) };
}

function describe({
  digest,
  size,
  mediaType,
}: Pick<VouchedImage, 'digest' | 'size' | 'mediaType'>): Pick<Resolved, 'digest' | 'size' | 'mediaType'> {
  return { digest, size, ...(mediaType === undefined ? {} : { mediaType }) };
}

/** Whether an index lists the digest could not be learned: nobody can say who vouches. */
function unlessUnknown(facts: Facts['trust'], unknown: Unknown | undefined): Facts['trust'] {
  return unknown !== undefined && facts.state === 'known' ? unknown : facts;
}

function withVouches(facts: Facts['trust'], images: readonly VouchedImage[]): Facts['trust'] {
  if (facts.state !== 'known') return facts;
  const { freshness } = facts.value;
  return {
    state: 'known',
    value: {
      ...facts.value,
      vouchedBy: images.map((image) => image.vouch),
      freshness: {
        ...freshness,
        expires: Math.min(freshness.expires, ...images.map((image) => image.vouch.expires)),
      },
    },
  };
}

function readImage(
  registry: RegistryClient,
  { reference, platform }: VerifyRequest,
  { digest = '', size, mediaType }: Resolved,
): Promise<GatheredImage | Unknown> {
  const expected = {
    digest,
    ...(size === undefined ? {} : { size }),
    ...(mediaType === undefined ? {} : { mediaType }),
  };
  return gatherImage(registry, reference.repository, expected, platform);
}

function toFacts(
  { requested, reference, action }: VerifyRequest,
  trust: GatheredTrust,
  registryDigest: Facts['registryDigest'],
  resolved: Resolved,
  image: GatheredImage | Unknown | undefined,
): Facts {
  const { registry, path, repository, tag, implicitTag } = reference;
  const proven = image === undefined || 'state' in image ? undefined : image;
  const size = proven?.top.size ?? resolved.size;
  const mediaType = proven?.top.mediaType ?? resolved.mediaType;
  const judged = [resolved.digest, resolved.via?.digest].filter((digest) => digest !== undefined);
  return {
    action,
    image: {
      requested,
      registry,
      path,
      repository,
      ...(tag === undefined ? {} : { tag }),
      implicitTag,
      digestRequested: reference.digest !== undefined,
      ...(resolved.digest === undefined ? {} : { digest: resolved.digest }),
      ...(size === undefined ? {} : { size }),
      ...(mediaType === undefined ? {} : { mediaType }),
      platforms: proven?.platforms ?? [],
      ...(resolved.via === undefined ? {} : { via: resolved.via.digest }),
    },
    trust: broken(image) ?? resolved.trust,
    revocation: gatherRevocation({
      list: trust.revocations,
      organisation: trust.organisation,
      judged,
      image,
    }),
    registryDigest,
    offline: trust.client?.offline === true,
  };
}

/** A document that is not what was signed, or that two readers read differently, takes the vouching with it. */
function broken(image: GatheredImage | Unknown | undefined): Unknown | undefined {
  if (image === undefined || !('state' in image)) return undefined;
  const refused = ['HASH_MISMATCH', 'LENGTH_MISMATCH', 'MANIFEST_INVALID', 'LIMIT'];
  return refused.includes(image.reason) ? image : undefined;
}
