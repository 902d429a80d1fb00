/** `vidimus migrate dct`: brings trust data away from a Notary server. Step 1 reads and saves, step 2 publishes here. */
import { statSync } from 'node:fs';
import { printable } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes, worstExit } from '../exit-codes.ts';
import { openFromServer } from '../migrate/dct/from-server.ts';
import { moveAll, type Outcome } from '../migrate/dct/move-all.ts';
import { type Lines, outcomeJson, outcomeLines, stockJson, stockLines } from '../migrate/dct/report-lines.ts';
import { readRepositoryList } from '../migrate/dct/repository-list.ts';
import { listSaved, openSaved, readManifest } from '../migrate/dct/save-directory.ts';
import { exitOfStock, type Stock, takeStock } from '../migrate/dct/take-stock.ts';
import { formatFacts } from '../output/table.ts';
import { openTrustDirectories } from '../trust-dir/trust-directories.ts';
import type { TrustDirectory } from '../trust-dir/trust-directory.ts';

export interface MigrateDctOptions {
  /** A URL, or a directory that was saved before. */
  readonly from?: string;
  readonly fromCa?: string;
  readonly repositories?: string;
  readonly trustDir?: string;
  readonly save?: string;
  readonly to?: string;
}

/** With the place to read from, which every part needs. */
type Migration = MigrateDctOptions & { readonly from: string };

/** Reads every repository; with `--to` publishes those that can be. */
export async function migrateDct(context: Context, asked: MigrateDctOptions): Promise<ExitCode> {
  const { from } = asked;
  if (from === undefined) throw usage('say where the trust data is', fromHint);
  const options = { ...asked, from };
  const directories = openTrustDirectories(context.world.environment, options.trustDir);
  for (const { path, why } of directories.flatMap(({ leftOut }) => leftOut)) {
    context.terminal.note(printable(`not read, it ${why}: ${path}`, 4_096));
  }
  const isLive = isUrl(from);
  const stocks = await (isLive
    ? readServer(context, options, directories)
    : readDirectory(context, options, directories));
  const outcomes =
    asked.to === undefined
      ? new Map<string, Outcome>()
      : await moveAll({
          context: { ...context, options: { ...context.options, server: asked.to } },
          stocks,
          trustDirectories: directories,
          isLive,
        });
  context.terminal.clear();
  return printAll(context, options, stocks, outcomes);
}

async function readServer(
  context: Context,
  options: Migration,
  trustDirectories: readonly TrustDirectory[],
): Promise<readonly Stock[]> {
  const { from, save } = options;
  if (options.repositories === undefined) throw listMissing(trustDirectories);
  const repositories = readRepositoryList(options.repositories);
  const wire = openFromServer(context, from, options.fromCa);
  try {
    // Asked once before all: a server that is gone must not be waited for a thousand times.
    await wire.ping();
    return await takeStock({
      ...worldOf(context),
      repositories,
      trustDirectories,
      open: (repository) => wire.open(repository),
      ...(save === undefined ? {} : { save: { directory: save, from: wire.server } }),
    });
  } finally {
    wire.close();
  }
}

async function readDirectory(
  context: Context,
  { from, repositories, save }: Migration,
  trustDirectories: readonly TrustDirectory[],
): Promise<readonly Stock[]> {
  if (statSync(from, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw usage(`--from ${printable(from)} is neither a URL nor a directory`, fromHint);
  }
  if (save !== undefined) throw usage('what is read from a directory is saved already');
  const names = repositories === undefined ? listSaved(from) : readRepositoryList(repositories);
  if (names.length === 0) throw usage(`nothing was saved in ${printable(from)}`);
  return await takeStock({
    ...worldOf(context),
    repositories: names,
    trustDirectories,
    open: (repository) => {
      const manifest = readManifest(from, repository);
      if (manifest !== undefined) return openSaved(from, manifest);
      throw new CliError(
        'NO_TRUST_DATA',
        exitCodes.denied,
        `${repository} was not saved in ${printable(from)}`,
      );
    },
  });
}

function printAll(
  context: Context,
  options: Migration,
  stocks: readonly Stock[],
  outcomes: ReadonlyMap<string, Outcome>,
): ExitCode {
  const { terminal } = context;
  const failures = [...outcomes.values()].flatMap((outcome) =>
    'failure' in outcome ? outcome.failure.exit : [],
  );
  const exit = worstExit([...stocks.map(exitOfStock), ...failures]);
  const next = nextStep(options, stocks, outcomes);
  if (context.options.json === true) {
    const repositories = stocks.map((stock) => ({
      ...stockJson(stock),
      ...outcomeJson(outcomes.get(stock.repository)),
    }));
    context.json({ repositories, exitCode: exit, ...(next === undefined ? {} : { next }) });
    return exit;
  }
  for (const stock of stocks) {
    printLines(context, stockLines(stock, context.world.now()));
    const outcome = outcomes.get(stock.repository);
    if (outcome !== undefined) printLines(context, outcomeLines(outcome));
  }
  const read = stocks.filter(({ state }) => state !== 'failed').length;
  const moved =
    options.to === undefined ? '' : `, ${outcomes.size - failures.length} of ${outcomes.size} moved`;
  terminal.out(`${read} of ${stocks.length} repositories read${moved}`);
  if (next !== undefined) for (const line of formatFacts([['next', next]])) terminal.out(line);
  return exit;
}

function printLines({ terminal }: Context, { verdict, isGood, subject, facts }: Lines): void {
  const { colors } = terminal;
  const paint = isGood ? colors.green : colors.red;
  terminal.out(`${paint(colors.bold(verdict))}  ${subject}`);
  for (const line of formatFacts(facts)) terminal.out(line);
}

function nextStep(
  { from, save, to }: Migration,
  stocks: readonly Stock[],
  outcomes: ReadonlyMap<string, Outcome>,
): string | undefined {
  if (to !== undefined) {
    const isAnyMoved = [...outcomes.values()].some((outcome) => 'moved' in outcome);
    return isAnyMoved ? `export DOCKER_CONTENT_TRUST_SERVER=${to}, or notary -s ${to}` : undefined;
  }
  if (stocks.every(({ state }) => state === 'failed')) return undefined;
  const saved = isUrl(from) ? save : from;
  if (saved === undefined) return 'the same with --save DIR keeps it, whatever becomes of the server';
  return `vidimus migrate dct --from ${saved} --to https://TRUST-SERVER --token-file FILE`;
}

function worldOf({ world, terminal }: Context) {
  return { now: world.now, random: world.random, progress: terminal.progress };
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

function listMissing(directories: readonly TrustDirectory[]): CliError {
  const known = [...new Set(directories.flatMap(({ cachedRoots }) => [...cachedRoots.keys()]))];
  return usage(
    'a Notary server has no list of its repositories: name them in a file, one a line, --repositories FILE',
    known.length === 0
      ? 'names are whole, like docker.io/acme/web'
      : `the trust directories of this machine know: ${known
          .slice(0, 20)
          .map((name) => printable(name))
          .join(', ')}`,
  );
}

const fromHint = '--from https://notary.docker.io, or the directory that --save wrote';

function usage(message: string, hint?: string): CliError {
  return new CliError('USAGE', exitCodes.usage, message, hint);
}
