/** The report of one repository as a person reads it. */
import { printable } from '@vidimus/reference';
import { shorten } from '../../output/table.ts';
import { formatTimeAndDistance } from '../../output/times.ts';
import type { Fact } from '../../publish/outcome-lines.ts';
import type { RepositoryReport, RoleReport } from './describe-repository.ts';

/** Tags named in the human output; `--json` names all. */
const maxShownTags = 12;

/** `12 tags, 2 signers, root v3` */
export function reportSummary({ tags, signers, roots }: RepositoryReport): string {
  const count = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 's'}`;
  return `${count(tags.length, 'tag')}, ${count(signers.length, 'signer')}, root v${roots.to}`;
}

/** @param now milliseconds since 1970 */
export function reportFacts(report: RepositoryReport, now: number): readonly Fact[] {
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
