/** A decision as lines for people: the verdict first, then every reason with its facts and its fix. */
import { printable } from '@vidimus/reference';
import type { Decision, Finding } from './decision.ts';
import type { FactValue } from './facts.ts';

const VERDICTS = { allow: 'ALLOWED', warn: 'WARNING', deny: 'DENIED' } as const;
const MAX_FACT_CHARACTERS = 256;

/** Lines without colour, safe to print: text of images and servers is escaped and cut. */
export function explain(decision: Decision): string[] {
  const { image, failures, warnings, observed, passed, relaxedBy } = decision;
  const first = failures[0] ?? (decision.decision === 'warn' ? warnings[0] : undefined);
  return [
    printable(
      `${VERDICTS[decision.decision]}  ${image.requested}${first === undefined ? '' : `  ${first.code}`}`,
    ),
    ...(image.resolved === null ? [] : [`  pinned    ${image.resolved}`]),
    `  policy    ${policyLine(decision)}`,
    ...failures.flatMap((finding) => findingLines('why', finding)),
    ...warnings.flatMap((finding) => findingLines('warning', finding)),
    ...observed.flatMap((finding) => findingLines('observed', finding)),
    ...(passed.length === 0 ? [] : [`  held      ${passed.join(', ')}`]),
    ...(relaxedBy.length === 0 ? [] : [`  relaxed   ${relaxedBy.join(', ')}`]),
    ...(decision.nextTimeChange === null ? [] : [`  until     ${decision.nextTimeChange}`]),
    `  decision  ${printable(decision.decisionId)} at ${decision.evaluatedAt}`,
  ];
}

function policyLine({ bundle, matched, outcome }: Decision): string {
  const name = `${bundle.name}@${bundle.version}`;
  return outcome === 'default'
    ? `${name}: nothing matched, its default decided`
    : `${name}: ${matched.join(', ')}`;
}

function findingLines(word: string, finding: Finding): string[] {
  const where = finding.policy === null ? '' : `${finding.policy}/${finding.rule}: `;
  const { source } = finding;
  return [
    printable(`  ${word.padEnd(8)}  ${where}${finding.summary}  ${finding.code}`, 1_000),
    ...Object.entries(finding.facts).map(([name, value]) => `            ${name}: ${factText(value)}`),
    ...finding.fix.map((fix) => printable(`  fix       ${fix}`, 1_000)),
    ...(source === null ? [] : [printable(`  rule      ${source.file}:${source.line}:${source.column}`)]),
  ];
}

function factText(value: FactValue): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value), MAX_FACT_CHARACTERS);
}
