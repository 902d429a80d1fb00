/** What to say when a rule needs verified trust data and there is none. */
import { causeOf, type EvidenceReason } from '../codes.ts';
import type { Facts, FreshnessFacts, ImageFacts, Unknown } from '../facts.ts';
import type { RuleFinding } from './rule-kind.ts';

/** The reference as a command line can repeat it: normalised, never the raw text. */
export function commandReference(image: ImageFacts): string {
  const tag = image.tag === undefined ? '' : `:${image.tag}`;
  const digest = image.digestRequested && image.digest !== undefined ? `@${image.digest}` : '';
  return `${image.repository}${tag}${digest}`;
}

/** Until when trust data may be judged at all: its first expiry, or later where `staleFor` allows. */
export function usableUntil({ expires, staleUntil }: FreshnessFacts): number {
  return Math.max(expires, staleUntil ?? expires);
}

/** A finding for trust data that is absent or unknown; undefined when it is known. */
export function trustFinding(facts: Facts, trust: Facts['trust']): RuleFinding | undefined {
  if (trust.state === 'known') return undefined;
  const { repository } = facts.image;
  if (trust.state === 'absent') {
    return {
      code: 'NO_TRUST_DATA',
      cause: 'judged',
      summary: `${repository} has no trust data`,
      facts: { repository },
      fix: [`vidimus init ${repository}`],
    };
  }
  return {
    code: trust.reason,
    cause: causeOf(trust.reason),
    summary: `the trust data of ${repository} ${describeReason(trust.reason)}`,
    facts: { repository, ...trust.detail },
    fix: fixFor(trust, facts.image),
    unknown: true,
  };
}

/** Continues the sentence "the trust data of X ...". */
export function describeReason(reason: EvidenceReason): string {
  switch (reason) {
    case 'ANCHOR_MISSING':
      return 'cannot be verified: no anchor is configured';
    case 'ANCHOR_MISMATCH':
      return 'is not signed by the root the anchor names';
    case 'EXPIRED':
      return 'has expired';
    case 'ROLLBACK':
      return 'went back to an older version';
    case 'THRESHOLD':
      return 'has fewer valid signatures than its threshold';
    case 'UNREACHABLE':
      return 'could not be reached';
    case 'NOT_GATHERED':
      return 'was not asked for';
    case 'METADATA_UNAVAILABLE':
    case 'REGISTRY_UNAVAILABLE':
    case 'MISSING':
      return 'could not be read';
    case 'NOT_COVERED':
      return 'does not speak of this digest';
    default:
      return `was refused (${reason})`;
  }
}

function fixFor(unknown: Unknown, image: ImageFacts): string[] {
  switch (unknown.reason) {
    case 'ANCHOR_MISSING':
      return [`vidimus anchor pin ${image.repository} --root FILE`];
    case 'ANCHOR_MISMATCH':
      return [
        'compare the anchor with its owner before anything else',
        `vidimus inspect ${image.repository}`,
      ];
    case 'EXPIRED':
      return [
        `vidimus verify ${commandReference(image)} --online`,
        'an administrator renews what has expired: vidimus doctor',
      ];
    case 'ROLLBACK':
    case 'ROOT_CHAIN':
      return ['tell the administrator: the server was restored from an old copy, or is not the one it was'];
    default:
      return [`vidimus verify ${commandReference(image)} --online`, 'vidimus doctor'];
  }
}
