/** RESULTS.md: what the last whole run printed, with the machine it ran on. */
import { cpus, loadavg, totalmem } from 'node:os';
import type { Row } from './measure.ts';

export interface SectionResult {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

export function formatResults(results: readonly SectionResult[]): string {
  return `# Benchmarks

Written by \`npm run bench\`. Ratios are of things measured side by side, in turns, in one run; they travel between
machines, the wall-clock figures behind them do not. Bench, service and database share the machine.

Machine: ${machine()}

${results.map(formatSection).join('\n')}`;
}

function machine(): string {
  const processors = cpus();
  // Far above what the bench makes itself (about 2): somebody else was at work, and every time is stretched.
  const load = loadavg()[2]?.toFixed(1);
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `node ${process.versions.node}, ${process.platform} ${process.arch}, ${processors.length} cores, ${gigabytes} GB, load average ${load} over the last quarter of an hour`;
}

function formatSection({ name, title, rows }: SectionResult): string {
  const lines = rows.map(
    ({ what, value, reach, met }) =>
      `| ${what.trim()} | ${value} | ${reach} | ${met === undefined ? '' : met ? 'yes' : '**no**'} |`,
  );
  return `## ${name}: ${title}

| | measured | reach | met |
|---|---|---|---|
${lines.join('\n')}
`;
}
