/** Tells the demo: says what happens, runs the command for real, and checks that it came out as told. */
import { randomBytes } from 'node:crypto';
import type { Environment } from '../context.ts';
import { run } from '../run.ts';

export interface Expectation {
  readonly exit: number;
  /** Must stand in the output. */
  readonly says: string;
}

export interface Narrator {
  /** A heading. */
  chapter(text: string): void;
  tell(text: string): void;
  /** Runs `vidimus <words>`; @throws when it does not come out as expected */
  vidimus(words: readonly string[], expected: Expectation): Promise<string>;
  readonly steps: number;
}

/** @param environment what the commands see; nothing of the machine's own configuration */
export function createNarrator(environment: Environment, write: (text: string) => void): Narrator {
  let steps = 0;
  return {
    chapter: (text) => {
      write(`\n${steps + 1}. ${text}\n`);
      steps += 1;
    },
    tell: (text) => write(`   ${text}\n`),
    async vidimus(words, expected) {
      write(`   $ vidimus ${words.map(quote).join(' ')}\n`);
      let output = '';
      const stream = {
        isTTY: false,
        write: (text: string) => {
          output += text;
        },
      };
      const exit = await run(words, {
        environment,
        stdout: stream,
        stderr: stream,
        stdinIsTTY: false,
        now: Date.now,
        random: randomBytes,
        stopped: new Promise(() => undefined),
        ask: () => Promise.reject(new Error('nobody is asked in the demo')),
      });
      for (const line of output.trimEnd().split('\n')) write(`     ${line}\n`);
      if (exit !== expected.exit || !output.includes(expected.says)) {
        throw new Error(`expected exit ${expected.exit} and "${expected.says}", got exit ${exit}`);
      }
      return output;
    },
    get steps() {
      return steps;
    },
  };
}

function quote(word: string): string {
  return /^[\w@:./=-]+$/.test(word) ? word : `'${word}'`;
}
