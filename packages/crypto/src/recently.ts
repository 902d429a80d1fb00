/**
 * Results of a dear pure function for the inputs seen last. The same few keys come with every file of a repository,
 * and admitting one costs as much as ten signatures.
 */
import { sha256Hex } from './digest.ts';

/**
 * A function that remembers. What throws is not remembered; neither is what came from an input of more than
 * `maxBytes`, so that a stranger's files cannot make the memory grow beyond `most` small results.
 * @param spell tells inputs apart, to the last byte
 */
export function recently<Input, Value>(
  most: number,
  maxBytes: number,
  spell: (input: Input) => { readonly label: string; readonly content: Uint8Array },
  compute: (input: Input) => Value,
): (input: Input) => Value {
  // Insertion order is age: what is found again is put at the end.
  const known = new Map<string, Value>();
  return (input) => {
    const { label, content } = spell(input);
    if (content.length > maxBytes) return compute(input);
    const name = `${label} ${sha256Hex(content)}`;
    const found = known.get(name) ?? compute(input);
    known.delete(name);
    known.set(name, found);
    const [oldest] = known.keys();
    if (known.size > most && oldest !== undefined) known.delete(oldest);
    return found;
  };
}
