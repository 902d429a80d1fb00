/**
 * A person's machine beside a real trust server (embedded database, loopback socket) and a registry in memory:
 * command lines are run in process, what they print is normalised for snapshots.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { createAuthenticator, createOwnRegistryTokens, createTokenStore } from '@vidimus/access';
import { createWrappedKeyStore, parseMasterKey } from '@vidimus/key-store';
import {
  type ApprovalRule,
  createIdempotencyStore,
  createTrustServer,
  createTrustService,
  type Log,
} from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { run } from '../../packages/cli/src/run.ts';
import { openEmbeddedForTest } from '../support/database-embedded.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../support/registry-memory.ts';
import { startServer, type TestServer } from '../support/registry-server.ts';

export const NOW = Date.UTC(2026, 10, 21, 9);
export const TOKEN = `vdm_${'a'.repeat(43)}`;

/** Bytes that look random and are the same in every run. */
export function seededRandom(seed: string): (length: number) => Uint8Array {
  let calls = 0;
  return (length) => {
    calls += 1;
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
      createHash('sha256').update(`${seed} ${calls} ${block}`).digest(),
    );
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  };
}

/** A status, or a whole answer; undefined lets the request pass. */
export type Take = (request: {
  readonly method: string;
  readonly url: string;
}) => number | { readonly status: number; readonly body: Uint8Array | string } | undefined;

export interface TrustSite {
  readonly server: TestServer;
  readonly registry: MemoryRegistry;
  /** For calls that a command line does not make. */
  readonly app: Hono;
  /** Time of the service and of every machine, milliseconds since 1970. */
  readonly clock: { nowMs: number };
  /** Answers requests to the trust server in its place; undefined: honest again. */
  readonly intercept: (take: Take | undefined) => void;
  readonly close: () => Promise<void>;
}

/** @param approvals - the two-person rule */
export async function openSite(approvals: readonly ApprovalRule[] = []): Promise<TrustSite> {
  const opened = await openEmbeddedForTest();
  const { database } = opened;
  const clock = { nowMs: NOW };
  const now = (): number => clock.nowMs;
  const random = seededRandom('service');
  const master = (name: string) => parseMasterKey(createHash('sha256').update(name).digest('base64'));
  const service = createTrustService({
    database,
    keyStore: createWrappedKeyStore({ random, now, master: master('m'), rootMaster: master('r') }),
    now,
    randomBytes: random,
    schedule: () => () => undefined,
    approvals,
  });
  await service.start();
  const silent = (): void => undefined;
  const log: Log = { info: silent, warn: silent, error: silent };
  const app = createTrustServer({
    service,
    authenticator: createAuthenticator({ tokens: createTokenStore(database), adminToken: TOKEN, now }),
    idempotency: createIdempotencyStore(database, now),
    fetchManifest: async () => undefined,
    now,
    newRequestId: () => 'request',
    log,
    version: '1.0.0',
    publicReads: true,
    notary: {
      service,
      access: 'token',
      gunPrefixes: [],
      tokens: createOwnRegistryTokens(new Uint8Array(32).fill(7), now),
    },
  });
  let taken: Take | undefined;
  const listener = getRequestListener(app.fetch);
  const server = await startServer((request, response) => {
    const answer = taken?.({ method: request.method ?? '', url: request.url ?? '' });
    if (answer === undefined) void listener(request, response);
    else if (typeof answer === 'number') response.writeHead(answer).end();
    else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  const registry = await startMemoryRegistry();
  return {
    server,
    registry,
    app,
    clock,
    intercept: (take) => {
      taken = take;
    },
    close: async () => {
      await registry.close();
      await server.close();
      await service.stop();
      await opened.close();
    },
  };
}

export interface Transcript {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Circumstances {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Lines the person types; present: there is a terminal. */
  readonly answers?: readonly string[];
}

export interface Machine {
  readonly home: string;
  readonly run: (words: readonly string[], circumstances?: Circumstances) => Promise<Transcript>;
  readonly close: () => Promise<void>;
}

/** A machine of its own keys and cache. */
export async function openMachine(site: TrustSite, seed = 'machine'): Promise<Machine> {
  const home = await mkdtemp(join(tmpdir(), 'vdm-home-'));
  const random = seededRandom(seed);
  return {
    home,
    run: async (words, { environment = {}, answers } = {}) => {
      const stdout: string[] = [];
      const stderr: string[] = [];
      const left = [...(answers ?? [])];
      const isTTY = answers !== undefined;
      const variables: Record<string, string | undefined> = {
        HOME: home,
        NO_COLOR: '1',
        VIDIMUS_SERVER: site.server.origin,
        VIDIMUS_TOKEN: TOKEN,
        VIDIMUS_PASSPHRASE: 'correct horse',
        ...environment,
      };
      const exit = await withVariables(variables, () =>
        run(words, {
          environment: variables,
          stdout: { write: (text) => stdout.push(text) },
          stderr: { isTTY, write: (text) => stderr.push(text) },
          stdinIsTTY: isTTY,
          now: () => site.clock.nowMs,
          random,
          stopped: new Promise(() => undefined),
          ask: async (question) => {
            stderr.push(`${question}\n`);
            const answer = left.shift();
            if (answer === undefined) throw new Error('the input ended before an answer');
            return answer;
          },
        }),
      );
      return {
        exit,
        stdout: stdout.join(''),
        stderr: stderr.join('').replace(/[^\n]*\r\u001b\[2K/g, ''),
      };
    },
    close: () => rm(home, { recursive: true, force: true }),
  };
}

/** Commander reads the environment of the process for `.env()` options. */
async function withVariables<Result>(
  variables: Readonly<Record<string, string | undefined>>,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = new Map(Object.keys(variables).map((name) => [name, process.env[name]]));
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(variables)) set(name, value);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

/** One text for a snapshot: what changes from run to run has a name. */
export function normalise(site: TrustSite, machine: Machine, { exit, stdout, stderr }: Transcript): string {
  const text = (part: string): string =>
    part
      .replaceAll(site.server.origin, 'https://trust.test')
      .replaceAll(site.registry.host, 'registry.test')
      .replaceAll(machine.home, '~')
      .replace(/[0-9A-HJKMNP-TV-Z]{26}/g, '{id}')
      .replace(/\b[0-9a-f]{64}\b/g, '{64 hex}')
      .replace(/\b[0-9a-f]{12}\b/g, '{12 hex}');
  return `${text(unfold(stdout))}${stderr === '' ? '' : `--- stderr\n${text(unfold(stderr))}`}exit ${exit}`;
}

/** Lines folded because of long names are whole in a snapshot: a digit of a port must not change it. */
function unfold(text: string): string {
  return text
    .replace(/^ {2}(\w+)\n {4}(?=\S)/gm, (_, label: string) => `  ${label.padEnd(10)}`)
    .replace(/(:| \\)\n {4,}(?=\S)/g, '$1 ')
    .replaceAll(' \\ ', ' ');
}
