/** Lines of at most so many columns: what is longer goes on below its own beginning. */
import { stripVTControlCharacters } from 'node:util';

/** The label a line begins with, which its continuation is indented by: `  why       `, `DENIED  `, `CLOCK     ok    `. */
const labelPattern = /^ *(?:\S+ {2,}(?:(?:ok|warn|FAIL) +)?)?/;
const commandPattern = /^(?:vidimus|curl|mv|install|notary)$/;
/** What stands two blanks apart, such as the code of a verdict, stays on its line. */
const wordPattern = / *\S+(?: {2,3}\S+)*/g;
/** So many blanks within a line part two facts. */
const gapPattern = /^ {4}/;
const minIndent = 2;
/** Of a command that does not fit beside its label. */
const commandIndent = 4;

/**
 * The line, folded at blanks only: a digest or a reference stays whole to be copied, although it be longer than
 * the width. So does a command, on a line of its own; one that is longer still goes on after a backslash.
 */
export function foldLine(line: string, width: number): readonly string[] {
  if (columnsOf(line) <= width) return [line];
  const label = labelPattern.exec(stripVTControlCharacters(line))?.[0] ?? '';
  const end = endOfColumns(line, label.length);
  const indent = Math.max(label.length, minIndent);
  const pieces = toPieces(line.slice(end).match(wordPattern) ?? []);
  const lines = pieces.flatMap((piece) => foldPiece(piece, width, indent));
  const [first = '', ...more] = lines;
  // The first piece stands beside its label, unless it is a command that had to go below.
  if (first.startsWith(' '.repeat(indent))) return [`${line.slice(0, end)}${first.trimStart()}`, ...more];
  const alone = line.slice(0, end).trimEnd();
  return alone === '' ? lines : [alone, ...lines];
}

/** Where that many columns end, which a blank does. Colours take no column and hold no blank. */
function endOfColumns(line: string, columns: number): number {
  let end = 0;
  while (columnsOf(line.slice(0, end)) < columns) end = line.indexOf(' ', end) + 1;
  return end;
}

/** How wide a text is on a terminal, colours left out. */
function columnsOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Parts that each begin a line of their own: what stands apart, and the command after a sentence. */
function toPieces(words: readonly string[]): readonly (readonly string[])[] {
  const pieces: string[][] = [];
  for (const word of words) {
    const last = pieces.at(-1);
    const begins =
      last === undefined ||
      gapPattern.test(word) ||
      (commandPattern.test(word.trim()) && last.at(-1)?.endsWith(':') === true);
    if (begins) pieces.push([word.trim()]);
    else last.push(word);
  }
  return pieces;
}

function foldPiece(words: readonly string[], width: number, indent: number): readonly string[] {
  const isCommand = commandPattern.test(words[0] ?? '');
  const whole = columnsOf(words.join(''));
  const blanks = ' '.repeat(isCommand && whole > width - indent ? Math.min(commandIndent, indent) : indent);
  const mark = isCommand && whole > width - blanks.length ? ' \\' : '';
  const room = width - blanks.length - mark.length;
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && columnsOf(last + word) <= room) lines[lines.length - 1] = last + word;
    else lines.push(isCommand && last !== undefined ? `  ${word.trim()}` : word.trim());
  }
  return lines.map((text, position) => `${blanks}${text}${position < lines.length - 1 ? mark : ''}`);
}
