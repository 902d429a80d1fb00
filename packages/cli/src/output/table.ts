/** Aligned columns without box drawing, folded where they would be wider than the terminal. */

/** Names longer than this are broken, rather than the table made wider. */
const minNameWidth = 24;

/**
 * Rows padded to the widest cell of each column, two blanks apart, no trailing blanks. Beyond the width cells go
 * on below, broken at blanks; digests and key ids stay whole.
 */
export function formatTable(
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
  gap = 2,
): string[] {
  const cells = rows.map((row) => row.map(wordsOf));
  const widths = fitWidths(cells, width, gap);
  return cells.flatMap((row) => {
    const folded = row.map((words, column) => foldCell(words, widths[column] ?? 0));
    const height = Math.max(1, ...folded.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      folded
        .map((lines, column) => (lines[line] ?? '').padEnd((widths[column] ?? 0) + gap))
        .join('')
        .trimEnd(),
    );
  });
}

/** What must not be broken: a word, or what stands in parentheses. */
function wordsOf(cell: string): readonly string[] {
  return cell.match(/\([^)]*\)|\S+/g) ?? [];
}

/** The widest cell of each column; where all are too wide together, the column with most to give gives first. */
function fitWidths(
  rows: readonly (readonly (readonly string[])[])[],
  width: number,
  gap: number,
): readonly number[] {
  const count = largest(rows.map((row) => row.length));
  const columns = Array.from({ length: count }, (_, column) => {
    const all = rows.map((row) => row[column] ?? []);
    const longest = largest(all.flat().map((word) => word.length));
    return {
      wide: largest(all.map((words) => words.join(' ').length)),
      narrow: column === 0 ? Math.min(longest, minNameWidth) : longest,
    };
  });
  let over = columns.reduce((sum, { wide }) => sum + wide + gap, -gap) - width;
  while (over > 0) {
    const [giver] = [...columns].sort((a, b) => b.wide - b.narrow - (a.wide - a.narrow));
    const given = giver === undefined ? 0 : Math.min(over, giver.wide - giver.narrow);
    if (giver === undefined || given === 0) break;
    giver.wide -= given;
    over -= given;
  }
  return columns.map(({ wide }) => wide);
}

/** Without spreading: a repository may have more tags than a call may have arguments. */
function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, one) => Math.max(most, one), 0);
}

function foldCell(words: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words.flatMap((one) => chop(one, width))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function chop(word: string, width: number): readonly string[] {
  if (word.length <= width) return [word];
  return [word.slice(0, width), ...chop(word.slice(width), width)];
}

/** `  name      value`: the facts below a verdict. */
export function formatFacts(facts: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(10, ...facts.map(([name]) => name.length + 2));
  return facts.map(([name, value]) => `  ${name.padEnd(width)}${value}`.trimEnd());
}

/** First 12 hex digits of a key id, or of a digest with its algorithm. */
export function shorten(id: string): string {
  const colon = id.indexOf(':');
  return colon === -1 ? id.slice(0, 12) : `${id.slice(0, colon)}:${id.slice(colon + 1, colon + 13)}`;
}
