/** `vidimus token create|list|revoke`: access tokens of a trust server. */
import { open, rm } from 'node:fs/promises';
import { printable } from '@vidimus/reference';
import { type AccessToken, createTokenClient, type TokenClient } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { serverSettings } from '../client/server-settings.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toCliError } from '../failures.ts';
import { type Fact, printAnswer } from '../publish/outcome-lines.ts';

export interface CreateTokenOptions {
  readonly role: string;
  readonly repository?: readonly string[];
  readonly expiresAfter?: string;
  readonly out?: string;
}

/** Those whose holders are meant to see everything. */
const everywhere: ReadonlySet<string> = new Set(['admin', 'auditor']);

/** Prints the token, and nothing else, on stdout; or writes it to a file of its own. */
export async function create(
  context: Context,
  name: string,
  { role, repository, expiresAfter, out }: CreateTokenOptions,
): Promise<ExitCode> {
  const repositories = repository ?? (everywhere.has(role) ? ['**'] : undefined);
  if (repositories === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `a token of role ${role} needs to be told where it counts`,
      "--repository 'registry.example.com/shop/**'",
    );
  }
  const request = { name, role, repositories, ...(expiresAfter === undefined ? {} : { expiresAfter }) };
  const created = await withTokens(context, async (tokens) => {
    if (out === undefined) return await tokens.create(request);
    return await intoFile(out, () => tokens.create(request));
  });
  const { token, ...shown } = created;
  if (out !== undefined) {
    const facts: readonly Fact[] = [...factsOf(shown), ['secret', `in ${out}, for its owner alone`]];
    return printAnswer(context, { deed: 'CREATED', subject: name, facts, json: { ...shown, file: out } });
  }
  if (context.options.json === true) context.json({ outcome: 'created', ...created });
  else {
    const until = shown.expiresAt === undefined ? '' : `, until ${shown.expiresAt}`;
    context.terminal.note(
      `token ${printable(shown.id)}, ${role} of ${repositories.join(', ')}${until}; shown this once`,
    );
    // Not through the terminal: a token must never be folded.
    context.world.stdout.write(`${token}\n`);
  }
  return exitCodes.done;
}

export async function list(context: Context, { all }: { readonly all?: boolean }): Promise<ExitCode> {
  const now = context.world.now();
  const found = await withTokens(context, (tokens) => tokens.list());
  const shown = found.filter((token) => all === true || endOf(token, now) === undefined);
  if (context.options.json === true) context.json({ tokens: shown });
  else if (shown.length === 0) context.terminal.out('no tokens');
  else {
    const rows = shown.map((token) => [
      printable(token.id),
      printable(token.name),
      printable(token.role),
      printable(token.repositories.join(' ')),
      endOf(token, now) ?? dayOf(token.expiresAt),
      dayOf(token.lastUsedAt),
    ]);
    context.terminal.table([['TOKEN', 'NAME', 'ROLE', 'WHERE', 'UNTIL', 'USED'], ...rows]);
  }
  return exitCodes.done;
}

export async function revoke(context: Context, id: string): Promise<ExitCode> {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id) || id.startsWith('vdm_')) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'that is no id of a token, and a token itself does not belong on a command line',
      'vidimus token list shows the ids',
    );
  }
  const revoked = await withTokens(context, (tokens) => tokens.revoke(id));
  const made: readonly Fact[] =
    revoked.made.length === 0
      ? []
      : [['it made', `${revoked.made.map((other) => printable(other)).join(', ')}: still good`]];
  return printAnswer(context, {
    deed: 'REVOKED',
    subject: revoked.name,
    facts: [...factsOf(revoked), ['effect', 'refused from now on, by every replica'], ...made],
    json: { ...revoked },
  });
}

function factsOf(token: AccessToken): readonly Fact[] {
  return [
    ['token', printable(token.id)],
    ['role', printable(token.role)],
    ['where', printable(token.repositories.join(', '))],
    ...(token.expiresAt === undefined ? [] : [['until', token.expiresAt] as const]),
  ];
}

/** Why a token does not count any more; undefined while it does. */
function endOf({ revokedAt, expiresAt }: AccessToken, now: number): string | undefined {
  if (revokedAt !== undefined) return `revoked ${dayOf(revokedAt)}`;
  return expiresAt !== undefined && Date.parse(expiresAt) <= now ? `expired ${dayOf(expiresAt)}` : undefined;
}

/** A whole id on each line matters more than the hour. */
function dayOf(time: string | undefined): string {
  return time === undefined ? '-' : printable(time.slice(0, 10));
}

/** The file is there before the token is: a secret that could not be kept is not made. */
async function intoFile<Created extends { readonly token: string }>(
  file: string,
  make: () => Promise<Created>,
): Promise<Created> {
  const handle = await open(file, 'wx', 0o600).catch((cause: unknown) => {
    const message = `${file} is there already, or cannot be written`;
    throw new CliError('USAGE', exitCodes.usage, message, '--out names a file that is made', { cause });
  });
  try {
    const created = await make();
    await handle.writeFile(`${created.token}\n`);
    await handle.sync();
    return created;
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function withTokens<Result>(
  context: Context,
  work: (tokens: TokenClient) => Promise<Result>,
): Promise<Result> {
  const settings = serverSettings(context);
  const tokens = createTokenClient(settings);
  try {
    return await work(tokens);
  } catch (error) {
    const failure = toCliError(error);
    if (failure.code !== 'UNAUTHORIZED') throw failure;
    const hint =
      settings.token === undefined
        ? 'no token was sent: set VIDIMUS_TOKEN or --token-file FILE, beside --server or VIDIMUS_SERVER'
        : 'the token sent is unknown, expired or revoked: the first token ends when it has made an administrator';
    throw new CliError(failure.code, failure.exit, failure.message, hint, { cause: failure.cause });
  } finally {
    tokens.close();
  }
}
