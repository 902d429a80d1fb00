/** Text from images, metadata or servers is in a stranger's hands: it must not move the cursor or hide itself. */

const maxPrinted = 256;

// C0, DEL and C1 controls; line and paragraph separators; bidirectional marks, embeddings, overrides and isolates;
// zero-width and other format characters that hide or reorder what a person reads.
const dangerous =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]|\p{Cf}/u;

/** The text with control and bidirectional characters escaped as `\u{..}`, cut at 256 characters. */
export function printable(text: string): string {
  let out = '';
  let count = 0;
  for (const character of text) {
    if (count === maxPrinted) return `${out}...`;
    out += dangerous.test(character) ? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}` : character;
    count += 1;
  }
  return out;
}
