/** Debian's `notary-server` 0.7.0: what the tests' own tools, and our speed, are tried against. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../registry-tls.ts';

export interface NotaryServer {
  /** `https://127.0.0.1:<port>`, or `http:` */
  readonly url: string;
  readonly ca: string;
  close(): Promise<void>;
}

/** Storage of the server as its configuration file has it. */
export interface NotaryServerOptions {
  readonly storage?: Readonly<Record<string, string>>;
  /** Plain HTTP. */
  readonly plain?: boolean;
}

const startMs = 20_000;
const startPauseMs = 20;
const keptLogCharacters = 65_536;

/** Starts it and waits until it takes connections; a missing program rejects. */
export async function startNotaryServer(options: NotaryServerOptions = {}): Promise<NotaryServer> {
  const directory = mkdtempSync(join(tmpdir(), 'vdm-notary-server-'));
  const write = (name: string, content: string): string => {
    const file = join(directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  // It does not say which port it got, so it is given one.
  const port = await freePort();
  const isPlain = options.plain === true;
  const tls = isPlain
    ? {}
    : {
        tls_cert_file: write('server.crt', TEST_CERTIFICATE),
        tls_key_file: write('server.key', TEST_KEY),
      };
  const configuration = {
    server: { http_addr: `127.0.0.1:${port}`, ...tls },
    trust_service: { type: 'local' },
    storage: options.storage ?? { backend: 'memory' },
    logging: { level: 'error' },
  };
  const child = spawn(
    'notary-server',
    ['-config', write('config.json', JSON.stringify(configuration)), '-logf', 'logfmt'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-keptLogCharacters);
    });
  }
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) =>
      reject(new Error('notary-server cannot be run: is notary installed?', { cause })),
    );
    child.once('close', (code) => reject(new Error(`notary-server ended with ${code}: ${log}`)));
  });
  failed.catch(() => undefined);
  const ended = once(child, 'close').catch(() => undefined);
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await Promise.race([failed, connects(port)]);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`, ca: TEST_CA, close };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Resolves as soon as somebody listens. */
async function connects(port: number): Promise<void> {
  const deadline = Date.now() + startMs;
  while (Date.now() < deadline) {
    const socket = connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, startPauseMs));
  }
  throw new Error('notary-server does not listen');
}
