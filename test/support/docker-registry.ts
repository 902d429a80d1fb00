/** The real `docker-registry` (Debian's, 2.8) on a free loopback port, its storage in a directory of its own. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from './registry-tls.ts';

export interface DockerRegistry {
  readonly origin: string;
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** Holds `ca.crt`, as `--cert-dir` of skopeo and podman wants it. */
  readonly certificates: string;
  readonly close: () => Promise<void>;
}

export interface DockerRegistryOptions {
  /** TLS with the test certificate. */
  readonly tls?: boolean;
  /** Asks for `REGISTRY_USER` and `REGISTRY_PASSWORD`. */
  readonly login?: boolean;
}

export const REGISTRY_USER = 'alice';
export const REGISTRY_PASSWORD = 'correct horse';
/** bcrypt of the password, cost 5. */
const HTPASSWD = `${REGISTRY_USER}:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n`;
const START_TIMEOUT_MS = 20_000;

/** Starts it and waits until it says where it listens; a missing program rejects. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'vidimus-docker-registry-'));
  const write = (name: string, content: string): string => {
    const file = join(directory, name);
    writeFileSync(file, content);
    return file;
  };
  // Alone in its directory: a key beside it would be taken for a client's.
  const certificates = join(directory, 'certificates');
  mkdirSync(certificates);
  write('certificates/ca.crt', TEST_CA);
  const tls = options.tls
    ? { tls: { certificate: write('server.crt', TEST_CERTIFICATE), key: write('server.key', TEST_KEY) } }
    : {};
  const login = options.login
    ? { auth: { htpasswd: { realm: 'test', path: write('htpasswd', HTPASSWD) } } }
    : {};
  // YAML reads JSON.
  const configuration = write(
    'config.yml',
    JSON.stringify({
      version: 0.1,
      log: { level: 'info' },
      storage: { filesystem: { rootdirectory: join(directory, 'storage') }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0', ...tls },
      ...login,
    }),
  );
  const child = spawn('docker-registry', ['serve', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const host = await new Promise<string>((resolve, reject) => {
      let log = '';
      const timer = setTimeout(
        () => reject(new Error(`docker-registry does not start: ${log}`)),
        START_TIMEOUT_MS,
      );
      child.stderr.on('data', (chunk: Buffer) => {
        log = `${log}${chunk}`.slice(-65_536);
        const listening = /listening on (127\.0\.0\.1:\d+)/.exec(log)?.[1];
        if (listening !== undefined) {
          clearTimeout(timer);
          resolve(listening);
        }
      });
      child.on('error', (cause) => {
        clearTimeout(timer);
        reject(new Error('docker-registry cannot be run: is it installed?', { cause }));
      });
      child.on('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`docker-registry ended with ${code}: ${log}`));
      });
    });
    return { origin: `${options.tls ? 'https' : 'http'}://${host}`, host, certificates, close };
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
