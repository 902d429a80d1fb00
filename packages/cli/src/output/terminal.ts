/** Where a command writes: stdout for answers, stderr for progress and warnings, colour only on a terminal. */
import { createColors } from 'picocolors';

export interface Stream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export type Colors = ReturnType<typeof createColors>;

export interface Terminal {
  /** One line of the answer. */
  out(line: string): void;
  /** One line beside the answer: a warning, a note. */
  note(line: string): void;
  /** A line that replaces itself while something long runs; nothing off a terminal. */
  progress(line: string): void;
  /** Takes a progress line away. */
  clear(): void;
  readonly colors: Colors;
  /** Columns tables fold at: the terminal's, never more than 120. */
  readonly width: number;
  readonly interactive: boolean;
}

const maxColumns = 120;

/** `quiet` silences notes and progress; answers are always written. */
export function createTerminal(options: {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly stdinIsTTY: boolean;
  readonly noColor: boolean;
  readonly quiet: boolean;
}): Terminal {
  const { stdout, stderr, quiet } = options;
  let pending = false;
  const clear = (): void => {
    if (pending) stderr.write('\r\u001b[2K');
    pending = false;
  };
  return {
    clear,
    out(line) {
      clear();
      stdout.write(`${line}\n`);
    },
    note(line) {
      clear();
      if (!quiet) stderr.write(`${line}\n`);
    },
    progress(line) {
      if (quiet || stderr.isTTY !== true) return;
      stderr.write(`\r\u001b[2K${line}`);
      pending = true;
    },
    colors: createColors(stdout.isTTY === true && !options.noColor),
    width: Math.min(stdout.columns ?? maxColumns, maxColumns),
    interactive: options.stdinIsTTY && stderr.isTTY === true,
  };
}
