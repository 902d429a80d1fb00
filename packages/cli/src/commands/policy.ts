/** `vidimus policy test` and `vidimus policy lint`. */
import { dirname, resolve } from 'node:path';
import {
  analyse,
  compilePolicies,
  formatPolicyError,
  mergeCoverage,
  type PolicySource,
  parseTrustTest,
  runTests,
  type TestReport,
  type TrustTest,
} from '@vidimus/policy';
import { printable } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import { compileFiles, readPolicyFiles } from '../client/policies.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

/** More cases than this, and only failures and totals of files are shown. */
const maxListedCases = 20;

/** Runs every `*.test.yaml` below a path; a failing case is exit 1, always. */
export async function test(context: Context, path: string): Promise<ExitCode> {
  const tests = readPolicyFiles([path]).filter(({ file }) => isTestFile(file));
  if (tests.length === 0) {
    throw new CliError(
      'POLICY_INVALID',
      exitCodes.usage,
      `no *.test.yaml in ${path}`,
      'vidimus policy lint checks the rest',
    );
  }
  const start = performance.now();
  const reports = tests.map(runOne);
  const elapsedMs = Math.round(performance.now() - start);
  const failed = reports.flatMap((report) => report.cases).filter((one) => !one.ok).length;
  if (context.options.json === true) context.json({ reports, failed });
  else printReports(context, reports, elapsedMs);
  return failed === 0 ? exitCodes.done : exitCodes.denied;
}

/** Every error with its position, then what analysis finds. */
export async function lint(context: Context, path: string): Promise<ExitCode> {
  const sources = readPolicyFiles([path]);
  const result = compilePolicies(sources.filter(({ file }) => !isTestFile(file)));
  const broken = sources
    .filter(({ file }) => isTestFile(file))
    .flatMap((source) => parseTrustTest(source).errors ?? []);
  const errors = [...(result.errors ?? []), ...broken].map(formatPolicyError);
  const findings = result.bundle === undefined ? [] : analyse(result.bundle);
  if (context.options.json === true) context.json({ errors, findings });
  else {
    for (const error of errors) context.terminal.out(`error    ${printable(error)}`);
    for (const { level, code, message, source } of findings) {
      const { file, line, column } = source;
      context.terminal.out(`${level.padEnd(9)}${printable(`${file}:${line}:${column}: ${code} ${message}`)}`);
    }
    if (errors.length + findings.length === 0) context.terminal.out(`ok       ${sources.length} files`);
  }
  const refused = errors.length > 0 || findings.some(({ level }) => level === 'error');
  return refused ? exitCodes.usage : exitCodes.done;
}

function isTestFile(file: string): boolean {
  return /\.test\.ya?ml$/.test(file);
}

function runOne(source: PolicySource): TestReport {
  const parsed = parseTrustTest(source);
  if (parsed.test === undefined) {
    const [first] = parsed.errors;
    const message = first === undefined ? `${source.file} is not a test` : formatPolicyError(first);
    throw new CliError('POLICY_INVALID', exitCodes.usage, message);
  }
  return runTests(compileFiles(policiesOf(source.file, parsed.test)), parsed.test);
}

/** The policies a test names, relative to the test's own file. */
function policiesOf(file: string, { policies }: TrustTest): readonly PolicySource[] {
  return readPolicyFiles(policies.map((name) => resolve(dirname(file), name)));
}

function printReports(context: Context, reports: readonly TestReport[], elapsedMs: number): void {
  const { terminal } = context;
  const cases = reports.flatMap((report) => report.cases);
  for (const report of reports) printReport(context, report, cases.length > maxListedCases);
  const failed = cases.filter((one) => !one.ok).length;
  const coverage = mergeCoverage(reports);
  const seen = coverage.filter((rule) => rule.passed && rule.failed).length;
  terminal.out('');
  terminal.out(`${cases.length - failed} passed, ${failed} failed, ${cases.length} cases in ${elapsedMs} ms`);
  terminal.out(`Coverage: ${seen} of ${coverage.length} rules seen passing and failing`);
  for (const rule of coverage.filter((one) => !(one.passed && one.failed))) {
    terminal.out(`  never ${rule.failed ? 'passed' : 'failed'}: ${printable(`${rule.policy}/${rule.rule}`)}`);
  }
}

function printReport({ terminal }: Context, report: TestReport, brief: boolean): void {
  const bad = report.cases.filter((one) => !one.ok);
  terminal.out(brief ? `${report.file}  ${report.cases.length - bad.length} ok` : report.file);
  for (const one of brief ? bad : report.cases) {
    terminal.out(`  ${one.ok ? 'ok  ' : 'FAIL'}  ${printable(one.name)}`);
    for (const line of one.ok ? [] : [...one.differences, ...one.because])
      terminal.out(`          ${printable(line)}`);
  }
}
