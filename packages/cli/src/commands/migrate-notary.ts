/**
 * `vidimus migrate notary`: brings every repository of a Notary server over, from its databases into ours. It runs
 * where the service runs, with the service's configuration and master key.
 */
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
    return await report(context, results, { final, hasSigner: signer !== undefined });
  } finally {
    context.terminal.clear();
    for (const end of ending.reverse()) await end();
  }
}

interface Circumstances {
  readonly final: boolean;
  readonly hasSigner: boolean;
}

const outcomes = ['imported', 'updated', 'unchanged', 'refused'] as const;

async function report(
  context: Context,
  results: AsyncIterable<RepositoryResult>,
  circumstances: Circumstances,
): Promise<ExitCode> {
  const { terminal, world } = context;
  const counts = { imported: 0, updated: 0, unchanged: 0, refused: 0 };
  const told: Readonly<Record<string, unknown>>[] = [];
  for await (const result of results) {
    counts[result.outcome.outcome] += 1;
    if (context.options.json === true) {
      told.push(resultJson(result, circumstances));
      continue;
    }
    const { verdict, isGood, subject, facts } = resultLines(result, circumstances, world.now());
    // A fleet of a thousand, run again, has nothing to say of most of them.
    if (result.outcome.outcome === 'unchanged' && facts.length === 0) continue;
    const colour = isGood ? terminal.colors.green : terminal.colors.red;
    terminal.out(`${colour(verdict.padEnd(9))}  ${subject}`);
    for (const line of formatFacts(facts)) terminal.out(line);
  }
  const exit = counts.refused > 0 ? exitCodes.denied : exitCodes.done;
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  if (context.options.json === true) {
    context.json({ final: circumstances.final, repositories: told, counts, exitCode: exit });
    return exit;
  }
  const parts = outcomes.filter((name) => counts[name] > 0).map((name) => `${counts[name]} ${name}`);
  terminal.out(
    `${total === 1 ? '1 repository' : `${total} repositories`}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`,
  );
  if (total > counts.refused) terminal.out(lastLine(circumstances));
  return exit;
}

function lastLine({ final }: Circumstances): string {
  return final
    ? 'open for uploads: point the clients here, and let the other server stay stopped'
    : 'read-only here until the other server has stopped and this was run again with --final';
}
