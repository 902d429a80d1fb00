/** An audit on stdout: what is now, what happened, and what of it is backed by signatures. */
import { printable } from '@vidimus/reference';
import type { AuditReport, SignedBy } from '@vidimus/trust-client';
import { rfc3339 } from '../client/judge-image.ts';
import type { Context } from '../context.ts';
import { shorten } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import { type StoryLine, storyRows, toStory } from './story.ts';

/** Lines that are named one by one as the server's word. */
const maxNumbered = 12;

/** Prints the report; where trust began, and what to do next, are the caller's to say. */
export function printReport({ terminal, world }: Context, report: AuditReport): void {
  const { tag, repository, now, timestamp } = report;
  const story = toStory(report);
  if (tag === undefined) terminal.out(repository);
  else if (now?.digest === undefined) {
    const code = now?.code === undefined ? '' : `  ${now.code}`;
    terminal.out(`${repository}:${printable(tag)}   nobody vouches for it now${code}`);
  } else {
    terminal.out(`${repository}:${printable(tag)}   now ${shorten(now.digest)}, vouched for by`);
    terminal.out(`  ${now.path.map(linkWords).join(' > ')}`);
    terminal.out(`  pinned    ${repository}@${now.digest}`);
  }
  terminal.out(
    `  as of timestamp v${timestamp.version}, good until ${formatTimeAndDistance(timestamp.expires, world.now())}`,
  );
  terminal.out('');
  if (story.length > 0) {
    terminal.table([
      ['', 'TIME (UTC)', 'WHAT', 'WHO', 'HOW', 'VERSIONS', 'BACKED'],
      ...storyRows(story, tag),
    ]);
    terminal.out('');
  }
  for (const line of verdictLines(report, story)) terminal.out(line);
}

export function isContradicted({ lines }: AuditReport): boolean {
  return lines.some(({ standing }) => standing === 'contradicted');
}

function verdictLines({ log, keptIsOnChain }: AuditReport, story: readonly StoryLine[]): readonly string[] {
  const numbered = story.map(({ line }, index) => ({ line, number: index + 1 }));
  const signed = numbered.filter(({ line }) => line.standing === 'signed');
  const word = numbered.filter(({ line }) => line.standing === 'word');
  const against = numbered.filter(({ line }) => line.standing === 'contradicted');
  const numbers = word.slice(0, maxNumbered).map(({ number }) => number);
  const more = word.length > maxNumbered ? ', ...' : '';
  const rest =
    word.length === 0
      ? ''
      : `, ${word.length === 1 ? 'line' : 'lines'} ${numbers.join(', ')}${more} ${word.length === 1 ? 'is' : 'are'} the server's word only`;
  return [
    `Checked here, without trusting the server: ${signed.length} of ${story.length} lines are backed by signed metadata${rest};`,
    `the log's hash chain is whole (events ${log.first} to ${log.last}, signed up to ${log.signedTo}).`,
    ...(keptIsOnChain === undefined ? [] : [keptWords(keptIsOnChain)]),
    "Who acted, and why, is always the server's word; which keys signed what is not.",
    ...against.map(({ line, number }) => `CONTRADICTED  line ${number}: ${printable(line.why ?? '')}`),
  ];
}

function keptWords(isOnChain: boolean): string {
  return isOnChain
    ? 'The timestamp that was kept from before lies on it: nothing was rewritten since.'
    : 'The timestamp that was kept is older than the first event given: it proves nothing here.';
}

function linkWords({ role, version, keyIds, threshold }: SignedBy): string {
  const need = threshold > 1 ? `, ${keyIds.length} of ${threshold}` : '';
  return `${printable(role)} v${version}${need} (${keyIds.map(shorten).join(', ')})`;
}

/** `audit --json`. */
export function reportJson(report: AuditReport): Readonly<Record<string, unknown>> {
  const { timestamp, lines, now, tag, keptIsOnChain, ...rest } = report;
  return {
    ...rest,
    ...(tag === undefined ? {} : { tag }),
    timestamp: { ...timestamp, issued: rfc3339(timestamp.issued), expires: rfc3339(timestamp.expires) },
    ...(tag === undefined
      ? {}
      : {
          now:
            now === undefined
              ? null
              : { digest: now.digest ?? null, vouchedBy: now.path, code: now.code ?? null },
        }),
    ...(keptIsOnChain === undefined ? {} : { keptIsOnChain }),
    lines: lines.map(({ event, standing, why, signedBy, isTimeSigned, effect }) => ({
      event: event.raw,
      backed: standing,
      why: why ?? null,
      signedBy: signedBy ?? [],
      timeSigned: isTimeSigned,
      effect: effect ?? null,
    })),
    contradicted: isContradicted(report),
  };
}
