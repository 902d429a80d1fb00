/** The strict parser and the canonical encoder on a targets file, beside JSON.parse; and a number that never ends. */
import { CanonicalJsonError, encodeCanonical, parseJson } from '@vidimus/canonical-json';
import { interleaved, median, millisecondsOf } from './measure.ts';
import type { Section } from './section.ts';

const targets = 20_000;
const rounds = 9;
const limits = { maxBytes: 1 << 26, maxDepth: 64 };

export const jsonSection: Section = {
  name: 'json',
  title: `canonical JSON, a file of ${targets.toLocaleString('en-US')} targets`,
  async *run() {
    const bytes = targetsFile();
    const text = new TextDecoder().decode(bytes);
    const parsed = parseJson(bytes, limits);
    const parse = () => millisecondsOf(() => parseJson(bytes, limits));
    const native = () => millisecondsOf(() => JSON.parse(text));
    const { ours, ratio } = await interleaved(rounds, parse, native);
    yield {
      what: 'strict parse against JSON.parse',
      value: `${ratio.toFixed(1)} (${ours.toFixed(0)} ms)`,
      reach: 'for information',
      met: undefined,
    };
    const encodings: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      encodings.push(await millisecondsOf(() => encodeCanonical(parsed)));
    }
    yield {
      what: 'canonical encoding',
      value: `${median(encodings).toFixed(0)} ms`,
      reach: 'for information',
      met: undefined,
    };
    const digits = new TextEncoder().encode('9'.repeat(1_000_000));
    const refusal = await millisecondsOf(() => refuse(digits));
    yield {
      what: 'refusing a number of a million digits',
      value: `${refusal.toFixed(1)} ms`,
      reach: '< 100 ms',
      met: refusal < 100,
    };
  },
};

function refuse(bytes: Uint8Array): void {
  try {
    parseJson(bytes, limits);
  } catch (error) {
    if (error instanceof CanonicalJsonError && error.code === 'NUMBER') return;
    throw error;
  }
  throw new Error('the number was taken');
}

function targetsFile(): Uint8Array {
  const entries = Array.from({ length: targets }, (_, i) => [
    `v1.${i}.0`,
    { custom: {}, hashes: { sha256: i.toString(16).padStart(64, 'a') }, length: 1_234 },
  ]);
  return encodeCanonical({ signatures: [], signed: { targets: Object.fromEntries(entries) } });
}
