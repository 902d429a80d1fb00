/** What is shipped: the bundle finds its chunks, its migrations and the packages it leaves outside. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, buildBundle } from '../../support/bundle.ts';
import { runProgram } from '../../support/foreign-program.ts';
import { startServe } from '../../support/serve-process.ts';

let bundle: Bundle;

beforeAll(async () => {
  bundle = await buildBundle();
});
afterAll(async () => {
  await bundle.remove();
});

describe('the bundled program', () => {
  it('says its version', async () => {
    const { stdout } = await runProgram(process.execPath, [bundle.program, 'version']);
    expect(stdout).toMatch(/^vidimus \d+\.\d+\.\d+, node \d+/);
  });

  it('is executable by itself', async () => {
    const { stdout } = await runProgram(bundle.program, ['verify', '--help']);
    expect(stdout).toContain('Usage: vidimus verify [options] <image>');
  });

  it('serves on a fresh data directory, takes a repository and ends with 0 when told to', async () => {
    const data = join(bundle.directory, 'data');
    const service = await startServe([process.execPath, bundle.program], ['--data', data]);
    try {
      expect(await (await fetch(`${service.url}/healthz`)).json()).toEqual({ status: 'ok' });
      expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
      expect((await stat(data)).mode & 0o777).toBe(0o700);
      const bootstrap = (await readFile(join(data, 'bootstrap-token'), 'utf8')).trim();
      const words = ['token', 'create', 'admin', '--role', 'admin', '--server', service.url];
      const environment = { VIDIMUS_TOKEN: bootstrap };
      const made = await runProgram(process.execPath, [bundle.program, ...words], environment);
      const token = made.stdout.trim();
      const created = await fetch(`${service.url}/v2/registry.example.com/shop/web/_trust`, {
        method: 'PUT',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ roles: { root: { keys: [{ custody: 'managed' }] } } }),
      });
      expect(created.status).toBe(201);
    } finally {
      expect(await service.stop()).toBe(0);
    }
  });
});
