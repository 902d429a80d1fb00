/**
 * `vidimus migrate notary`: brings every repository of a Notary server over, from its databases into ours. It runs
 * where the service runs, with the service's configuration and master key.
 */
import { printable } from '@vidimus/reference';
import type { Importer } from '@vidimus/trust-server';
import { CliError } from '../cli-error.ts';
import { newId } from '../client/identifiers.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { importAll, type RepositoryResult } from '../migrate/notary/import-all.ts';
import { openService } from '../migrate/notary/open-service.ts';
import { openSource } from '../migrate/notary/open-source.ts';
import { resultJson, resultLines } from '../migrate/notary/report.ts';
import { formatFacts } from '../output/table.ts';

export interface MigrateNotaryOptions {
  readonly serverDb?: string;
  readonly signerDb?: string;
  readonly final?: boolean;
  readonly data?: string;
  readonly config?: string;
}

/** @throws CliError; what was brought over before stays */
export async function migrateNotary(context: Context, options: MigrateNotaryOptions): Promise<ExitCode> {
  const { world } = context;
  const { serverDb, signerDb, final = false } = options;
  if (serverDb === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'say where the data of the Notary server is',
      '--server-db postgres://user:password@host/notaryserver, or mysql://…, and --signer-db for its keys',
    );
  }
  const ending: (() => Promise<void>)[] = [];
  try {
    const server = await openSource(serverDb, '--server-db');
    ending.push(() => server.close());
    const signer = signerDb === undefined ? undefined : await openSource(signerDb, '--signer-db');
    if (signer !== undefined) ending.push(() => signer.close());
    const service = await openService(context, options);
    ending.push(() => service.close());
    let isStopped = false;
    void world.stopped.then(() => {
      isStopped = true;
    });
    const results = importAll({
      server,
      signer,
      importer: service.importer,
      environment: world.environment,
      requestId: newId(world.now(), world.random),
      final,
      goOn: () => !isStopped,
      begin: (repository, done) => context.terminal.progress(`${done} done, now ${repository} ...`),
    });
    const circumstances = { final, hasSigner: signer !== undefined, isStopped: () => isStopped };
    return await report(context, service.importer, results, circumstances);
  } finally {
    context.terminal.clear();
    for (const end of ending.reverse()) await end();
  }
}

interface Circumstances {
  readonly final: boolean;
  readonly hasSigner: boolean;
  /** Somebody asked it to stop before it was through. */
  readonly isStopped: () => boolean;
}

const outcomes = ['imported', 'updated', 'unchanged', 'refused'] as const;

/** Names shown of copies that are not at the source; `--json` names all. */
const maxShown = 10;

async function report(
  context: Context,
  importer: Importer,
  results: AsyncIterable<RepositoryResult>,
  circumstances: Circumstances,
): Promise<ExitCode> {
  const counts = { imported: 0, updated: 0, unchanged: 0, refused: 0 };
  const told: Readonly<Record<string, unknown>>[] = [];
  const seen = new Set<string>();
  for await (const result of results) {
    const { outcome } = result;
    seen.add(outcome.outcome === 'refused' ? outcome.repository : outcome.state.repository);
    counts[outcome.outcome] += 1;
    if (context.options.json === true) told.push(resultJson(result, circumstances));
    else print(context, result, circumstances);
  }
  const stopped = circumstances.isStopped();
  const notThere = stopped ? [] : (await importer.listCopies()).filter((name) => !seen.has(name));
  const exit = counts.refused > 0 ? exitCodes.denied : exitCodes.done;
  if (context.options.json === true) {
    const { final } = circumstances;
    context.json({ final, stopped, repositories: told, counts, notThere, exitCode: exit });
    return exit;
  }
  for (const line of closing(counts, notThere, circumstances)) context.terminal.out(line);
  return exit;
}

function print({ terminal, world }: Context, result: RepositoryResult, circumstances: Circumstances): void {
  const { verdict, isGood, subject, facts } = resultLines(result, circumstances, world.now());
  // A fleet of a thousand, run again, has nothing to say of most of them.
  if (result.outcome.outcome === 'unchanged' && facts.length === 0) return;
  const colour = isGood ? terminal.colors.green : terminal.colors.red;
  terminal.out(`${colour(verdict.padEnd(9))}  ${subject}`);
  for (const line of formatFacts(facts)) terminal.out(line);
}

function closing(
  counts: Readonly<Record<(typeof outcomes)[number], number>>,
  notThere: readonly string[],
  { final, isStopped }: Circumstances,
): readonly string[] {
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const parts = outcomes.filter((name) => counts[name] > 0).map((name) => `${counts[name]} ${name}`);
  const repositories = total === 1 ? '1 repository' : `${total} repositories`;
  const lines = [parts.length === 0 ? repositories : `${repositories}: ${parts.join(', ')}`];
  if (notThere.length > 0) {
    const more = notThere.length > maxShown ? `, and ${notThere.length - maxShown} more` : '';
    const names = notThere
      .slice(0, maxShown)
      .map((name) => printable(name))
      .join(', ');
    lines.push(`read-only here, and no longer there: ${names}${more}; to end one: DELETE /v2/REPO/_trust`);
  }
  if (isStopped()) lines.push('stopped before it was through: what came over stays, run it again');
  else if (total > counts.refused) lines.push(final ? opened : copied);
  return lines;
}

const opened = 'open for uploads: point the clients here, and let the other server stay stopped';
const copied = 'read-only here until the other server has stopped and this was run again with --final';
