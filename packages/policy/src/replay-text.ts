/** Facts and sources as text to hash: equal values give equal text, whatever the order of their keys. */
import type { Facts } from './facts.ts';
import type { PolicySource } from './yaml-source.ts';

/** The text whose SHA-256 is a decision's `evidence.digest`. */
export function factsText(facts: Facts): string {
  return stableText(facts);
}

/** The text whose SHA-256 is the digest of loose policy files; their order does not matter. */
export function sourcesText(sources: readonly PolicySource[]): string {
  const sorted = [...sources].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  return stableText(sorted.map(({ file, text }) => ({ file, text })));
}

function stableText(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
