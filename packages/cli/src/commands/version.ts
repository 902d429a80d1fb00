/** `vidimus version`. */
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { programVersion } from '../version.ts';

/** Prints the version of the program. */
export async function version(context: Context): Promise<ExitCode> {
  if (context.options.json === true) context.json({ version: programVersion, node: process.versions.node });
  else context.terminal.out(`vidimus ${programVersion}, node ${process.versions.node}`);
  return exitCodes.done;
}
