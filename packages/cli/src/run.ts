/** Runs one command line: parses it, gives the command its context, turns every outcome into an exit code. */
import { printable } from '@vidimus/reference';
import { CommanderError } from 'commander';
import type { Context, GlobalOptions, World } from './context.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';

import { createTerminal } from './output/terminal.ts';
import { createProgram } from './program.ts';

/** The exit code of `vidimus <words>`. Never throws. */
export async function run(words: readonly string[], world: World): Promise<ExitCode> {
  let exit: ExitCode = exitCodes.done;
  const program = createProgram(world, async (options, command) => {
    const context = await createContext(world, options);
    exit = await command(context).catch((error: unknown) => fail(context, error));
  });
  try {
    await program.parseAsync(['node', 'vidimus', ...words]);
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, words, world);
    throw error;
  }
}

async function createContext(world: World, options: GlobalOptions): Promise<Context> {
  const { environment, stdout } = world;
  let loaded: ReturnType<Context['config']> | undefined;
  const { loadConfig, systemConfigFile, userConfigFile } = await import('./config/resolve-config.ts');
  return {
    world,
    options,
    terminal: createTerminal({
      stdout,
      stderr: world.stderr,
      stdinIsTTY: world.stdinIsTTY,
      noColor: (environment['NO_COLOR'] ?? '') !== '',
      quiet: options.quiet === true || options.json === true,
    }),
    config: () => {
      loaded ??= loadConfig({
        systemFile: systemConfigFile,
        userFile: userConfigFile(environment),
        namedFile: options.config,
      });
      return loaded;
    },
    json: (value) => stdout.write(`${JSON.stringify(value)}\n`),
  };
}

/** Help and version are answers; everything else commander complains about is usage. */
function usageExit(error: CommanderError, words: readonly string[], world: World): ExitCode {
  if (error.exitCode === 0) return exitCodes.done;
  const message = error.message.replace(/^error: /, '');
  if (words.includes('--json')) {
    world.stdout.write(`${JSON.stringify({ error: { code: 'USAGE', message, hint: 'vidimus --help' } })}\n`);
  } else {
    world.stderr.write(`ERROR  ${printable(message)}  USAGE\n  fix       vidimus --help\n`);
  }
  return exitCodes.usage;
}

async function fail(context: Context, error: unknown): Promise<ExitCode> {
  const { toCliError } = await import('./failures.ts');
  const failure = toCliError(error);
  const { code, message, hint } = failure;
  if (context.options.json === true) {
    context.json({ error: { code, message, ...(hint === undefined ? {} : { hint }) } });
    return failure.exit;
  }
  const { stderr } = context.world;
  context.terminal.clear();
  stderr.write(`ERROR  ${printable(message)}  ${code}\n`);
  if (hint !== undefined) stderr.write(`  fix       ${printable(hint)}\n`);
  if (failure.exit === exitCodes.internal && failure.cause instanceof Error) {
    stderr.write(`${failure.cause.stack ?? failure.cause.message}\n`);
  }
  return failure.exit;
}
