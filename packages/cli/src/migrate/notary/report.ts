/** What became of one repository, for a person and for a program. */
import { printable } from '@vidimus/reference';
import type { ImportedState } from '@vidimus/trust-server';
import { withDistances } from '../../output/times.ts';
import type { Fact } from '../../publish/outcome-lines.ts';
import type { RepositoryResult } from './import-all.ts';
import { type ProblemContext, printTime, problemsOf, wayOut } from './problems.ts';

/** Longest line about a name or a row of the source. */
const maxText = 1_024;

/** First word, what it is about, and the facts below. */
export interface ResultLines {
  readonly verdict: string;
  readonly isGood: boolean;
  readonly subject: string;
  readonly facts: readonly Fact[];
}

/** @param now milliseconds since 1970 */
export function resultLines(result: RepositoryResult, context: ProblemContext, now: number): ResultLines {
  const { outcome } = result;
  if (outcome.outcome === 'refused') {
    const { repository, refusal } = outcome;
    return {
      verdict: 'REFUSED',
      isGood: false,
      subject: `${printable(repository)}  ${refusal.code}`,
      facts: [
        ['why', printable(refusal.message, maxText)],
        ['fix', printable(wayOut(refusal, repository), maxText)],
      ],
    };
  }
  const { state } = outcome;
  return {
    verdict: outcome.outcome.toUpperCase(),
    isGood: true,
    subject: `${printable(state.repository)}  ${summary(state)}`,
    facts: problemsOf(result, context).flatMap(({ message, fix }): readonly Fact[] => [
      ['note', printable(withDistances(message, now), maxText)],
      ['fix', printable(fix, maxText)],
    ]),
  };
}

/** Members are documented in the README of the room. */
export function resultJson(
  result: RepositoryResult,
  context: ProblemContext,
): Readonly<Record<string, unknown>> {
  const { outcome } = result;
  if (outcome.outcome === 'refused') {
    const { repository, refusal } = outcome;
    return { repository, outcome: 'refused', refusal: { ...refusal, fix: wayOut(refusal, repository) } };
  }
  const { state } = outcome;
  const { expiresMs, warnings: _, ...rest } = state;
  return {
    ...rest,
    outcome: outcome.outcome,
    expires: Object.fromEntries(Object.entries(expiresMs).map(([role, ms]) => [role, printTime(ms)])),
    problems: problemsOf(result, context),
  };
}

function summary({ rootVersion, tags, added, custody }: ImportedState): string {
  const roles = (['timestamp', 'snapshot'] as const).filter((role) => custody[role] === 'service');
  const signs = roles.length === 0 ? [] : [`${roles.join(' and ')} signed here`];
  return [`root v${rootVersion}`, count(tags, 'tag'), count(added.versions, 'new version'), ...signs].join(
    ', ',
  );
}

/** `1 tag`, `2 tags`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
