/** What the definitions of commands share: how one is run, and the options of every client command. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import type { ExitCode } from '../exit-codes.ts';

export type Action = (context: Context) => Promise<ExitCode>;
/** Gives a chosen command its context. */
export type Runner = (options: GlobalOptions, action: Action) => Promise<void>;

/** A client command with the options all of them share. */
export function client(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option('--server <url>', 'trust server')
    .option('--token-file <file>', 'file that holds the token')
    .option('--cache <dir>', 'cache directory')
    .option('--config <file>', 'configuration file')
    .option('--json', 'one JSON object on stdout')
    .option('-q, --quiet', 'no notes, no progress');
}

/** @throws InvalidArgumentError */
export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('not a positive whole number');
  return Number(text);
}
