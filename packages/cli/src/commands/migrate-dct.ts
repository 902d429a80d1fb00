/** `vidimus migrate dct`: brings trust data away from a Notary server. Step 1 reads and saves, step 2 publishes here. */
import { statSync } from 'node:fs';
import { isRepositoryName, printable } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes, worstExit } from '../exit-codes.ts';
import { toCliError } from '../failures.ts';
import { createMover } from '../migrate/dct/create-mover.ts';
import { openFromServer } from '../migrate/dct/from-server.ts';
import { type Lines, outcomeLines, stockJson, stockLines } from '../migrate/dct/report-lines.ts';
import { readRepositoryList } from '../migrate/dct/repository-list.ts';
import { listSaved, openSaved, readManifest } from '../migrate/dct/save-directory.ts';
import { exitOfStock, type Stock, type StockTaking, takeStock } from '../migrate/dct/take-stock.ts';
import { withWayOut } from '../migrate/dct/unreachable.ts';
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

type Taking = Omit<StockTaking, 'repositories' | 'open' | 'save'>;

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
  const taking = {
    ...worldOf(context),
    trustDirectories: directories,
    ...(asked.to === undefined
      ? {}
      : {
          move: createMover({
            context: { ...context, options: { ...context.options, server: asked.to } },
            trustDirectories: directories,
            isLive,
          }),
        }),
  };
  const stocks = await (isLive ? readServer(context, options, taking) : readDirectory(options, taking));
  context.terminal.clear();
  return printAll(context, options, stocks);
}

async function readServer(context: Context, options: Migration, taking: Taking): Promise<readonly Stock[]> {
  const { from, save } = options;
  const repositories =
    options.repositories === undefined
      ? knownRepositories(context, taking.trustDirectories)
      : readRepositoryList(options.repositories);
  const wire = openFromServer(context, from, options.fromCa);
  try {
    // Asked once before all: a server that is gone must not be waited for a thousand times.
    await wire.ping().catch((error: unknown) => {
      throw withWayOut(toCliError(error), 'from');
    });
    return await takeStock({
      ...taking,
      repositories,
      open: (repository) => wire.open(repository),
      ...(save === undefined ? {} : { save: { directory: save, from: wire.server } }),
    });
  } finally {
    wire.close();
  }
}

async function readDirectory(
  { from, repositories, save }: Migration,
  taking: Taking,
): Promise<readonly Stock[]> {
  if (statSync(from, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw usage(`--from ${printable(from)} is neither a URL nor a directory`, fromHint);
  }
  if (save !== undefined) throw usage('what is read from a directory is saved already');
  const names = repositories === undefined ? listSaved(from) : readRepositoryList(repositories);
  if (names.length === 0) throw usage(`nothing was saved in ${printable(from)}`);
  return await takeStock({
    ...taking,
    repositories: names,
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

function printAll(context: Context, options: Migration, stocks: readonly Stock[]): ExitCode {
  const { terminal } = context;
  const exit = worstExit(stocks.map(exitOfStock));
  const next = nextStep(options, stocks);
  if (context.options.json === true) {
    context.json({
      repositories: stocks.map(stockJson),
      exitCode: exit,
      ...(next === undefined ? {} : { next }),
    });
    return exit;
  }
  for (const stock of stocks) {
    printLines(context, stockLines(stock, context.world.now()));
    if (stock.state !== 'failed' && stock.outcome !== undefined)
      printLines(context, outcomeLines(stock.outcome));
  }
  const read = stocks.filter(({ state }) => state !== 'failed').length;
  const moved = options.to === undefined ? '' : `, ${movedOf(stocks).length} of ${read} moved`;
  terminal.out(`${read} of ${stocks.length} repositories read${moved}`);
  if (next !== undefined) for (const line of formatFacts([['next', next]])) terminal.out(line);
  return exit;
}

function movedOf(stocks: readonly Stock[]): readonly Stock[] {
  return stocks.filter(
    (stock) => stock.state !== 'failed' && stock.outcome !== undefined && 'moved' in stock.outcome,
  );
}

function printLines({ terminal }: Context, { verdict, isGood, subject, facts }: Lines): void {
  const { colors } = terminal;
  const paint = isGood ? colors.green : colors.red;
  terminal.out(`${paint(colors.bold(verdict))}  ${subject}`);
  for (const line of formatFacts(facts)) terminal.out(line);
}

function nextStep({ from, save, to }: Migration, stocks: readonly Stock[]): string | undefined {
  if (to !== undefined) {
    if (movedOf(stocks).length === 0) return undefined;
    return `export DOCKER_CONTENT_TRUST_SERVER=${to}, or notary -s ${to}`;
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

/** A Notary server has no list; the clients of this machine know what they pulled and signed. */
function knownRepositories(context: Context, directories: readonly TrustDirectory[]): readonly string[] {
  const cached = directories.flatMap(({ cachedRoots }) => [...cachedRoots.keys()]);
  const known = [...new Set(cached)].filter(isRepositoryName).sort();
  if (known.length === 0) {
    throw usage(
      'a Notary server has no list of its repositories, and no trust directory here knows any',
      'name them in a file, one a line, whole like docker.io/acme/web: --repositories FILE',
    );
  }
  context.terminal.note(`reading the ${known.length} repositories that the trust directories here know`);
  return known;
}

const fromHint = '--from https://notary.docker.io, or the directory that --save wrote';

function usage(message: string, hint?: string): CliError {
  return new CliError('USAGE', exitCodes.usage, message, hint);
}
