/** Aligned columns without box drawing. */

/** Rows padded to the widest cell of each column, two blanks apart, no trailing blanks. */
export function formatTable(rows: readonly (readonly string[])[], gap = 2): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + gap)))
      .join('')
      .trimEnd(),
  );
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
