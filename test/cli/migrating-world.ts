/** A person's machine without any service of ours: command lines run in process, in a home of their own. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../packages/cli/src/run.ts';

export interface Said {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Migrant {
  readonly home: string;
  readonly run: (words: readonly string[], circumstances?: Circumstances) => Promise<Said>;
  readonly close: () => Promise<void>;
}

export interface Circumstances {
  readonly environment?: Readonly<Record<string, string>>;
  /** Lines the person types; present: there is a terminal. */
  readonly answers?: readonly string[];
}

/** @param now milliseconds since 1970 */
export async function openMigrant(now: () => number): Promise<Migrant> {
  const home = await mkdtemp(join(tmpdir(), 'vdm-migrant-'));
  return {
    home,
    close: () => rm(home, { recursive: true, force: true }),
    run: async (words, { environment = {}, answers } = {}) => {
      const said = { stdout: '', stderr: '' };
      const left = [...(answers ?? [])];
      const exit = await run(words, {
        environment: { HOME: home, NO_COLOR: '1', ...environment },
        stdout: {
          write: (text) => {
            said.stdout += text;
          },
        },
        stderr: {
          isTTY: answers !== undefined,
          write: (text) => {
            said.stderr += text;
          },
        },
        stdinIsTTY: answers !== undefined,
        now,
        random: (bytes) => new Uint8Array(randomBytes(bytes)),
        stopped: new Promise(() => undefined),
        ask: async (question) => {
          said.stderr += `${question}\n`;
          const answer = left.shift();
          if (answer === undefined) throw new Error('the input ended before an answer');
          return answer;
        },
      });
      return { exit, ...said };
    },
  };
}
