#!/usr/bin/env node
/** The program `vidimus`: makes the real world and runs one command in it. */
import { randomBytes } from 'node:crypto';
import { exitCodes } from './exit-codes.ts';
import { run } from './run.ts';

let signal: NodeJS.Signals | undefined;
let stopped: Promise<string> | undefined;

// Only a command that looks for it is asked to stop; every other one is ended by the signal, as usual.
function listenForStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        signal = name;
        resolve(name);
      });
    }
  });
}

// A reader that has gone (`| head -1`) ends nothing that was begun; an answer that is lost is no success.
let isAnswerLost = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    isAnswerLost ||= error.code !== 'EPIPE';
  });
}

const exit = await run(process.argv.slice(2), {
  environment: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stdinIsTTY: process.stdin.isTTY === true,
  now: Date.now,
  random: randomBytes,
  get stopped() {
    stopped ??= listenForStop();
    return stopped;
  },
  ask: async (question, options) => (await import('./output/ask.ts')).ask(question, options?.hidden === true),
});
// The last write tells of its failure in the next turn.
await new Promise((resolve) => setImmediate(resolve));
process.exitCode = isAnswerLost && exit === exitCodes.done ? exitCodes.internal : exit;
// What was interrupted and has cleaned up ends as the signal would have ended it.
if (signal !== undefined && !['serve', 'signer'].includes(process.argv[2] ?? ''))
  process.kill(process.pid, signal);
// A command that has answered must not be kept alive by an idle connection.
else process.exit();
