/** Runs one command line: parses it, gives the command its context, turns every outcome into an exit code. */
import { CommanderError } from 'commander';
import type { CliError } from './cli-error.ts';
import type { Context, GlobalOptions, World } from './context.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { failureJson, failureLines } from './output/failure-lines.ts';
import { createTerminal, type Terminal } from './output/terminal.ts';
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
    if (!(error instanceof CommanderError)) throw error;
    // Help is an answer; everything else the parser complains about is usage.
    if (error.exitCode === 0) return exitCodes.done;
    const { toUsageError } = await import('./usage-error.ts');
    report(world, openTerminal(world, {}), toUsageError(error, program, words), wantsJson(words, world));
    return exitCodes.usage;
  }
}

async function createContext(world: World, options: GlobalOptions): Promise<Context> {
  const { environment, stdout } = world;
  let loaded: ReturnType<Context['config']> | undefined;
  const { loadConfig, systemConfigFile, userConfigFile } = await import('./config/resolve-config.ts');
  return {
    world,
    options,
    terminal: openTerminal(world, options),
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

function openTerminal({ stdout, stderr, stdinIsTTY, environment }: World, options: GlobalOptions): Terminal {
  return createTerminal({
    stdout,
    stderr,
    stdinIsTTY,
    noColor: (environment['NO_COLOR'] ?? '') !== '',
    quiet: options.quiet === true || options.json === true,
  });
}

/** Whether JSON was asked for, on a command line that could not be parsed. */
function wantsJson(words: readonly string[], { environment }: World): boolean {
  const variable = environment['VIDIMUS_JSON'] ?? '';
  return words.includes('--json') || !['', '0', 'false', 'no'].includes(variable);
}

async function fail(context: Context, error: unknown): Promise<ExitCode> {
  const { toCliError, usualHint } = await import('./failures.ts');
  const failure = toCliError(error);
  report(context.world, context.terminal, failure, context.options.json === true, usualHint(failure.code));
  return failure.exit;
}

function report(
  { stdout, stderr }: World,
  terminal: Terminal,
  { code, message, hint, exit, cause }: CliError,
  json: boolean,
  usualHint?: string,
): void {
  const failure = { code, message, hint: hint ?? usualHint };
  if (json) stdout.write(`${JSON.stringify(failureJson(failure))}\n`);
  else for (const line of failureLines(failure)) terminal.complain(line);
  if (json || exit !== exitCodes.internal || !(cause instanceof Error)) return;
  stderr.write(`${cause.stack ?? cause.message}\n`);
}
