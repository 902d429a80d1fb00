/** What the parser of the command line complains about, as a failure with a way out. */
import type { Command, CommanderError } from 'commander';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

/** @param words the command line, whose command's help is named */
export function toUsageError(error: CommanderError, program: Command, words: readonly string[]): CliError {
  const command = nameCommand(program, words);
  const help = `${command} --help`;
  if (error.code === 'commander.help') {
    return new CliError('USAGE', exitCodes.usage, `${command} needs a command`, help);
  }
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const meant = suggestion?.replace(/^\(Did you mean (.+)\?\)$/, 'did you mean $1? ') ?? '';
  return new CliError('USAGE', exitCodes.usage, message, `${meant}${meant === '' ? '' : 'else '}${help}`);
}

/** `vidimus anchor pin`: as far as the words name commands. */
function nameCommand(program: Command, words: readonly string[]): string {
  let [command, path] = [program, program.name()];
  for (const word of words.filter((one) => !one.startsWith('-'))) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    [command, path] = [next, `${path} ${word}`];
  }
  return path;
}
