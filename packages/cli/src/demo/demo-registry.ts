/** The registry of the demo: Debian's `docker-registry` where it is installed, else our own over an image layout. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createLayoutRegistry, placeInLayout, pushSmallImage, type SmallImage } from '@vidimus/oci';
import type { Environment } from '../context.ts';
import { isInstalled } from '../pull/installed.ts';

export interface DemoRegistry {
  readonly kind: string;
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** What `docker push` does: the tag names this image from now on. */
  push(path: string, tag: string, image: SmallImage): Promise<void>;
  close(): Promise<void>;
}

const startMs = 20_000;

/** Starts a registry on a free loopback port; its storage lies in the directory. */
export function startDemoRegistry(directory: string, environment: Environment): Promise<DemoRegistry> {
  return isInstalled('docker-registry', environment) ? startReal(directory) : startOwn(directory);
}

async function startOwn(directory: string): Promise<DemoRegistry> {
  const layoutDirectory = join(directory, 'layout');
  const registry = createLayoutRegistry({ layoutDirectory });
  const server = createServer(registry.listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    kind: 'a small read-only registry',
    host: `127.0.0.1:${port}`,
    async push(path, tag, image) {
      await placeInLayout(layoutDirectory, image);
      registry.pointTag(path, tag, image.digest);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function startReal(directory: string): Promise<DemoRegistry> {
  const storage = join(directory, 'registry');
  await mkdir(storage);
  const config = join(directory, 'registry.yml');
  // YAML reads JSON.
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      storage: { filesystem: { rootdirectory: storage } },
      http: { addr: '127.0.0.1:0' },
    }),
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const host = await new Promise<string>((resolve, reject) => {
    let log = '';
    const timer = setTimeout(() => reject(new Error(`docker-registry does not start: ${log}`)), startMs);
    child.stderr.on('data', (chunk: Buffer) => {
      log = `${log}${chunk.toString('utf8')}`.slice(-65_536);
      const listening = /listening on (127\.0\.0\.1:\d+)/.exec(log)?.[1];
      if (listening === undefined) return;
      clearTimeout(timer);
      resolve(listening);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`docker-registry ended with ${code}: ${log}`));
    });
  });
  return {
    kind: 'the real docker-registry',
    host,
    push: (path, tag, image) => pushSmallImage(image, { origin: `http://${host}`, path, tag }),
    close,
  };
}
