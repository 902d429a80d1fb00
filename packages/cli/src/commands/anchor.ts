/** `vidimus anchor pin|list|export`: how this machine trusts the first root of a repository, or the directory. */
import { isSha256Hex } from '@vidimus/crypto';
import { DIRECTORY_NAME, parseRepository, printable } from '@vidimus/reference';
import {
  type CarriedFacts,
  exportAnchor as exportPinned,
  listAnchors,
  type PinnableAnchor,
  type PinnedAnchor,
  parseAnchorFile,
  parseCarriedAnchor,
  TrustClientError,
} from '@vidimus/trust-client';
import { type DialectName, MAX_HANDOVER_BYTES, type RecoveryKeys, readHandover } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { configuredDirectory, maxAnchorFileBytes } from '../client/directory-settings.ts';
import { openCache } from '../client/open-client.ts';
import { findEntry } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { anchorWords, pinningFacts, replaceAnchor } from '../publish/anchors.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { printAnswer } from '../publish/outcome-lines.ts';
import { readPublicKeyFile } from '../publish/public-key-file.ts';

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
  readonly carried?: CarriedFacts;
}

/** Pins in place of anything else, and says what that was. @param what a repository, or without options an anchor file */
export async function pin(context: Context, what: string, options: PinOptions): Promise<ExitCode> {
  const { root, keyId, certId, ca } = options;
  const isFile = [root, keyId, certId, ca].every((form) => form === undefined) && what.endsWith('.json');
  const { repository, anchor, dialect, carried } = isFile
    ? readCarried(what)
    : named(context, parseRepository(what).name, options);
  const pinning = await replaceAnchor(openCache(context), repository, anchor, dialect, carried);
  const isDirectory = repository === DIRECTORY_NAME;
  const next = isDirectory ? 'vidimus verify IMAGE' : `vidimus inspect ${repository}`;
  const { name, server } = pinning.anchor;
  return printAnswer(context, {
    deed: 'PINNED',
    subject: isDirectory ? `${name === undefined ? '' : `${name} `}directory` : repository,
    facts: [
      ['anchor', anchorWords(pinning.anchor)],
      ...(dialect === 'tuf' ? [] : [['dialect', dialect] as const]),
      ...(server === undefined ? [] : [['server', printable(server)] as const]),
      ...pinningFacts(context, repository, pinning),
      ['next', next],
    ],
    json: { ...pinning, next },
  });
}

/** A table of what is pinned, or was taken on first use. */
export async function list(context: Context): Promise<ExitCode> {
  const cache = openCache(context);
  const anchors = [...directoryOf(context), ...(await listAnchors(cache))];
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
    anchor.name === undefined ? printable(anchor.repository) : `${printable(anchor.name)} directory`,
    anchor.dialect,
    anchor.kind,
    anchorWords(anchor),
  ]);
  context.terminal.table([['REPOSITORY', 'DIALECT', 'KIND', 'ANCHOR'], ...rows]);
  return exitCodes.done;
}

export interface ExportOptions {
  readonly directory?: boolean;
  readonly name?: string;
  readonly recoveryKey?: readonly string[];
  readonly recoveryThreshold?: number;
  readonly handover?: readonly string[];
}

/** The anchor as a file on stdout, which `pin` and `directory: {anchor: FILE}` take on other machines. */
export async function exportAnchor(
  context: Context,
  name: string | undefined,
  options: ExportOptions,
): Promise<ExitCode> {
  if ((name === undefined) === (options.directory !== true)) {
    throw usage('export the anchor of a repository or of the directory', 'vidimus anchor export --directory');
  }
  const repository = name === undefined ? DIRECTORY_NAME : parseRepository(name).name;
  const { server } = context.options;
  const carried = { ...(server === undefined ? {} : { server }), ...toCarried(options) };
  const bytes = await exportPinned(openCache(context), repository, carried);
  // What would be refused on every machine is refused here.
  parseCarriedAnchor(bytes);
  const text = Buffer.from(bytes).toString('utf8');
  if (context.options.json === true) context.json(JSON.parse(text));
  else context.world.stdout.write(text);
  return exitCodes.done;
}

/** The directory that configuration names: it goes before one that is pinned. */
function directoryOf(context: Context): readonly PinnedAnchor[] {
  const file = configuredDirectory(context);
  if (file === undefined) return [];
  const { repository, dialect, name, server } = file;
  const keys = file.pinned.kind === 'keyIds' ? file.pinned : { keyIds: [], threshold: 0 };
  const shown = { repository, dialect, ...(name && { name }), ...(server && { server }) };
  return [{ ...shown, kind: 'directory', keyIds: keys.keyIds, threshold: keys.threshold }];
}

/** A file that says itself whose anchor it is. @throws TrustClientError ANCHOR_INVALID */
function readCarried(file: string): Wanted & { readonly repository: string } {
  const { repository, dialect, pinned, name, server, ca, recovery, handovers } = parseCarriedAnchor(
    readNamedFile(file, maxAnchorFileBytes),
  );
  const carried = {
    ...(name && { name }),
    ...(server && { server }),
    ...(ca && { ca }),
    ...(recovery && { recovery }),
    ...(handovers && { handovers }),
  };
  return { repository, dialect, anchor: pinned, carried };
}

function named(
  context: Context,
  repository: string,
  options: PinOptions,
): Wanted & { readonly repository: string } {
  // The directory has no registry that would say where it is.
  const { server } = context.options;
  const carried = repository === DIRECTORY_NAME && server !== undefined ? { carried: { server } } : {};
  return { repository, ...toWanted(context, repository, options), ...carried };
}

function toCarried(options: ExportOptions): CarriedFacts {
  const { name, recoveryKey, recoveryThreshold = 1, handover } = options;
  const keys = (recoveryKey ?? []).map((file) => readPublicKeyFile(file).key);
  const recovery: RecoveryKeys = {
    keys: new Map(keys.map((key) => [key.keyId, key])),
    threshold: recoveryThreshold,
  };
  const handovers = handover?.map((file) => new Uint8Array(readNamedFile(file, MAX_HANDOVER_BYTES)));
  for (const statement of handovers ?? []) readHandover(statement);
  return {
    ...(name === undefined ? {} : { name }),
    ...(recoveryKey === undefined ? {} : { recovery }),
    ...(handovers === undefined ? {} : { handovers }),
  };
}

/** What to pin, and the dialect it is of. */
function toWanted(context: Context, repository: string, options: PinOptions): Wanted {
  const { root, keyId, threshold, certId, ca, dialect } = options;
  if ([root, keyId, certId, ca].filter((form) => form !== undefined).length !== 1) {
    throw usage(
      'an anchor is one of these: an anchor file, a root file, root key ids, ids of root certificates, an authority',
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
