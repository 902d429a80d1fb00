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
import type { DialectName } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import { findEntry } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { anchorWords, pinningFacts, replaceAnchor } from '../publish/anchors.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { printAnswer } from '../publish/outcome-lines.ts';

const maxRootFileBytes = 4 * 1024 * 1024;
const maxAuthorityBytes = 65_536;

export interface PinOptions {
  readonly root?: string;
  readonly keyId?: readonly string[];
  readonly threshold?: number;
  readonly certId?: readonly string[];
  /** File of certificates. */
  readonly ca?: string;
  /** Absent: as the anchor itself or the configuration says. */
  readonly dialect?: DialectName;
}

interface Wanted {
  readonly anchor: PinnableAnchor;
  readonly dialect: DialectName;
}

/** Pins in place of anything else, and says what that was. */
export async function pin(context: Context, name: string, options: PinOptions): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const { anchor, dialect } = toWanted(context, repository, options);
  const pinning = await replaceAnchor(openCache(context), repository, anchor, dialect);
  const next = `vidimus inspect ${repository}`;
  return printAnswer(context, {
    deed: 'PINNED',
    subject: repository,
    facts: [
      ['anchor', anchorWords(pinning.anchor)],
      ...(dialect === 'tuf' ? [] : [['dialect', dialect] as const]),
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
  const rows = anchors.map((anchor) => [
    printable(anchor.repository),
    anchor.dialect,
    anchor.kind,
    anchorWords(anchor),
  ]);
  context.terminal.table([['REPOSITORY', 'DIALECT', 'KIND', 'ANCHOR'], ...rows]);
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

/** What to pin, and the dialect it is of. */
function toWanted(context: Context, repository: string, options: PinOptions): Wanted {
  const { root, keyId, threshold, certId, ca, dialect } = options;
  if ([root, keyId, certId, ca].filter((form) => form !== undefined).length !== 1) {
    throw usage(
      'an anchor is one of these: a root file, root key ids, ids of root certificates, an authority',
      `vidimus anchor pin ${repository} --root FILE`,
    );
  }
  if (keyId === undefined && threshold !== undefined) {
    throw usage('only --key-id goes with --threshold: elsewhere root says its own');
  }
  const usual = dialect ?? findEntry(context.config(), repository)?.entry.dialect;
  if (root !== undefined) return readRootFile(repository, root, dialect, usual);
  if (keyId !== undefined) return { anchor: toKeyAnchor(keyId, threshold), dialect: usual ?? 'tuf' };
  if (dialect === 'tuf') throw usage('only root keys of the dialect notary are certificates');
  if (certId !== undefined) {
    return { anchor: { kind: 'certificates', certIds: certId.map(toWholeId) }, dialect: 'notary' };
  }
  const caPem = readNamedFile(ca ?? '', maxAuthorityBytes).toString('utf8');
  return { anchor: { kind: 'authority', caPem }, dialect: 'notary' };
}

function toKeyAnchor(keyId: readonly string[], threshold: number | undefined): PinnableAnchor {
  const keyIds = keyId.map(toWholeId);
  if (threshold === undefined) {
    throw usage(
      'say how many of the keys must have signed',
      `--threshold ${keyIds.length === 1 ? '1' : 'N'}`,
    );
  }
  return { kind: 'keyIds', keyIds, threshold };
}

function toWholeId(id: string): string {
  if (isSha256Hex(id)) return id;
  throw usage(
    `${printable(id)} is not a whole key id: 64 lower-case hex digits`,
    'vidimus inspect REPO --wide shows them',
  );
}

/**
 * A root as TUF clients keep it, or what `anchor export` wrote for this very repository.
 * @param dialect as named on the command line; an exported anchor names its own
 * @param usual where the file does not say
 */
function readRootFile(
  repository: string,
  file: string,
  dialect: DialectName | undefined,
  usual: DialectName | undefined,
): Wanted {
  const bytes = readNamedFile(file, maxRootFileBytes);
  const content = parseJson(bytes);
  if (!isExported(content)) {
    return { anchor: { kind: 'root', bytes }, dialect: usual ?? dialectOfRoot(content) };
  }
  try {
    const exported = parseAnchorFile(bytes, repository);
    if (exported.pinned !== undefined && (dialect ?? exported.dialect) === exported.dialect)
      return { anchor: exported.pinned, dialect: exported.dialect };
  } catch (cause) {
    if (!(cause instanceof TrustClientError)) throw cause;
    throw invalid(file, repository, cause);
  }
  throw invalid(file, repository);
}

/** No file is valid in two dialects: `_type` is compared exactly. */
function dialectOfRoot(content: unknown): DialectName {
  const signed = isObject(content) ? content['signed'] : undefined;
  return isObject(signed) && signed['_type'] === 'Root' ? 'notary' : 'tuf';
}

/** A root file has `signed` at its top and never `anchor`. */
function isExported(content: unknown): boolean {
  return isObject(content) && 'anchor' in content && !('signed' in content);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Undefined: it is none, and whoever takes the file for a root will say so. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
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
