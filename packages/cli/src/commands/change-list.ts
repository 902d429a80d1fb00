/** `vidimus change list`: what waits, for whom, and what will run out before anybody asked for it. */
import { printable } from '@vidimus/reference';
import type { Change } from '@vidimus/trust-client';
import { mayStillSign, missingOf } from '../change/change-facts.ts';
import { expiringRoles } from '../change/expiring-roles.ts';
import { listOpenChanges } from '../change/list-open.ts';
import { CliError } from '../cli-error.ts';
import { durationToMs } from '../config/client-config.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import { openKeys } from '../publish/own-keys.ts';

export interface ListChangesOptions {
  /** Only changes that a key in the key directory may still sign, or that wait for this token's approval. */
  readonly mine?: boolean;
  /** A duration: what clients hold and that ends within it. */
  readonly expiring?: string;
}

const maxExpiringMs = 3_650 * 86_400_000;

/** Open changes of repositories, or of all on the servers in use; with `--expiring` what has to be signed anew soon. */
export async function list(
  context: Context,
  repositories: readonly string[],
  options: ListChangesOptions,
): Promise<ExitCode> {
  const withinMs = toExpiringMs(options.expiring);
  const all = await listOpenChanges(context, repositories, 'everybody');
  const changes = options.mine === true ? await onlyMine(context, repositories, all) : all;
  if (withinMs !== undefined) return await printExpiring(context, repositories, changes, withinMs);
  if (context.options.json === true) context.json({ changes });
  else if (changes.length === 0) context.terminal.out('no open changes');
  else {
    const now = context.world.now();
    const rows = changes.map((change) => [
      printable(change.id),
      printable(change.repository),
      printable(change.kind),
      `${missingOf(change)} missing`,
      formatTimeAndDistance(Date.parse(change.expiresAt), now),
      printable(change.summary),
    ]);
    context.terminal.table([['CHANGE', 'REPOSITORY', 'KIND', 'SIGNATURES', 'UNTIL', 'WHAT'], ...rows]);
  }
  return exitCodes.done;
}

/** Whose keys may sign is known here; whose approval is missing the servers know. */
async function onlyMine(
  context: Context,
  repositories: readonly string[],
  changes: readonly Change[],
): Promise<readonly Change[]> {
  const held = new Set((await openKeys(context).list()).map(({ keyId }) => keyId));
  const lacking = changes.filter(({ approvals }) => (approvals?.missing ?? 0) > 0);
  const told = lacking.length === 0 ? [] : await listOpenChanges(context, repositories, 'caller');
  const mine = new Set(told.map(({ id }) => id));
  const forApproval = new Set(lacking.filter(({ id }) => mine.has(id)));
  return changes.filter(
    (change) => forApproval.has(change) || mayStillSign(change).some((keyId) => held.has(keyId)),
  );
}

async function printExpiring(
  context: Context,
  repositories: readonly string[],
  changes: readonly Change[],
  withinMs: number,
): Promise<ExitCode> {
  const { terminal, options, world } = context;
  const roles = await expiringRoles(context, repositories, changes, withinMs);
  if (options.json === true) {
    context.json({ expiring: roles });
    return exitCodes.done;
  }
  if (roles.length === 0) terminal.out('nothing that clients hold ends within that time');
  else {
    const rows = roles.map(({ repository, role, expires, custody, change, fix }) => [
      printable(repository),
      printable(role),
      formatTimeAndDistance(Date.parse(expires), world.now()),
      custody,
      change ?? 'none',
      printable(fix),
    ]);
    terminal.table([['REPOSITORY', 'ROLE', 'ENDS', 'HELD BY', 'CHANGE', 'NEXT'], ...rows]);
  }
  return exitCodes.done;
}

function toExpiringMs(expiring: string | undefined): number | undefined {
  if (expiring === undefined) return undefined;
  const ms = /^\d{1,9}[smhd]$/.test(expiring) ? durationToMs(expiring) : Number.NaN;
  if (ms <= maxExpiringMs) return ms;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `${printable(expiring)} is no time`,
    'for example --expiring 30d',
  );
}
