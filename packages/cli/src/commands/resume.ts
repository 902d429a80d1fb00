/**
 * `vidimus key resume`: a restored repository publishes again. What this machine has cached says how far it had come:
 * the roots after the backup, and the newest files of roles that others sign.
 */
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import { parseRepository, printable } from '@vidimus/reference';
import type { RecoverRequest, RepositorySummary } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatFacts } from '../output/table.ts';
import { type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { canAsk, confirm } from '../publish/person.ts';
import { withPublisher } from '../publish/with-publisher.ts';

export interface ResumeOptions {
  readonly reason?: string;
  readonly newestRoot?: string;
  readonly yes?: boolean;
}

/** Far more than a repository has in its life. */
const maxRoots = 256;

/** @throws CliError USAGE, CONFIRMATION_NEEDED, and what the server refuses */
export async function resume(context: Context, name: string, options: ResumeOptions): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const { reason } = options;
  if (reason === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'say why it was restored: --reason TEXT',
      'it is kept in the audit',
    );
  }
  return await withPublisher(context, repository, async (publisher) => {
    const before = await publisher.summary(repository);
    const isWaiting = before.problems.some(({ code }) => code === 'VERSION_UNCERTAIN');
    if (!isWaiting) return told(context, repository, before, 'it was not waiting: nothing was changed');
    const request: RecoverRequest = {
      reason,
      ...(await evidence(context, repository, before, options.newestRoot)),
    };
    await confirmEvidence(context, repository, request, options.yes === true);
    const after = await publisher.recover(repository, request);
    return told(
      context,
      repository,
      after,
      'clients go on from here; tags are those of the backup and of the files supplied. What was revoked since the backup must be revoked again',
    );
  });
}

type Evidence = Omit<RecoverRequest, 'reason'>;

async function evidence(
  context: Context,
  repository: string,
  summary: RepositorySummary,
  given: string | undefined,
): Promise<Evidence> {
  const newestRoot: Record<string, { version: number; sha256: string }> = {};
  const roots: Record<string, readonly string[]> = {};
  const files: Record<string, Readonly<Record<string, string>>> = {};
  for (const dialect of summary.dialects) {
    if (dialect !== 'tuf' && dialect !== 'notary') continue;
    const run = (await openCache(context).open(repository, dialect)).metadata.begin();
    const main = dialect === summary.dialects[0];
    let version = main ? (summary.versions['root'] ?? 1) : 1;
    let newest = main ? { version, sha256: summary.rootSha256 } : undefined;
    const later: string[] = [];
    for (let bytes = await run.load({ role: 'root', version }); later.length < maxRoots; ) {
      const next = await run.load({ role: 'root', version: version + 1 });
      if (bytes !== undefined) newest = { version, sha256: sha256Hex(bytes) };
      if (next === undefined) break;
      later.push(toBase64(next));
      bytes = next;
      version += 1;
      newest = { version, sha256: sha256Hex(bytes) };
    }
    const chosen = main && given !== undefined ? parseNewest(given) : newest;
    if (chosen !== undefined) newestRoot[dialect] = chosen;
    if (later.length > 0) roots[dialect] = later;
    const found: Record<string, string> = {};
    for (const role of ['targets', ...Object.keys(summary.roles)]) {
      if (['root', 'snapshot', 'timestamp'].includes(role) || role in found) continue;
      const bytes = await run.load({ role });
      if (bytes !== undefined) found[role] = toBase64(bytes);
    }
    if (Object.keys(found).length > 0) files[dialect] = found;
  }
  return {
    newestRoot,
    ...(Object.keys(roots).length === 0 ? {} : { roots }),
    ...(Object.keys(files).length === 0 ? {} : { files }),
  };
}

function parseNewest(text: string): { readonly version: number; readonly sha256: string } {
  const match = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text);
  if (match?.[2] !== undefined) return { version: Number(match[1]), sha256: match[2] };
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    '--newest-root is VERSION:SHA256',
    'sha256sum of the file N.root.json of a client that pulled last',
  );
}

/** Whoever forgets a root makes two of one version: the person says that this is the newest. */
async function confirmEvidence(
  context: Context,
  repository: string,
  { newestRoot, roots, files }: RecoverRequest,
  yes: boolean,
): Promise<void> {
  if (yes) return;
  if (!canAsk(context)) {
    throw new CliError(
      'CONFIRMATION_NEEDED',
      exitCodes.usage,
      'somebody has to say that no client has seen a newer root than this machine',
      'run it on a terminal, or with --yes once you have compared',
    );
  }
  const facts: readonly Fact[] = Object.entries(newestRoot).map(([dialect, root]) => [
    dialect,
    `newest root ${root.version}, sha256:${root.sha256}; ${roots?.[dialect]?.length ?? 0} after the backup; ` +
      `files of ${Object.keys(files?.[dialect] ?? {}).join(', ') || 'no role'} are cached here`,
  ]);
  context.terminal.note(`${printable(repository)} goes on from what this machine has seen`);
  for (const line of formatFacts(facts)) context.terminal.note(line);
  await confirm(context, 'Is there no client anywhere that has seen a newer root?');
}

function told(
  context: Context,
  repository: string,
  { versions }: RepositorySummary,
  effect: string,
): ExitCode {
  return printAnswer(context, {
    deed: 'PUBLISHED',
    subject: repository,
    facts: [
      ['versions', formatVersions(versions)],
      ['effect', effect],
    ],
    json: { repository, versions },
  });
}
