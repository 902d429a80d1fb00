/** The token of a fresh installation: shown once on a terminal, kept in a file only its owner can read. */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '@vidimus/database';
import { createBootstrapToken, createTokenStore } from '@vidimus/trust-server';
import type { Context } from '../context.ts';
import { formatTime } from '../output/times.ts';

/** Makes the bootstrap token at the very first start, unless an administrator's token is configured. */
export async function makeFirstToken(
  context: Context,
  database: Database,
  dataDirectory: string,
): Promise<void> {
  const { environment, now, random, stdout } = context.world;
  if (environment['VIDIMUS_ADMIN_TOKEN']) return;
  const made = await createBootstrapToken({
    tokens: createTokenStore(database),
    randomBytes: random,
    now: now(),
  });
  if (made === undefined) return;
  const file = join(dataDirectory, 'bootstrap-token');
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  // `wx` after removing nothing: a file somebody planted there, or a link, is refused, not followed.
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(`${made.token}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  context.terminal.note(`first token, good until ${formatTime(made.expiresAt)} UTC, in ${file}`);
  if (stdout.isTTY === true && context.options.json !== true)
    context.terminal.note(`  export VIDIMUS_TOKEN=${made.token}`);
}
