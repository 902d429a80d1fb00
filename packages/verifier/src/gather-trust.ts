/** Trust data as facts: who vouches for the tag or digest asked for, how fresh that is, what is revoked. */
import type { Facts, FreshnessFacts, Unknown } from '@vidimus/policy';
import {
  type TrustFacts as ClientFacts,
  type RepositoryTrust,
  type RevocationList,
  TrustClientError,
} from '@vidimus/trust-client';
import type { FoundTarget } from '@vidimus/tuf';
import { toUnknown } from './evidence-reason.ts';
import { toVouchedImage, type VouchedImage } from './vouched-target.ts';

export interface TrustQuestion {
  readonly tag?: string;
  readonly digest?: string;
}

export interface GatheredTrust {
  readonly facts: Facts['trust'];
  /** What the client established; undefined when nothing could be verified. */
  readonly client: ClientFacts | undefined;
  /** Every vouched image that answers the question: the tag's one, or all that name the digest. */
  readonly vouched: readonly VouchedImage[];
  /** For a digest that no tag names: the other vouched images, any of which may be an index that lists it. */
  readonly candidates: readonly VouchedImage[];
  readonly revocations: RevocationList;
  /** The organisation's list; undefined: no directory is pinned here. */
  readonly organisation?: RevocationList | undefined;
}

/** Asks the trust data of one repository. Never throws for bad or missing evidence. */
export async function gatherTrust(trust: RepositoryTrust, question: TrustQuestion): Promise<GatheredTrust> {
  try {
    const client = await trust.refresh();
    const { vouched, candidates, unusable } = await ask(trust, question, client.roles.targets);
    const revocations = await trust.lookUpRevocations();
    const organisation = await trust.lookUpOrganisationRevocations();
    const facts = unusable ?? toFacts(client, vouched);
    return { facts, client, vouched, candidates, revocations, organisation };
  } catch (error) {
    const nothing = { client: trust.state, vouched: [], candidates: [] } as const;
    if (error instanceof TrustClientError && error.code === 'NO_TRUST_DATA') {
      const organisation = await trust.lookUpOrganisationRevocations();
      return { ...nothing, facts: { state: 'absent' }, revocations: { status: 'absent' }, organisation };
    }
    const facts = toUnknown(error);
    const message = 'there is no verified trust data to read the list from';
    // For the same reason: what hid the list is what hid everything, and the exit code says which.
    return { ...nothing, facts, revocations: { status: 'unknown', code: facts.reason, message } };
  }
}

interface Answer extends Pick<GatheredTrust, 'vouched' | 'candidates'> {
  /** The tag is vouched for, but by nothing that a registry could be asked for. */
  readonly unusable?: Unknown;
}

async function ask(
  trust: RepositoryTrust,
  { tag, digest }: TrustQuestion,
  targetsKeys: ClientFacts['roles']['targets'],
): Promise<Answer> {
  if (tag !== undefined) {
    const found = await trust.lookUp(tag);
    if (found !== undefined && !found.target.hashes.has('sha256')) {
      return { vouched: [], candidates: [], unusable: withoutSha256(found) };
    }
    const vouched = found === undefined ? undefined : toVouchedImage(found, targetsKeys);
    const all = vouched === undefined ? [] : [vouched];
    // `repository:tag@digest`: the digest may be a child of what the tag is vouched to be.
    return { vouched: all, candidates: digest === undefined || vouched?.digest === digest ? [] : all };
  }
  const { targets } = await trust.list();
  const images = targets
    .map((found) => toVouchedImage(found, targetsKeys))
    .filter((image) => image !== undefined);
  const vouched = images.filter((image) => image.digest === digest);
  return { vouched, candidates: vouched.length > 0 ? [] : distinctDigests(images) };
}

/** Docker passes such a tag over as well: an image is pulled by its SHA-256. */
function withoutSha256({ target }: FoundTarget): Unknown {
  const named = [...target.hashes.keys()].join(', ') || 'no hash at all';
  const message = `the tag is signed by ${named} and not by sha256, so it names no image`;
  const hint = 'whoever publishes it signs it again with its SHA-256';
  return { state: 'unknown', reason: 'NOT_COVERED', detail: { message, hint } };
}

function distinctDigests(images: readonly VouchedImage[]): readonly VouchedImage[] {
  return [...new Map(images.map((image) => [image.digest, image])).values()];
}

function toFacts(client: ClientFacts, vouched: readonly VouchedImage[]): Facts['trust'] {
  return {
    state: 'known',
    value: {
      dialect: client.dialect,
      anchor: client.anchor,
      vouchedBy: vouched.map((image) => image.vouch),
      freshness: freshness(client, vouched),
    },
  };
}

/** The chain holds until its first link expires, delegated roles included. */
function freshness(client: ClientFacts, vouched: readonly VouchedImage[]): FreshnessFacts {
  const expires = Math.min(...Object.values(client.expires), ...vouched.map((image) => image.vouch.expires));
  return {
    refreshedAt: client.refreshedAt ?? 0,
    expires,
    ...(client.issued === undefined ? {} : { issued: client.issued }),
    ...(client.staleUntil === undefined ? {} : { staleUntil: client.staleUntil }),
  };
}
