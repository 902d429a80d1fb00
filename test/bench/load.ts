/** Load from a second process on loopback: wrk where it is installed (it costs less CPU), else autocannon. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

export interface Load {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  /** 4xx counts, too: what is asked for is not there, or wants a login. */
  readonly isRefused?: boolean;
}

export const loadProgram: 'wrk' | 'autocannon' =
  spawnSync('wrk', ['-v']).error === undefined ? 'wrk' : 'autocannon';

/** Requests per second answered as expected; anything else answered is an error of the benchmark. */
export async function requestsPerSecond(load: Load): Promise<number> {
  return loadProgram === 'wrk' ? byWrk(load) : byAutocannon(load);
}

async function byWrk({ url, seconds, connections, isRefused = false }: Load): Promise<number> {
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, url]);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1];
  if (bad !== undefined && !isRefused) throw new Error(`${url}: ${bad} answers were not 2xx`);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined) throw new Error(`wrk said: ${stdout}`);
  return Number(rate);
}

const report = z.object({
  non2xx: z.number(),
  errors: z.number(),
  requests: z.object({ average: z.number() }),
});

async function byAutocannon({ url, seconds, connections, isRefused = false }: Load): Promise<number> {
  const program = new URL('../../node_modules/.bin/autocannon', import.meta.url).pathname;
  const { stdout } = await run(program, ['--json', '-c', String(connections), '-d', String(seconds), url]);
  const { non2xx, errors, requests } = report.parse(JSON.parse(stdout));
  if (errors > 0 || (non2xx > 0 && !isRefused))
    throw new Error(`${url}: ${non2xx + errors} answers were not 2xx`);
  return requests.average;
}
