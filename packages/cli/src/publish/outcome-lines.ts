/** How an edit that was made is laid out: what happened as the first word, the facts, the next command. */
import { printable } from '@vidimus/reference';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatFacts } from '../output/table.ts';
import { withDistances } from '../output/times.ts';

export type Deed =
  | 'CREATED'
  | 'EXISTS'
  | 'ADDED'
  | 'SIGNED'
  | 'IMPORTED'
  | 'EXPORTED'
  | 'ROTATED'
  | 'DELEGATED'
  | 'REMOVED'
  | 'PUBLISHED'
  | 'REJECTED'
  | 'REVOKED'
  | 'LIFTED'
  | 'PINNED'
  | 'ACCEPTED'
  | 'PENDING';

/** One line below the deed; an empty name continues the line before. */
export type Fact = readonly [name: string, value: string];

/** What a command answers: for people `deed`, `subject` and `facts`, for programs `json`. */
export interface Answer {
  readonly deed: Deed;
  readonly subject: string;
  readonly facts: readonly Fact[];
  /** The one object of `--json`; `outcome` is added from the deed. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Prints an answer and says how the command ends: 6 while signatures are missing. */
export function printAnswer(context: Context, { deed, subject, facts, json }: Answer): ExitCode {
  const { terminal } = context;
  if (context.options.json === true) context.json({ outcome: deed.toLowerCase(), ...json });
  else {
    const paint = deed === 'PENDING' ? terminal.colors.yellow : terminal.colors.green;
    terminal.out(`${paint(terminal.colors.bold(deed))}  ${printable(subject)}`);
    const now = context.world.now();
    for (const line of formatFacts(facts)) terminal.out(withDistances(line, now));
  }
  return deed === 'PENDING' ? exitCodes.pending : exitCodes.done;
}

/** `targets 3, snapshot 3, timestamp 4` */
export function formatVersions(versions: Readonly<Record<string, number>>): string {
  return Object.entries(versions)
    .map(([role, version]) => `${printable(role)} ${version}`)
    .join(', ');
}
