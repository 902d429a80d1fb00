/** Cached GETs of metadata against a bare `node:http` server that returns the same bytes and headers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { loadProgram, requestsPerSecond } from './load.ts';
import { interleaved, median, type Row } from './measure.ts';
import type { Section } from './section.ts';
import { createRepository, type Service } from './workshop.ts';

const repository = 'registry.example.com/bench/http';
const rounds = 5;
const seconds = 2;
const connections = 32;
const reach = 0.8;
/** Of `/proc/<pid>/stat`: USER_HZ is 100 on every Linux that Node runs on. */
const tickMs = 10;

export const httpSection: Section = {
  name: 'http',
  title: `cached GET, ${connections} connections (${loadProgram}), against a bare node:http server`,
  async *run(workshop) {
    const service = await workshop.serve('postgres');
    await createRepository(service.publisher, repository);
    for (const file of ['timestamp.json', '1.targets.json']) yield* compare(service, file);
  },
};

async function* compare(service: Service, file: string): AsyncGenerator<Row> {
  const url = `${service.url}/v2/${repository}/_trust/metadata/${file}`;
  const bare = await startBareServer(url);
  try {
    const [ourCpu, bareCpu]: [number[], number[]] = [[], []];
    await measure(url, service.pid, 1, []);
    await measure(bare.url, bare.pid, 1, []);
    const { ours, peers, ratio } = await interleaved(
      rounds,
      () => measure(url, service.pid, seconds, ourCpu),
      () => measure(bare.url, bare.pid, seconds, bareCpu),
    );
    yield {
      what: `GET ${file}`,
      value: `${ratio.toFixed(2)} (${Math.round(ours)} of ${Math.round(peers)}/s)`,
      reach: `>= ${reach}`,
      met: ratio >= reach,
    };
    const cpuRatio = median(bareCpu) / median(ourCpu);
    yield {
      what: `  processor time a request, bare : ours`,
      value: `${cpuRatio.toFixed(2)} (${median(bareCpu).toFixed(1)} : ${median(ourCpu).toFixed(1)} us)`,
      reach: 'for information',
      met: undefined,
    };
  } finally {
    bare.stop();
  }
}

/** Requests per second; appends microseconds of processor time a request. */
async function measure(url: string, pid: number, forSeconds: number, cpu: number[]): Promise<number> {
  const before = await processorMs(pid);
  const rate = await requestsPerSecond({ url, seconds: forSeconds, connections });
  cpu.push((((await processorMs(pid)) - before) * 1_000) / (rate * forSeconds));
  return rate;
}

/** User and system time of a process so far. */
async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

interface BareServer {
  readonly url: string;
  readonly pid: number;
  stop(): void;
}

async function startBareServer(copied: string): Promise<BareServer> {
  const program = new URL('./bare-server.ts', import.meta.url).pathname;
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, program, copied], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8').trim()));
    child.once('exit', (code) => reject(new Error(`the bare server ended with ${code}`)));
  });
  const { pathname } = new URL(copied);
  return {
    url: `http://127.0.0.1:${port}${pathname}`,
    pid: child.pid ?? 0,
    stop: () => child.kill('SIGTERM'),
  };
}
