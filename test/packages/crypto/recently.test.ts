import { describe, expect, it } from 'vitest';
import { recently } from '../../../packages/crypto/src/recently.ts';

const content = (text: string) => ({ label: 'text', content: new TextEncoder().encode(text) });

function counting(most: number, maxBytes: number) {
  const computed: string[] = [];
  const call = recently(most, maxBytes, content, (text: string) => {
    computed.push(text);
    if (text === 'bad') throw new TypeError('bad');
    return { text };
  });
  return { call, computed };
}

describe('recently', () => {
  it('computes once what is asked again', () => {
    const { call, computed } = counting(4, 100);
    expect(call('a')).toBe(call('a'));
    expect(computed).toEqual(['a']);
  });

  it('forgets what was not asked for longest', () => {
    const { call, computed } = counting(2, 100);
    for (const text of ['a', 'b', 'a', 'c', 'a', 'b']) call(text);
    expect(computed).toEqual(['a', 'b', 'c', 'b']);
  });

  it('does not remember what is too long, nor what throws', () => {
    const { call, computed } = counting(2, 3);
    for (const text of ['long', 'long']) call(text);
    for (const text of ['bad', 'bad']) expect(() => call(text)).toThrow(TypeError);
    expect(computed).toEqual(['long', 'long', 'bad', 'bad']);
  });

  it('tells inputs apart by their last byte and by their label', () => {
    const call = recently(
      4,
      100,
      ({ label, text }: { label: string; text: string }) => ({ ...content(text), label }),
      ({ label, text }) => `${label} ${text}`,
    );
    const inputs = [
      { label: 'x', text: 'a' },
      { label: 'x', text: 'b' },
      { label: 'y', text: 'a' },
    ];
    expect(inputs.map(call)).toEqual(['x a', 'x b', 'y a']);
  });
});
