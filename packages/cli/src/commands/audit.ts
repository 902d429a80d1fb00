/** `vidimus audit IMAGE|REPO [--export FILE]` and `vidimus audit --verify FILE`. */
import { writeFileSync } from 'node:fs';
import { parseReference } from '@vidimus/reference';
import {
  type AuditEvidence,
  type AuditReport,
  type CachedEvidence,
  cachedEvidence,
  collectAudit,
  createHttpClient,
  formatBundle,
  keptTimestamp,
  MAX_BUNDLE_BYTES,
  ownAnchor,
  parseBundle,
  type RepositoryTrust,
  verifyBundle,
} from '@vidimus/trust-client';
import { type DialectName, TufError } from '@vidimus/tuf';
import { isContradicted, printReport, reportJson } from '../audit/report.ts';
import { CliError } from '../cli-error.ts';
import { openCache, openClient } from '../client/open-client.ts';
import { repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { trustWarningLines } from '../output/trust-warnings.ts';
import { readNamedFile } from '../publish/bounded-file.ts';

export interface AuditOptions {
  readonly export?: string;
  readonly verify?: string;
  readonly kept?: string;
}

/** Tells and checks the story of a tag, or of a repository. */
export async function audit(
  context: Context,
  text: string | undefined,
  options: AuditOptions,
): Promise<ExitCode> {
  const { verify } = options;
  if (
    (text === undefined) === (verify === undefined) ||
    (verify !== undefined && options.export !== undefined)
  ) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'say what to audit: an image or repository, or --verify FILE',
      'vidimus audit IMAGE [--export FILE]    or    vidimus audit --verify FILE',
    );
  }
  if (verify !== undefined) return await verifyFile(context, verify);
  return await auditOnline(context, text ?? '', options);
}

async function verifyFile(context: Context, file: string): Promise<ExitCode> {
  const bytes = readNamedFile(file, MAX_BUNDLE_BYTES);
  const { repository } = parseBundle(bytes);
  const own = await ownAnchor(openCache(context), repository);
  const { report, sha256, anchored, bundle } = verifyBundle(bytes, () => own);
  if (context.options.json === true) context.json({ ...reportJson(report), bundle: { sha256, anchored } });
  else {
    const { terminal } = context;
    printReport(context, report);
    const [first] = report.roots;
    terminal.out(`file      sha256:${sha256}`);
    terminal.out(
      anchored === 'own'
        ? `anchor    root v${first?.version}, pinned on this machine`
        : `anchor    root v${first?.version} sha256:${first?.sha256} as the file has it (${bundle.anchor} there): compare it with what its owner says`,
    );
  }
  return exitOf(report);
}

async function auditOnline(context: Context, text: string, options: AuditOptions): Promise<ExitCode> {
  const reference = parseReference(text);
  const { repository } = reference;
  if (reference.digest !== undefined) {
    throw new CliError('USAGE', exitCodes.usage, 'an audit is of a tag or of a repository, not of a digest');
  }
  const tag = reference.implicitTag ? undefined : reference.tag;
  const client = openClient(context, true);
  const settings = repositorySettings(context, repository, true);
  const kept = await keptBefore(context, repository, options.kept);
  try {
    context.terminal.progress(`reading the trust data of ${repository} ...`);
    const facts = await readTrust(client.trust.open(repository), settings.server);
    const { terminal } = context;
    for (const line of trustWarningLines(client.warnings, terminal.noteColors)) terminal.note(line);
    if (facts.dialect !== 'tuf') {
      throw new CliError(
        'AUDIT_UNSIGNED',
        exitCodes.denied,
        `in the dialect ${facts.dialect} nothing signs the log of events: there is nothing to check it by`,
        `what the server says of it: GET ${facts.server}v2/${repository}/_trust/audit`,
      );
    }
    const { anchor } = settings;
    const cached = await cachedEvidence(
      client.cache,
      repository,
      anchor?.kind === 'root' ? anchor.bytes : undefined,
    );
    const evidence = toEvidence(repository, tag, facts.anchor, cached, kept);
    const http = createHttpClient({
      server: facts.server,
      ...(settings.token === undefined ? {} : { token: settings.token }),
      ...(settings.ca === undefined ? {} : { ca: settings.ca }),
    });
    try {
      const progress = (what: string): void => terminal.progress(what);
      const { report, bundle } = await collectAudit({ http, evidence, progress });
      if (options.export !== undefined) save(options.export, formatBundle(bundle));
      show(context, text, report, options);
      return exitOf(report);
    } finally {
      http.close();
    }
  } finally {
    client.close();
  }
}

/** What has expired can be audited, too: it is told as of when it still held, with a warning. */
async function readTrust(
  trust: RepositoryTrust,
  server: string,
): Promise<{ readonly server: string; readonly dialect: DialectName; readonly anchor: string }> {
  try {
    return await trust.refresh();
  } catch (error) {
    if (!(error instanceof TufError) || error.code !== 'EXPIRED') throw error;
    const { dialect } = await trust.present();
    return { server: server.endsWith('/') ? server : `${server}/`, dialect, anchor: 'kept' };
  }
}

/** What was verified here before this refresh, or what a file keeps of an earlier day. */
async function keptBefore(
  context: Context,
  repository: string,
  file: string | undefined,
): Promise<Uint8Array | undefined> {
  if (file === undefined) return await keptTimestamp(openCache(context), repository);
  const bytes = readNamedFile(file, MAX_BUNDLE_BYTES);
  if (!bytes.subarray(0, 64).toString('latin1').includes('"vidimus.audit/')) return bytes;
  return parseBundle(bytes).timestamp;
}

function toEvidence(
  repository: string,
  tag: string | undefined,
  anchor: string,
  { roots, timestamp }: CachedEvidence,
  kept: Uint8Array | undefined,
): AuditEvidence {
  const isSame = kept !== undefined && Buffer.compare(kept, timestamp) === 0;
  return {
    repository,
    ...(tag === undefined ? {} : { tag }),
    anchor,
    roots,
    timestamp,
    ...(kept === undefined || isSame ? {} : { kept }),
  };
}

function save(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes);
  } catch (cause) {
    throw new CliError('SAVE_FAILED', exitCodes.usage, `cannot write ${file}`, 'name another file', {
      cause,
    });
  }
}

function show(context: Context, text: string, report: AuditReport, options: AuditOptions): void {
  if (context.options.json === true) {
    context.json({ ...reportJson(report), exported: options.export ?? null });
    return;
  }
  const { terminal } = context;
  printReport(context, report);
  if (options.export === undefined) {
    terminal.out(
      `Take it with you:  vidimus audit ${text} --export FILE    then anywhere:  vidimus audit --verify FILE`,
    );
  } else terminal.out(`written to ${options.export}; anywhere:  vidimus audit --verify ${options.export}`);
}

/** A tag that nothing ever happened to, and that nobody vouches for, is no story. */
function exitOf(report: AuditReport): ExitCode {
  const isNothing = report.tag !== undefined && report.lines.length === 0 && report.now?.digest === undefined;
  return isNothing || isContradicted(report) ? exitCodes.denied : exitCodes.done;
}
