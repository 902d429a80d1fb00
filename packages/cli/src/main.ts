#!/usr/bin/env node
/** The program `vidimus`: makes the real world and runs one command in it. */
import { randomBytes } from 'node:crypto';
import { run } from './run.ts';

const stopped = new Promise<string>((resolve) => {
  process.once('SIGINT', resolve);
  process.once('SIGTERM', resolve);
});

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stdinIsTTY: process.stdin.isTTY === true,
  now: Date.now,
  random: randomBytes,
  stopped,
  ask: async (question, options) => (await import('./output/ask.ts')).ask(question, options?.hidden === true),
});
// A command that has answered must not be kept alive by an idle connection.
process.exit();
