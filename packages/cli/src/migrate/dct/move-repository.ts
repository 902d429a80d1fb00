/**
 * Step 2: makes a repository here that goes on from the one that was read. Nothing exists here before the one call
 * that publishes everything, and asking again after a lost answer finds what was made.
 */
import { toBase64 } from '@vidimus/crypto';
import { notaryDialect, toNotaryRole } from '@vidimus/notary';
import { type ImportRepositoryRequest, type PublishClient, TrustClientError } from '@vidimus/trust-client';
import { type Root, TufError, type Verified, verifyRootUpdate } from '@vidimus/tuf';
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';
import { toCliError } from '../../failures.ts';
import { type Cargo, carryDocuments, type LeftBehind } from './carry-documents.ts';
import { type Collected, collectDocuments } from './collect-documents.ts';
import { describeTags, type TagReport } from './describe-repository.ts';
import { type KeyFinder, openRoleKeys } from './find-keys.ts';
import { handOverRoot } from './hand-over-root.ts';
import { readLimits } from './notary-wire.ts';
import type { OurServer } from './our-server.ts';
import { isGrave } from './problems.ts';

/**
 * Where the old server cannot be asked again, it may have made any number of timestamps since: the jump that a
 * restore makes, too.
 */
const versionJump = 2 ** 20;

export interface Move {
  readonly collected: Collected;
  readonly finder: KeyFinder;
  readonly server: OurServer;
  readonly publisher: PublishClient;
  /** The documents were read from the old server just now. */
  readonly isLive: boolean;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly progress: (line: string) => void;
}

export interface Moved {
  /** `present`: an earlier run moved it. */
  readonly state: 'moved' | 'present';
  readonly root: number;
  readonly carried: readonly { readonly role: string; readonly version: number; readonly renewed: boolean }[];
  readonly leftBehind: readonly LeftBehind[];
  /** What clients see here now. */
  readonly tags: readonly TagReport[];
}

/** @throws CliError, TrustClientError, TufError: nothing was published then, or the hint says so */
export async function moveRepository(move: Move): Promise<Moved> {
  const { collected, server, now, progress } = move;
  const { repository } = collected;
  assertMovable(collected);
  const source = server.open(repository);
  const present = await source.root(undefined);
  if (present !== undefined) return await recognise(move, present);

  const { root } = collected;
  const signers = await openRootKeys(move);
  const cargo = await carryDocuments(collected, move.finder, now());
  progress(`asking for keys for ${repository} ...`);
  const service = {
    timestamp: await server.key(repository, 'timestamp'),
    snapshot: await server.key(repository, 'snapshot'),
  };
  const next = await handOverRoot({
    repository,
    root,
    signers,
    service,
    nowMs: now(),
    random: move.random,
  });
  progress(`publishing ${repository} ...`);
  await move.publisher.importRepository(repository, toRequest(move, next, cargo));
  return { state: 'moved', ...(await look(move, next.envelope.bytes)), ...told(cargo) };
}

/** Nothing is published on somebody's word that cannot be trusted; the first root must be there to be walked from. */
function assertMovable({ repository, problems, roots }: Collected): void {
  const grave = problems.find(isGrave);
  if (grave !== undefined) {
    throw new CliError(
      'NOT_TRUSTWORTHY',
      exitCodes.denied,
      `${repository} is not published as it is: ${grave.message}`,
      grave.fix,
    );
  }
  if ((roots[0]?.document.version ?? 0) <= 2) return;
  throw new CliError(
    'ROOT_CHAIN',
    exitCodes.denied,
    `the oldest root of ${repository} that could be read is v${roots[0]?.document.version}`,
    'without the roots before it no client could check the chain: save it from a server that has them',
  );
}

async function openRootKeys({ collected, finder }: Move) {
  const { repository, root } = collected;
  try {
    return await openRoleKeys(finder, 'root', root.document.roles.root, root.document.keys);
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'KEY_MISSING') throw error;
    throw new CliError(
      'ROOT_KEY_MISSING',
      exitCodes.denied,
      `${repository}: ${error.message}`,
      'with --trust-dir of whoever made the repository it moves; if the key is lost: make it anew here, and its ' +
        'clients remove ~/.docker/trust/tuf/' +
        `${repository} before they pull again`,
    );
  }
}

function toRequest(
  { collected, isLive }: Move,
  root: Verified<Root>,
  { carried }: Cargo,
): ImportRepositoryRequest {
  const { roots, timestamp, snapshot } = collected;
  const parts = carried.map(({ file }) => [toNotaryRole(file.role), toBase64(file.envelope.bytes)] as const);
  const highest = (version: number | undefined): number =>
    (version ?? 0) + (isLive && version !== undefined ? 0 : versionJump);
  return {
    dialect: 'notary',
    roots: roots.map(({ envelope }) => toBase64(envelope.bytes)),
    update: { root: toBase64(root.envelope.bytes), ...Object.fromEntries(parts) },
    highest: {
      timestamp: highest(timestamp?.document.version),
      snapshot: highest(snapshot?.document.version),
    },
  };
}

/** A root that goes on from ours was made by an earlier run, or by the owner since; any other is somebody else's. */
async function recognise(move: Move, bytes: Uint8Array): Promise<Moved> {
  const { collected } = move;
  const { repository, root } = collected;
  const context = { dialect: notaryDialect, repository, foreign: true, limits: readLimits };
  try {
    // Later ones go on from that one; the chain is walked by `look`.
    const next = (await move.server.open(repository).root(root.document.version + 1)) ?? bytes;
    verifyRootUpdate(context, root.document, next);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    throw new CliError(
      'REPOSITORY_EXISTS',
      exitCodes.denied,
      `${move.server.url} has a repository ${repository} that does not go on from this one`,
      'end that one first, if nobody uses it',
      { cause: error },
    );
  }
  return { state: 'present', ...(await look(move, bytes)), carried: [], leftBehind: [] };
}

/** The repository here as its clients will judge it. @throws CliError when they would refuse it */
async function look(move: Move, root: Uint8Array): Promise<Pick<Moved, 'root' | 'tags'>> {
  const { collected, server, now } = move;
  const { repository } = collected;
  try {
    const here = await collectDocuments(server.open(repository), repository, now());
    const [problem] = here.problems;
    const isSame = Buffer.from(here.root.envelope.bytes).equals(root);
    if (problem === undefined && isSame)
      return { root: here.root.document.version, tags: describeTags(here) };
    throw new CliError(
      'UNUSABLE',
      exitCodes.unavailable,
      problem === undefined ? 'it serves another root than was published' : problem.message,
    );
  } catch (error) {
    const { code, exit, message, cause } = toCliError(error);
    const hint = `it is published; ask again, and see vidimus inspect ${repository}`;
    throw new CliError(
      code,
      exit,
      `${server.url} does not serve ${repository} as published: ${message}`,
      hint,
      {
        cause,
      },
    );
  }
}

function told({ carried, leftBehind }: Cargo): Pick<Moved, 'carried' | 'leftBehind'> {
  return {
    carried: carried.map(({ file, isRenewed }) => ({
      role: toNotaryRole(file.role),
      version: file.document.version,
      renewed: isRenewed,
    })),
    leftBehind,
  };
}

/** Whether a failure is about this repository alone, and the next one can be tried. */
export function isOfOneRepository(error: CliError): boolean {
  return !(
    error.cause instanceof TrustClientError && ['UNREACHABLE', 'UNAUTHORIZED'].includes(error.cause.code)
  );
}
