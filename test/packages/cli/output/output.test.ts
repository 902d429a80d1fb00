import { describe, expect, it } from 'vitest';
import { formatFacts, formatTable, shorten } from '../../../../packages/cli/src/output/table.ts';
import { createTerminal } from '../../../../packages/cli/src/output/terminal.ts';
import {
  formatDay,
  formatDistance,
  formatTime,
  formatTimeAndDistance,
} from '../../../../packages/cli/src/output/times.ts';
import { run } from '../../../../packages/cli/src/run.ts';

async function stderrOf(words: readonly string[]): Promise<readonly [number, string]> {
  const text: string[] = [];
  const exit = await run(words, {
    environment: {},
    stdout: { write: () => undefined },
    stderr: { write: (part) => text.push(part) },
    stdinIsTTY: false,
    now: () => 0,
    random: (bytes) => new Uint8Array(bytes),
    stopped: new Promise(() => undefined),
    ask: async () => '',
  });
  return [exit, text.join('')];
}

describe('errors', () => {
  const nasty = 'a\u001b[2Jb\u202ec\u0007\nALLOWED  everything';

  it.each([
    ['an argument nobody knows', ['verify', 'x', nasty]],
    ['a reference', ['verify', nasty]],
    ['a file name', ['anchor', 'pin', 'registry.example.com/a', '--root', nasty]],
    ['a configuration file', ['sign', 'registry.example.com/a:1', '--resolve', '--config', nasty]],
  ])('escape what a terminal would obey, in %s', async (_, words) => {
    const [exit, text] = await stderrOf(words);
    expect(exit).toBe(2);
    expect(text).toMatch(/^ERROR {2}/);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(text).not.toMatch(/^ALLOWED/m);
  });

  it('are cut', async () => {
    const [, text] = await stderrOf(['anchor', 'export', `registry.example.com/${'a'.repeat(10_000)}`]);
    expect(text.length).toBeLessThan(1_000);
  });
});

describe('tables', () => {
  it('align their columns and end lines without blanks', () => {
    expect(
      formatTable([
        ['TAG', 'BY'],
        ['1.4.2', 'alice'],
        ['x', ''],
      ]),
    ).toEqual(['TAG    BY', '1.4.2  alice', 'x']);
  });

  it('put facts below a verdict', () => {
    expect(
      formatFacts([
        ['why', 'a'],
        ['', 'b'],
        ['fix', ''],
      ]),
    ).toEqual(['  why       a', '            b', '  fix']);
  });

  it('shorten ids and digests to twelve digits', () => {
    const hex = '0123456789abcdef'.repeat(4);
    expect([shorten(hex), shorten(`sha256:${hex}`), shorten('abc')]).toEqual([
      '0123456789ab',
      'sha256:0123456789ab',
      'abc',
    ]);
  });
});

describe('times', () => {
  const now = Date.UTC(2026, 10, 21, 9);

  it('are UTC', () => {
    expect([formatTime(now), formatDay(now)]).toEqual(['2026-11-21 09:00', '2026-11-21']);
  });

  it.each([
    [0, '0 seconds'],
    [1_000, '1 second'],
    [90_000, '90 seconds'],
    [3_600_000, '60 minutes'],
    [23 * 3_600_000, '23 hours'],
    [86_400_000, '1 day'],
    [2 * 86_400_000 + 1, '2 days'],
    [300 * 86_400_000, '10 months'],
    [800 * 86_400_000, '2 years'],
  ])('%i ms are %s', (ms, words) => {
    expect(formatDistance(ms)).toBe(words);
    expect(formatDistance(-ms)).toBe(words);
  });

  it('say which side of now they are on', () => {
    expect(formatTimeAndDistance(now + 86_400_000, now)).toBe('2026-11-22 09:00 (1 day)');
    expect(formatTimeAndDistance(now - 86_400_000, now)).toBe('2026-11-20 09:00 (1 day ago)');
  });
});

describe('a terminal', () => {
  const open = (given: { readonly tty?: boolean; readonly noColor?: boolean; readonly quiet?: boolean }) => {
    const out: string[] = [];
    const err: string[] = [];
    const isTTY = given.tty === true;
    const terminal = createTerminal({
      stdout: { isTTY, write: (text) => out.push(text) },
      stderr: { isTTY, write: (text) => err.push(text) },
      stdinIsTTY: isTTY,
      noColor: given.noColor === true,
      quiet: given.quiet === true,
    });
    return { terminal, out, err };
  };

  it('has colour only on a terminal, and not against NO_COLOR', () => {
    expect(open({ tty: true }).terminal.colors.green('x')).not.toBe('x');
    expect(open({ tty: true, noColor: true }).terminal.colors.green('x')).toBe('x');
    expect(open({}).terminal.colors.green('x')).toBe('x');
  });

  it('shows progress only on a terminal, and removes it before the answer', () => {
    const piped = open({});
    piped.terminal.progress('working');
    expect(piped.err).toEqual([]);
    const { terminal, out, err } = open({ tty: true });
    terminal.progress('working');
    terminal.out('done');
    expect([out.join(''), err.join('').endsWith('\r\u001b[2K')]).toEqual(['done\n', true]);
  });

  it('is quiet about notes, never about answers', () => {
    const { terminal, out, err } = open({ tty: true, quiet: true });
    terminal.note('by the way');
    terminal.progress('working');
    terminal.out('done');
    expect([out.join(''), err.join('')]).toEqual(['done\n', '']);
  });
});
