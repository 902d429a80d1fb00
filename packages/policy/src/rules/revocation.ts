/** Rule kind `revocation`: no digest of what is pulled is revoked, and somebody could say so. */
import { z } from 'zod';
import { causeOf } from '../codes.ts';
import type { Facts, ImageFacts, RevokedDigest } from '../facts.ts';
import { formatTime } from '../time.ts';
import { HOLDS, type Judge, type JudgeInput, type RuleFinding } from './rule-kind.ts';
import { commandReference, trustFinding } from './trust-evidence.ts';

export const revocationSchema = z.strictObject({ revoked: z.literal('deny').default('deny') }).readonly();

/** Unknown is never "not revoked": an attacker who can hide the list could hide the entry. */
export function judgeRevocation(): Judge {
  return (input) => {
    const { revocation, image } = input.facts;
    if (revocation.state === 'revoked')
      return { findings: revocation.entries.map((entry) => revoked(entry, image)) };
    // No trust data holds no list: a server that hides everything must not gain more than one that hides the list.
    const missing = input.trust.state === 'absent' ? trustFinding(input.facts, input.trust) : undefined;
    if (missing !== undefined) return { findings: [missing] };
    const unknown = unknownReason(input);
    if (unknown === undefined) return HOLDS;
    return {
      findings: [
        {
          code: 'REVOCATION_UNKNOWN',
          cause: causeOf(unknown.reason),
          summary: 'nobody could say whether this digest is revoked',
          facts: { digest: image.digest ?? null, ...unknown.detail, reason: unknown.reason },
          fix: [`vidimus verify ${commandReference(image)} --online`, 'vidimus doctor'],
          unknown: true,
        },
      ],
    };
  };
}

type UnknownRevocation = Pick<Extract<Facts['revocation'], { state: 'unknown' }>, 'reason' | 'detail'>;

function unknownReason({ facts, trust }: JudgeInput): UnknownRevocation | undefined {
  const { revocation, image } = facts;
  if (revocation.state === 'unknown') return revocation;
  // The list came with trust data that has expired since.
  if (trust.state === 'unknown' && facts.trust.state === 'known') return trust;
  // "Clear" speaks only of the digests it looked for. Without a digest nothing is pulled, so nothing is owed.
  const owed = [image.digest, image.via].filter((digest) => digest !== undefined);
  const covered = revocation.state === 'clear' && owed.every((digest) => revocation.checked.includes(digest));
  return covered ? undefined : { reason: 'NOT_COVERED' };
}

function revoked(entry: RevokedDigest, image: ImageFacts): RuleFinding {
  const part = entry.via === undefined || entry.via === 'manifest' ? '' : ` (${entry.via} of this image)`;
  return {
    code: 'DIGEST_REVOKED',
    cause: 'judged',
    summary: `${entry.digest}${part} was revoked ${formatTime(entry.at)} by the ${entry.list}`,
    facts: {
      digest: entry.digest,
      reason: entry.reason,
      link: entry.link ?? null,
      at: formatTime(entry.at),
      list: entry.list,
      via: entry.via ?? null,
    },
    fix: ['use another version', `vidimus inspect ${image.repository}`],
  };
}
