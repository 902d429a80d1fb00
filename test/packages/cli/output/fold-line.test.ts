import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldLine } from '../../../../packages/cli/src/output/fold-line.ts';

const pinned = `registry.example.com/team/app@sha256:${'a'.repeat(64)}`;

describe('a line that is too long', () => {
  it('goes on below its own beginning', () => {
    expect(foldLine('  why       one two three four five six', 30)).toEqual([
      '  why       one two three four',
      '            five six',
    ]);
    expect(foldLine('CLOCK     ok    one two three four', 27)).toEqual([
      'CLOCK     ok    one two',
      '                three four',
    ]);
    expect(foldLine('one two three', 10)).toEqual(['one two', '  three']);
  });

  it('keeps what is copied whole: a reference, and a command with its arguments', () => {
    expect(foldLine(`  pinned    ${pinned}`, 80)).toEqual([`  pinned    ${pinned}`]);
    expect(foldLine(`  undo      vidimus revoke ${pinned} --undo`, 128)).toEqual([
      '  undo',
      `    vidimus revoke ${pinned} --undo`,
    ]);
    expect(foldLine(`  fix       if it was meant: vidimus sign ${pinned}`, 120)).toEqual([
      '  fix       if it was meant:',
      `    vidimus sign ${pinned}`,
    ]);
  });

  it('ends a command that goes on with a backslash, as a shell wants it', () => {
    const lines = foldLine(`  fix       vidimus sign ${pinned} --size 5`, 100);
    expect(lines).toEqual(['  fix', '    vidimus sign \\', `      ${pinned} \\`, '      --size 5']);
  });

  it('parts what stands apart, and keeps the code of a verdict on its line', () => {
    expect(foldLine('  more      vidimus inspect app     decision 01', 40)).toEqual([
      '  more      vidimus inspect app',
      '            decision 01',
    ]);
    expect(foldLine(`DENIED  ${pinned}  NOT_VOUCHED`, 80)).toEqual([`DENIED  ${pinned}  NOT_VOUCHED`]);
  });

  it('is measured without its colours', () => {
    expect(foldLine('\u001b[31mDENIED\u001b[39m  abc def', 15)).toEqual([
      '\u001b[31mDENIED\u001b[39m  abc def',
    ]);
    expect(foldLine('CLOCK     \u001b[32mok   \u001b[39m abc def', 20)).toEqual([
      'CLOCK     \u001b[32mok   \u001b[39m abc',
      '                def',
    ]);
  });
});

describe('folding', () => {
  const word = fc.constantFrom('vidimus', 'why', 'ok', 'FAIL', 'fix:', 'a', 'sha256:abcdef', 'DENIED');
  const line = fc
    .array(fc.tuple(word, fc.integer({ min: 1, max: 6 })), { maxLength: 20 })
    .map((parts) => parts.map(([text, gap]) => ' '.repeat(gap - 1) + text).join(' '));

  it('loses no word, and ends for every line and width', () => {
    fc.assert(
      fc.property(line, fc.integer({ min: 1, max: 60 }), (text, width) => {
        const words = (all: string): readonly string[] => all.split(/\s+|\\/).filter((one) => one !== '');
        expect(words(foldLine(text, width).join('\n'))).toEqual(words(stripVTControlCharacters(text)));
      }),
    );
  });
});
