/** Where a command writes: stdout for answers, stderr for progress and warnings, colour only on a terminal. */
import { createColors } from 'picocolors';
import { foldLine } from './fold-line.ts';
import { formatTable } from './table.ts';

export interface Stream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export type Colors = ReturnType<typeof createColors>;

export interface Terminal {
  /** One line of the answer. */
  out(line: string): void;
  /** Rows of the answer, folded at the terminal's width. */
  table(rows: readonly (readonly string[])[]): void;
  /** One line beside the answer: a warning, a note. */
  note(line: string): void;
  /** One line on stderr although the command be quiet: why there is no answer. */
  complain(line: string): void;
  /** A line that replaces itself while something long runs; nothing off a terminal. */
  progress(line: string): void;
  /** Takes a progress line away. */
  clear(): void;
  /** Of stdout. */
  readonly colors: Colors;
  /** Of stderr. */
  readonly noteColors: Colors;
  readonly interactive: boolean;
}

const maxColumns = 120;
/** Of a terminal that does not say; a progress line must not wrap, or it could not be taken away. */
const usualColumns = 80;

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
  const width = Math.min(stdout.columns || maxColumns, maxColumns);
  const noteWidth = Math.min(stderr.columns || maxColumns, maxColumns);
  const clear = (): void => {
    if (pending) stderr.write('\r\u001b[2K');
    pending = false;
  };
  const complain = (line: string): void => {
    clear();
    for (const part of foldLine(line, noteWidth)) stderr.write(`${part}\n`);
  };
  return {
    clear,
    complain,
    out(line) {
      clear();
      for (const part of foldLine(line, width)) stdout.write(`${part}\n`);
    },
    table(rows) {
      clear();
      for (const line of formatTable(rows, width)) stdout.write(`${line}\n`);
    },
    note(line) {
      if (quiet) clear();
      else complain(line);
    },
    progress(line) {
      if (quiet || stderr.isTTY !== true) return;
      stderr.write(`\r\u001b[2K${line.slice(0, (stderr.columns || usualColumns) - 1)}`);
      pending = true;
    },
    colors: createColors(stdout.isTTY === true && !options.noColor),
    noteColors: createColors(stderr.isTTY === true && !options.noColor),
    interactive: options.stdinIsTTY && stderr.isTTY === true,
  };
}
