/** `vidimus anchor pin|list|export`: how this machine trusts the first root of a repository. */
import { isSha256Hex } from '@vidimus/crypto';
import { parseRepository, printable } from '@vidimus/reference';
import {
  exportAnchor as exportPinned,
  listAnchors,
  type PinnableAnchor,
  parseAnchorFile,
  TrustClientError,
} from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { anchorWords, pinningFacts, replaceAnchor } from '../publish/anchors.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { printAnswer } from '../publish/outcome-lines.ts';

const maxRootFileBytes = 4 * 1024 * 1024;

export interface PinOptions {
  readonly root?: string;
  readonly keyId?: readonly string[];
  readonly threshold?: number;
}

/** Pins in place of anything else, and says what that was. */
export async function pin(context: Context, name: string, options: PinOptions): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const wanted = toAnchor(repository, options);
  const pinning = await replaceAnchor(openCache(context), repository, wanted);
  const next = `vidimus inspect ${repository}`;
  return printAnswer(context, {
    deed: 'PINNED',
    subject: repository,
    facts: [
      ['anchor', anchorWords(pinning.anchor)],
      ...pinningFacts(context, repository, pinning),
      ['next', next],
    ],
    json: { ...pinning, next },
  });
}

/** A table of what is pinned, or was taken on first use. */
export async function list(context: Context): Promise<ExitCode> {
  const cache = openCache(context);
  const anchors = await listAnchors(cache);
  if (context.options.json === true) {
    context.json({ anchors });
    return exitCodes.done;
  }
  if (anchors.length === 0) {
    context.terminal.out(`no anchors in ${cache.directory}`);
    context.terminal.out('  next      vidimus anchor pin REPO --root FILE');
    return exitCodes.done;
  }
  const rows = anchors.map((anchor) => [printable(anchor.repository), anchor.kind, anchorWords(anchor)]);
  context.terminal.table([['REPOSITORY', 'KIND', 'ANCHOR'], ...rows]);
  return exitCodes.done;
}

/** The anchor as a file on stdout, which `pin --root` takes on another machine. */
export async function exportAnchor(context: Context, name: string): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const text = Buffer.from(await exportPinned(openCache(context), repository)).toString('utf8');
  if (context.options.json === true) context.json(JSON.parse(text));
  else context.world.stdout.write(text);
  return exitCodes.done;
}

function toAnchor(repository: string, { root, keyId, threshold }: PinOptions): PinnableAnchor {
  if ((root === undefined) === (keyId === undefined)) {
    throw usage('an anchor is a root file or root key ids', `vidimus anchor pin ${repository} --root FILE`);
  }
  if (root !== undefined) {
    if (threshold !== undefined) throw usage('a root file says its own threshold: leave --threshold out');
    return readRootFile(repository, root);
  }
  const keyIds = keyId ?? [];
  const short = keyIds.find((id) => !isSha256Hex(id));
  if (short !== undefined) {
    throw usage(
      `${short} is not a whole key id: 64 lower-case hex digits`,
      'vidimus inspect REPO --wide shows them',
    );
  }
  if (threshold === undefined) {
    throw usage(
      'say how many of the keys must have signed',
      `--threshold ${keyIds.length === 1 ? '1' : 'N'}`,
    );
  }
  return { kind: 'keyIds', keyIds, threshold };
}

/** A root as TUF clients keep it, or what `anchor export` wrote for this very repository. */
function readRootFile(repository: string, file: string): PinnableAnchor {
  const bytes = readNamedFile(file, maxRootFileBytes);
  if (!isExported(bytes)) return { kind: 'root', bytes };
  try {
    const { pinned } = parseAnchorFile(bytes, repository);
    if (pinned !== undefined) return pinned;
  } catch (cause) {
    if (!(cause instanceof TrustClientError)) throw cause;
    throw invalid(file, repository, cause);
  }
  throw invalid(file, repository);
}

/** A root file has `signed` at its top and never `anchor`. */
function isExported(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null && 'anchor' in value && !('signed' in value);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function invalid(file: string, repository: string, cause?: unknown): CliError {
  return new CliError(
    'ANCHOR_INVALID',
    exitCodes.usage,
    `${file} is not an anchor of ${repository}`,
    `where it is pinned: vidimus anchor export ${repository} > FILE`,
    { cause },
  );
}

function usage(message: string, hint?: string): CliError {
  return new CliError('USAGE', exitCodes.usage, message, hint);
}
