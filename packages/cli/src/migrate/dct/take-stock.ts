/**
 * Step 1: reads, verifies and saves every repository, and describes it. What goes wrong with one is its own
 * report; the others go on.
 */
import { toNotaryRole } from '@vidimus/notary';
import type { CliError } from '../../cli-error.ts';
import { type ExitCode, exitCodes, worstExit } from '../../exit-codes.ts';
import { toCliError } from '../../failures.ts';
import type { TrustDirectory } from '../../trust-dir/trust-directory.ts';
import { type Collected, collectDocuments } from './collect-documents.ts';
import type { Outcome } from './create-mover.ts';
import { describeRepository, type RepositoryReport } from './describe-repository.ts';
import type { DocumentSource } from './document-source.ts';
import { isGrave } from './problems.ts';
import { type DocumentFile, type SaveState, saveRepository } from './save-directory.ts';
import { withWayOut } from './unreachable.ts';

/** Repositories read at a time: the server is somebody else's. */
const concurrency = 4;

export type Stock =
  | {
      readonly repository: string;
      readonly state: 'read' | SaveState;
      readonly report: RepositoryReport;
      /** Where it was to be moved. */
      readonly outcome?: Outcome;
    }
  | { readonly repository: string; readonly state: 'failed'; readonly failure: CliError };

export interface StockTaking {
  readonly repositories: readonly string[];
  readonly open: (repository: string) => DocumentSource | Promise<DocumentSource>;
  /** Where to save, and where from; absent: only read. */
  readonly save?: { readonly directory: string; readonly from: string };
  /** Step 2, given the documents, which are forgotten then: there may be thousands of repositories. */
  readonly move?: (collected: Collected) => Promise<Outcome>;
  readonly trustDirectories: readonly TrustDirectory[];
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly progress: (line: string) => void;
}

/** In the order of the repositories given. */
export async function takeStock(taking: StockTaking): Promise<readonly Stock[]> {
  const { repositories, progress } = taking;
  const stocks = new Map<string, Stock>();
  const waiting = [...repositories];
  const work = async (): Promise<void> => {
    for (let repository = waiting.shift(); repository !== undefined; repository = waiting.shift()) {
      progress(`${stocks.size} of ${repositories.length} done; reading ${repository} ...`);
      stocks.set(repository, await takeOne(taking, repository));
    }
  };
  // Moves follow each other in order: a person may be asked in between.
  await Promise.all(Array.from({ length: taking.move === undefined ? concurrency : 1 }, work));
  return repositories.flatMap((repository) => stocks.get(repository) ?? []);
}

/** 1 for what cannot be trusted, else what kept a repository from being read or moved; expiry alone is no failure. */
export function exitOfStock(stock: Stock): ExitCode {
  if (stock.state === 'failed') return stock.failure.exit;
  const { report, outcome } = stock;
  const found = report.problems.some(isGrave) ? exitCodes.denied : exitCodes.done;
  return worstExit([found, outcome !== undefined && 'failure' in outcome ? outcome.failure.exit : found]);
}

async function takeOne(taking: StockTaking, repository: string): Promise<Stock> {
  const { open, save, move, trustDirectories, now, random } = taking;
  try {
    const collected = await collectDocuments(await open(repository), repository, now());
    const report = describeRepository(collected, trustDirectories);
    const isPartial = collected.problems.some(({ code }) => code === 'UNREADABLE' || code === 'INVALID');
    const about = { repository, from: save?.from ?? '', now: now(), isPartial };
    const state =
      save === undefined ? 'read' : await saveRepository(save.directory, about, filesOf(collected), random);
    const outcome = move === undefined ? {} : { outcome: await move(collected) };
    return { repository, state, report, ...outcome };
  } catch (error) {
    const failure = withWayOut(toCliError(error), 'from');
    if (failure.exit === exitCodes.internal) throw error;
    return { repository, state: 'failed', failure };
  }
}

/** What verified, byte for byte, the newest root first: it is what the others are judged by. */
export function filesOf(collected: Collected): readonly DocumentFile[] {
  const { roots, timestamp, snapshot, targets, delegations } = collected;
  const rest = [timestamp, snapshot, targets, ...delegations.values()];
  return [...roots.toReversed(), ...rest].flatMap((file) =>
    file === undefined
      ? []
      : [
          {
            role: toNotaryRole(file.role),
            version: file.document.version,
            bytes: file.envelope.bytes,
          },
        ],
  );
}
