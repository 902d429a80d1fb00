/** What only the person at the terminal can say: yes, and the passphrase of a key. */
import { printable } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

/** Whether a question can be asked, and what it is about be shown first. */
export function canAsk({ terminal, options }: Context): boolean {
  return terminal.interactive && options.json !== true && options.quiet !== true;
}

/** @throws CliError CANCELLED unless the person says yes */
export async function confirm(context: Context, question: string): Promise<void> {
  const answer = await ask(context, `${question} [y/N] `, false);
  if (!/^y(es)?$/i.test(answer.trim())) throw cancelled();
}

/**
 * Passphrases for one command: `$VIDIMUS_PASSPHRASE`, else asked; for new keys twice, and then the same for
 * all keys of the command.
 */
export function createPassphrases(
  context: Context,
): (key: { readonly keyId: string } | undefined) => Promise<string> {
  let chosen: string | undefined;
  return async (key) => {
    const given = context.world.environment['VIDIMUS_PASSPHRASE'];
    if (given) return given;
    if (!context.terminal.interactive) throw needed('there is no passphrase, and no terminal to ask for one');
    if (key === undefined) chosen ??= await askTwice(context);
    return chosen ?? (await askOnce(context, `Passphrase of key ${key?.keyId.slice(0, 12) ?? ''}: `));
  };
}

/**
 * The passphrase of something that is no key: `$VIDIMUS_PASSPHRASE`, else asked, twice for something new.
 * @throws CliError PASSPHRASE_NEEDED, PASSPHRASE_DIFFERS
 */
export async function passphraseOf(context: Context, what: string, use: 'make' | 'open'): Promise<string> {
  const given = context.world.environment['VIDIMUS_PASSPHRASE'];
  if (given) return given;
  if (!context.terminal.interactive) throw needed('there is no passphrase, and no terminal to ask for one');
  const first = await askOnce(context, `Passphrase of ${what}: `);
  if (use === 'open' || (await askOnce(context, 'The same again: ')) === first) return first;
  throw differs();
}

async function askTwice(context: Context): Promise<string> {
  const first = await askOnce(context, 'Passphrase for the new keys: ');
  if ((await askOnce(context, 'The same again: ')) === first) return first;
  throw differs();
}

function differs(): CliError {
  return new CliError('PASSPHRASE_DIFFERS', exitCodes.usage, 'the two passphrases differ', 'try again');
}

async function askOnce(context: Context, question: string): Promise<string> {
  const answer = await ask(context, question, true);
  if (answer !== '') return answer;
  throw needed('a passphrase that is not empty is needed');
}

async function ask({ world, terminal }: Context, question: string, hidden: boolean): Promise<string> {
  // The question takes the line on which progress stood.
  terminal.progress('');
  try {
    return await world.ask(printable(question, 1000), { hidden });
  } catch (cause) {
    throw cancelled(cause);
  }
}

function needed(message: string): CliError {
  return new CliError(
    'PASSPHRASE_NEEDED',
    exitCodes.usage,
    message,
    'set VIDIMUS_PASSPHRASE, or run this on a terminal',
  );
}

function cancelled(cause?: unknown): CliError {
  return new CliError(
    'CANCELLED',
    exitCodes.denied,
    'not confirmed; nothing was published',
    undefined,
    cause === undefined ? {} : { cause },
  );
}
