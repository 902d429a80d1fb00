/**
 * Rule kind `metadata`: how fresh trust data must be. TUF has no signing time of its own, so freshness is
 * when this client last verified a timestamp, how long the chain still holds, and `x-vidimus-issued`.
 */
import { z } from 'zod';
import type { FreshnessFacts } from '../facts.ts';
import { formatDuration, formatTime, parseDuration } from '../time.ts';
import type { Judge, RuleFinding } from './rule-kind.ts';
import { commandReference, trustFinding, usableUntil } from './trust-evidence.ts';

/** A clock may be this far behind the one that wrote the time. */
const MAX_SKEW_MS = 5 * 60_000;

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'is not a duration like 90s, 5m, 24h or 30d' });
  return z.NEVER;
});

export const metadataSchema = z
  .strictObject({
    refreshedWithin: duration.optional(),
    remaining: duration.optional(),
    issuedWithin: duration.optional(),
  })
  .readonly();
export type MetadataRule = z.infer<typeof metadataSchema>;

/** With no limit given it asks only that nothing in the chain has expired. */
export function judgeMetadata(rule: MetadataRule): Judge {
  return ({ facts, trust, now }) => {
    const missing = trustFinding(facts, trust);
    if (missing !== undefined || trust.state !== 'known')
      return { findings: missing === undefined ? [] : [missing] };
    const { freshness } = trust.value;
    const fix = [`vidimus verify ${commandReference(facts.image)} --online`];
    const findings = [
      ageFinding('refreshedWithin', rule.refreshedWithin, freshness.refreshedAt, now, fix),
      ageFinding('issuedWithin', rule.issuedWithin, freshness.issued ?? null, now, fix),
      remainingFinding(rule.remaining, freshness, now, fix),
    ].filter((finding) => finding !== undefined);
    return { findings, holdsUntil: holdsUntil(rule, freshness) };
  };
}

function ageFinding(
  check: 'refreshedWithin' | 'issuedWithin',
  limitMs: number | undefined,
  at: number | null,
  now: number,
  fix: readonly string[],
): RuleFinding | undefined {
  if (limitMs === undefined) return undefined;
  const what = check === 'refreshedWithin' ? 'last verified' : 'issued';
  const limit = formatDuration(limitMs);
  if (at === null) {
    return stale('the trust data does not say when it was issued', { check, limit, at: null }, fix);
  }
  if (at > now + MAX_SKEW_MS) {
    return stale(`the trust data was ${what} in the future`, { check, limit, at: formatTime(at) }, fix);
  }
  if (now - at <= limitMs) return undefined;
  const age = formatDuration(now - at);
  return stale(
    `the trust data was ${what} ${age} ago; at most ${limit} is allowed`,
    { check, limit, age, at: formatTime(at) },
    fix,
  );
}

function remainingFinding(
  limitMs: number | undefined,
  { expires }: FreshnessFacts,
  now: number,
  fix: readonly string[],
): RuleFinding | undefined {
  // Expired data that staleFor prolongs still has nothing remaining, but that is only asked when a limit is.
  if (limitMs === undefined || expires - now >= limitMs) return undefined;
  const limit = formatDuration(limitMs);
  const left = formatDuration(Math.max(expires - now, 0));
  return stale(
    `the trust data expires in ${left}; at least ${limit} must remain`,
    { check: 'remaining', limit, left, expires: formatTime(expires) },
    fix,
  );
}

function stale(summary: string, facts: RuleFinding['facts'], fix: readonly string[]): RuleFinding {
  return { code: 'METADATA_STALE', cause: 'judged', summary, facts, fix };
}

function holdsUntil(rule: MetadataRule, freshness: FreshnessFacts): number {
  const { refreshedAt, issued, expires } = freshness;
  return Math.min(
    usableUntil(freshness),
    rule.refreshedWithin === undefined ? Number.POSITIVE_INFINITY : refreshedAt + rule.refreshedWithin,
    rule.issuedWithin === undefined || issued === undefined
      ? Number.POSITIVE_INFINITY
      : issued + rule.issuedWithin,
    rule.remaining === undefined ? Number.POSITIVE_INFINITY : expires - rule.remaining,
  );
}
