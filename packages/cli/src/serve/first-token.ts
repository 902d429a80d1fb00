/**
 * The token of a fresh installation: shown once on a terminal, kept in a file only its owner can read. It is good for
 * one thing, making the first administrator's: what lay about in a file for a day must not be an administrator.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createBootstrapToken, createTokenStore } from '@vidimus/access';
import type { Database } from '@vidimus/database';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatTime } from '../output/times.ts';

/**
 * Makes the bootstrap token at the very first start, unless an administrator's token is configured.
 * @throws CliError TOKEN_UNWRITABLE; the next start tries again
 */
export async function makeFirstToken(
  context: Context,
  database: Database,
  dataDirectory: string,
): Promise<void> {
  const { environment, now, random, stdout } = context.world;
  if (environment['VIDIMUS_ADMIN_TOKEN']) return;
  const file = join(dataDirectory, 'bootstrap-token');
  const made = await createBootstrapToken({
    tokens: createTokenStore(database),
    randomBytes: random,
    now: now(),
    keep: (token) => writePrivately(file, `${token}\n`, Buffer.from(random(8)).toString('hex')),
  });
  if (made === undefined) return;
  context.terminal.note(`first token, good until ${formatTime(made.expiresAt)} UTC, in ${file}`);
  if (stdout.isTTY === true && context.options.json !== true)
    context.terminal.note(`  export VIDIMUS_TOKEN=${made.token}`);
  context.terminal.note('  export VIDIMUS_TOKEN=$(vidimus token create admin --role admin)');
}

/** Replaces what is there (a token that never counted, or a link somebody planted) without following it. */
async function writePrivately(file: string, content: string, unique: string): Promise<void> {
  const unfinished = `${file}.${unique}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(unfinished, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw new CliError(
      'TOKEN_UNWRITABLE',
      exitCodes.usage,
      `cannot write the first token to ${file}`,
      'give a --data directory that can be written, or set VIDIMUS_ADMIN_TOKEN',
      { cause },
    );
  }
}
