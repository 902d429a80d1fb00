/** A command's context over configuration files of the test. */

import { type ConfigSources, loadConfig } from '../../../packages/cli/src/config/resolve-config.ts';
import type { Context, Environment, GlobalOptions } from '../../../packages/cli/src/context.ts';
import { createTerminal } from '../../../packages/cli/src/output/terminal.ts';

export function contextForTest(given: {
  readonly files?: Partial<ConfigSources>;
  readonly environment?: Environment;
  readonly options?: GlobalOptions;
}): Context {
  const stream = { write: () => undefined };
  const { files, environment = {}, options = {} } = given;
  return {
    world: {
      environment,
      stdout: stream,
      stderr: stream,
      stdinIsTTY: false,
      now: () => Date.UTC(2026, 10, 21, 9),
      random: (bytes) => new Uint8Array(bytes),
      stopped: new Promise(() => undefined),
      ask: async () => '',
    },
    terminal: createTerminal({
      stdout: stream,
      stderr: stream,
      stdinIsTTY: false,
      noColor: true,
      quiet: false,
    }),
    options,
    config: () =>
      loadConfig({ systemFile: '/nowhere/config.yaml', userFile: undefined, namedFile: undefined, ...files }),
    json: () => undefined,
  };
}
