/**
 * A machine that pulls from a repository that Notary clients made: simulated, behind its Notary wire, beside a
 * registry in memory. Command lines run in process.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SmallImage } from '@vidimus/oci';
import { run } from '../../packages/cli/src/run.ts';
import { NotarySimulator } from '../support/notary-simulator.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../support/registry-memory.ts';
import { makeNotaryBed, type TestBed } from '../support/trust-test-bed.ts';
import type { Transcript } from './publishing-world.ts';

export interface NotaryPullingWorld {
  readonly bed: TestBed<NotarySimulator>;
  readonly simulator: NotarySimulator;
  readonly registry: MemoryRegistry;
  /** `127.0.0.1:<port>/shop/web` */
  readonly repository: string;
  readonly home: string;
  /** Of the first root key. */
  readonly certId: string;
  /** Signs a pushed image in a role; nothing is current before `publish`. */
  readonly sign: (role: string, tag: string, image: SmallImage) => void;
  /** New files of these roles, then snapshot and timestamp. */
  readonly publish: (...roles: readonly string[]) => void;
  /** What the configuration file says of every repository, beside its server. */
  readonly configure: (entry: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly run: (words: readonly string[]) => Promise<Transcript>;
  /** One text for a snapshot. */
  readonly show: (words: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

export async function makeNotaryPullingWorld(): Promise<NotaryPullingWorld> {
  const registry = await startMemoryRegistry();
  const { repository } = registry;
  const simulator = new NotarySimulator({ repository });
  const bed = await makeNotaryBed(simulator);
  const home = await mkdtemp(join(tmpdir(), 'vdm-notary-'));
  const config = join(home, 'config.yaml');
  const certId = simulator.signers.get('root')?.[0]?.keyId ?? '';
  const configure = async (entry: Readonly<Record<string, unknown>>): Promise<void> => {
    const repositories = [{ match: '**', trustServer: bed.server.url, ...entry }];
    await writeFile(config, JSON.stringify({ version: 1, repositories }));
  };
  await configure({ dialect: 'notary', anchor: { certIds: [certId] } });
  const runHere = async (words: readonly string[]): Promise<Transcript> => {
    const stdout: string[] = [];
    const stderr: string[] = [];
    const exit = await run(words, {
      environment: { HOME: home, NO_COLOR: '1', VIDIMUS_CONFIG: config },
      stdout: { write: (text) => stdout.push(text) },
      stderr: { write: (text) => stderr.push(text) },
      stdinIsTTY: false,
      now: () => simulator.now,
      random: (length) => new Uint8Array(length),
      stopped: new Promise(() => undefined),
      ask: () => Promise.reject(new Error('nobody is there')),
    });
    return { exit, stdout: stdout.join(''), stderr: stderr.join('') };
  };
  return {
    bed,
    simulator,
    registry,
    repository,
    home,
    certId,
    configure,
    sign(role, tag, image) {
      registry.add(image, tag);
      simulator.target(role, tag, new TextDecoder().decode(image.bytes));
    },
    publish(...roles) {
      for (const role of roles) simulator.next(role);
      simulator.publish();
    },
    run: runHere,
    async show(words) {
      const { exit, stdout, stderr } = await runHere(words);
      const named = (text: string): string =>
        text
          .replaceAll(bed.server.url, 'https://trust.test')
          .replaceAll(registry.host, 'registry.test')
          .replaceAll(home, '~')
          .replace(/[0-9A-HJKMNP-TV-Z]{26}/g, '{id}')
          .replace(/\b[0-9a-f]{64}\b/g, '{64 hex}')
          .replace(/\b[0-9a-f]{12}\b/g, '{12 hex}');
      return `${named(stdout)}${stderr === '' ? '' : `--- stderr\n${named(stderr)}`}exit ${exit}`;
    },
    async close() {
      await bed.close();
      await registry.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
