/** What became of one repository, for a person and for a program. */
import { printable } from '@vidimus/reference';
import type { CliError } from '../../cli-error.ts';
import { shorten } from '../../output/table.ts';
import { formatTimeAndDistance } from '../../output/times.ts';
import type { Fact } from '../../publish/outcome-lines.ts';
import type { Outcome } from './create-mover.ts';
import type { RepositoryReport, RoleReport } from './describe-repository.ts';
import type { Stock } from './take-stock.ts';

/** Tags named in the human output; `--json` names all. */
const maxShownTags = 12;

/** First word, what it is about, and the facts below. */
export interface Lines {
  readonly verdict: string;
  readonly isGood: boolean;
  readonly subject: string;
  readonly facts: readonly Fact[];
}

/** @param now milliseconds since 1970 */
export function stockLines(stock: Stock, now: number): Lines {
  const subject = printable(stock.repository);
  if (stock.state === 'failed') return failureLines('FAILED', subject, stock.failure);
  const { report, state } = stock;
  const facts = reportFacts(report, now);
  return {
    verdict: state.toUpperCase(),
    isGood: true,
    subject: `${subject}  ${reportSummary(report)}`,
    facts,
  };
}

export function outcomeLines(outcome: Outcome): Lines {
  const subject = printable(outcome.repository);
  if ('failure' in outcome) return failureLines('REFUSED', subject, outcome.failure);
  const { state, root, carried, leftBehind, tags } = outcome.moved;
  const isMoved = state === 'moved';
  const documents = carried.map(
    ({ role, version, renewed }) => `${role} v${version}${renewed ? ', signed again' : ''}`,
  );
  return {
    verdict: isMoved ? 'MOVED' : 'PRESENT',
    isGood: true,
    subject: `${subject}  ${count(tags.length, 'tag')}, root v${root}`,
    facts: [
      [
        'root',
        isMoved ? `v${root} hands timestamp and snapshot over` : `v${root}, made by an earlier run or since`,
      ],
      ...documents.map((document, index): Fact => [index === 0 ? 'carried' : '', printable(document)]),
      ...leftBehind.flatMap(({ role, why, fix }): readonly Fact[] => [
        ['left', printable(`${role}: ${why}`)],
        ['fix', printable(fix)],
      ]),
      ['clients', 'follow from any root they have, with their cached data'],
    ],
  };
}

export function stockJson(stock: Stock): Readonly<Record<string, unknown>> {
  const { repository, state } = stock;
  if (state === 'failed') return { repository, state, error: errorJson(stock.failure) };
  return { ...stock.report, state, ...outcomeJson(stock.outcome) };
}

/** `moved`, or `notMoved`; nothing where nothing was to be moved. */
function outcomeJson(outcome: Outcome | undefined): Readonly<Record<string, unknown>> {
  if (outcome === undefined) return {};
  return 'moved' in outcome ? { moved: outcome.moved } : { notMoved: errorJson(outcome.failure) };
}

function errorJson({ code, message, hint }: CliError) {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function failureLines(verdict: string, subject: string, { code, message, hint }: CliError): Lines {
  const fix: readonly Fact[] = hint === undefined ? [] : [['fix', printable(hint, 1_024)]];
  return {
    verdict,
    isGood: false,
    subject: `${subject}  ${code}`,
    facts: [['why', printable(message)], ...fix],
  };
}

/** `12 tags, 2 signers, root v3` */
function reportSummary({ tags, signers, roots }: RepositoryReport): string {
  return `${count(tags.length, 'tag')}, ${count(signers.length, 'signer')}, root v${roots.to}`;
}

function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? '' : 's'}`;
}

function reportFacts(report: RepositoryReport, now: number): readonly Fact[] {
  return [
    ['roots', rootsWords(report)],
    ...report.roles.map((role): Fact => [role.role, roleWords(role, now)]),
    ...keyFacts(report),
    ['tags', tagWords(report)],
    ...report.problems.flatMap(({ code, message, fix }): readonly Fact[] => [
      ['problem', `${printable(message)}  ${code}`],
      ['fix', printable(fix)],
    ]),
  ];
}

function rootsWords({ roots }: RepositoryReport): string {
  if (roots.from === roots.to) return `v${roots.to} alone`;
  return `v${roots.from} to v${roots.to}: clients that saw any of them can follow`;
}

function roleWords({ version, expires, threshold, keys }: RoleReport, now: number): string {
  const state =
    version === undefined || expires === undefined
      ? 'no document'
      : `v${version}, expires ${formatTimeAndDistance(Date.parse(expires), now)}`;
  const ids = keys.map(
    ({ canonicalId, file }) => `${shorten(canonicalId)}${file === undefined ? '' : ' (here)'}`,
  );
  const [certificate] = keys.flatMap((key) => key.certificate ?? []);
  const certified =
    certificate === undefined
      ? ''
      : `; certificate until ${formatTimeAndDistance(Date.parse(certificate.notAfter), now)}`;
  return `${state}; ${threshold} of ${ids.join(', ') || 'no key'}${certified}`;
}

function keyFacts({ roles }: RepositoryReport): readonly Fact[] {
  const files = new Set(roles.flatMap(({ keys }) => keys.flatMap(({ file }) => file ?? [])));
  if (files.size === 0) return [['keys', 'none of them is in a trust directory here']];
  return [...files].map((file, index): Fact => [index === 0 ? 'keys' : '', printable(file, 4_096)]);
}

function tagWords({ tags }: RepositoryReport): string {
  if (tags.length === 0) return 'none';
  const shown = tags.slice(0, maxShownTags).map(({ tag }) => printable(tag, 128));
  const more = tags.length > maxShownTags ? ` and ${tags.length - maxShownTags} more` : '';
  return `${tags.length}: ${shown.join(', ')}${more}`;
}
