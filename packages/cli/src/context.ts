/** What a command is given: the outside world as arguments, so that tests can be the world. */
import type { CliError } from './cli-error.ts';
import type { LoadedConfig } from './config/resolve-config.ts';
import type { Stream, Terminal } from './output/terminal.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process around a command. */
export interface World {
  readonly environment: Environment;
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly stdinIsTTY: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** Resolves with the signal's name when the process is asked to stop. */
  readonly stopped: Promise<string>;
  /** Reads one line from the person at the terminal; `hidden` does not echo it. */
  readonly ask: (question: string, options?: { readonly hidden?: boolean }) => Promise<string>;
}

/** Options every client command takes. */
export interface GlobalOptions {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly cache?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface Context {
  readonly world: World;
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  /** Read on first use. @throws CliError CONFIG_INVALID */
  readonly config: () => LoadedConfig;
  /** One JSON object on stdout; the only output of a command run with `--json`. */
  readonly json: (value: unknown) => void;
}

/** A failure as `--json` prints it. */
export interface JsonFailure {
  readonly error: { readonly code: CliError['code']; readonly message: string; readonly hint?: string };
}
