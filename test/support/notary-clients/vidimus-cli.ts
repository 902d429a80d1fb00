/** `vidimus`, run in process, with a home of its own: one object is one person's machine. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { run } from '../../../packages/cli/src/run.ts';
import type { TrustOrigin } from './call-trust.ts';
import { PASSPHRASE } from './notary-cli.ts';
import { assertDone, type ClientRun } from './run-client.ts';

export interface VidimusCliOptions {
  readonly server: TrustOrigin;
  /** `host:port` of a registry that speaks plain HTTP. */
  readonly registryHost: string;
  /** Absent: it may only read. */
  readonly token?: string;
  /** As the configuration file says of every repository. */
  readonly dialect?: 'tuf' | 'notary';
  readonly anchor?: { readonly root: Uint8Array } | { readonly certIds: readonly string[] };
}

export interface VidimusCli {
  /** Runs a command; whatever it ends with is an answer. */
  run(...words: readonly string[]): Promise<ClientRun>;
  /** Runs a command that must end with 0, and answers what it printed on stdout. */
  done(...words: readonly string[]): Promise<string>;
  /** The digest that an image is judged to be, or the codes of the refusal. */
  judge(image: string): Promise<Judgement>;
  close(): void;
}

export type Judgement = { readonly digest: string } | { readonly refused: readonly string[] };

const verification = z.object({
  decision: z.object({
    decision: z.enum(['allow', 'warn', 'deny']),
    image: z.object({ digest: z.string().nullable() }),
    failures: z.array(z.object({ code: z.string() })),
  }),
});

export function createVidimusCli(options: VidimusCliOptions): VidimusCli {
  const home = mkdtempSync(join(tmpdir(), 'vdm-vidimus-'));
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(home, name);
    writeFileSync(path, content);
    return path;
  };
  const config = file('config.yaml', JSON.stringify(toConfiguration(options, file)));
  const runHere = async (...words: readonly string[]): Promise<ClientRun> => {
    const said = { stdout: '', stderr: '' };
    const stream = (name: 'stdout' | 'stderr') => ({
      isTTY: false,
      write: (text: string) => {
        said[name] += text;
      },
    });
    const exit = await run(words, {
      environment: {
        HOME: home,
        NO_COLOR: '1',
        VIDIMUS_CONFIG: config,
        VIDIMUS_TOKEN: options.token,
        VIDIMUS_PASSPHRASE: PASSPHRASE,
        DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: PASSPHRASE,
      },
      stdout: stream('stdout'),
      stderr: stream('stderr'),
      stdinIsTTY: false,
      now: Date.now,
      random: randomBytes,
      stopped: new Promise(() => undefined),
      ask: () => Promise.reject(new Error('nobody is asked')),
    });
    return { exit, ...said };
  };
  return {
    run: runHere,
    done: async (...words) => assertDone('vidimus', words, await runHere(...words)).stdout,
    judge: async (image) => {
      const { stdout, stderr } = await runHere('verify', image, '--json');
      const parsed = verification.safeParse(JSON.parse(stdout));
      if (!parsed.success) throw new Error(`vidimus verify ${image} judged nothing: ${stdout}${stderr}`);
      const { decision, image: judged, failures } = parsed.data.decision;
      if (decision === 'deny' || judged.digest === null) return { refused: failures.map(({ code }) => code) };
      return { digest: judged.digest };
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** YAML reads JSON. */
function toConfiguration(
  { server, registryHost, token, dialect, anchor }: VidimusCliOptions,
  file: (name: string, content: string | Uint8Array) => string,
): object {
  const entry = {
    match: `${registryHost}/**`,
    trustServer: server.url,
    ca: file('ca.crt', server.ca),
    ...(token === undefined ? {} : { token: { env: 'VIDIMUS_TOKEN' } }),
    ...(dialect === undefined ? {} : { dialect }),
    ...(anchor === undefined
      ? {}
      : { anchor: 'root' in anchor ? { root: file('root.json', anchor.root) } : anchor }),
  };
  return { version: 1, repositories: [entry], registries: { [registryHost]: { plainHttp: true } } };
}
