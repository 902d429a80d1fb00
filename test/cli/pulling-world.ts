/**
 * A machine that pulls: a simulated repository behind its trust server, a registry in memory, command lines run in
 * process. Nothing of it needs a database, so that every lie a server can tell has its own test.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../packages/cli/src/run.ts';
import { makeVerifierBed, type VerifierBed } from '../packages/verifier/verifier-bed.ts';
import type { Transcript } from './publishing-world.ts';

export interface PullingWorld extends VerifierBed {
  readonly home: string;
  /** `vidimus <words>`, with the anchor in the configuration file unless `config` is another. */
  readonly run: (
    words: readonly string[],
    environment?: Readonly<Record<string, string | undefined>>,
  ) => Promise<Transcript>;
}

export async function makePullingWorld(): Promise<PullingWorld> {
  const bed = await makeVerifierBed();
  const home = await mkdtemp(join(tmpdir(), 'vdm-pull-'));
  const config = join(home, 'config.yaml');
  const root = bed.simulator.files.get('1.root.json');
  await writeFile(join(home, '1.root.json'), root ?? '');
  await writeFile(
    config,
    JSON.stringify({
      version: 1,
      repositories: [{ match: '**', trustServer: bed.trust.server.url, anchor: { root: '1.root.json' } }],
    }),
  );
  return {
    ...bed,
    home,
    async run(words, environment = {}) {
      const stdout: string[] = [];
      const stderr: string[] = [];
      const exit = await run(words, {
        environment: { HOME: home, NO_COLOR: '1', VIDIMUS_CONFIG: config, ...environment },
        stdout: { write: (text) => stdout.push(text) },
        stderr: { write: (text) => stderr.push(text) },
        stdinIsTTY: false,
        now: () => bed.simulator.now,
        random: (length) => new Uint8Array(length),
        stopped: new Promise(() => undefined),
        ask: () => Promise.reject(new Error('nobody is there')),
      });
      return { exit, stdout: stdout.join(''), stderr: stderr.join('') };
    },
    async close() {
      await bed.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
