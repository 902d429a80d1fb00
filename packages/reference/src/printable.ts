/** Attacker-chosen text made fit for a terminal or a log line. */

const MAX_CHARACTERS = 256;
// Controls, line and paragraph separators, bidirectional and zero-width characters, lone surrogates.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Escapes control and bidirectional characters as `\uXXXX` and cuts at `maxCharacters` (default 256). */
export function printable(text: string, maxCharacters: number = MAX_CHARACTERS): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}...` : text;
  return cut.replace(UNSAFE, (character) => {
    const point = character.codePointAt(0) ?? 0;
    const hex = point.toString(16).padStart(4, '0');
    return point > 0xffff ? `\\u{${hex}}` : `\\u${hex}`;
  });
}
