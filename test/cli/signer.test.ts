import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteKeyStore } from '@vidimus/key-store';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/cli/src/run.ts';
import { openRemoteSigner } from '../../packages/cli/src/serve/remote-signer.ts';

const directory = mkdtempSync(join(tmpdir(), 'vidimus-cli-signer-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** `vidimus signer …`; stopped once `whileRunning` has seen where it listens. */
async function signer(words: readonly string[], whileRunning?: (url: string) => Promise<void>) {
  const said = { stdout: '', stderr: '' };
  let stop: (signal: string) => void = () => undefined;
  let seen: Promise<void> | undefined;
  const exit = await run(['signer', ...words], {
    environment: { NO_COLOR: '1' },
    stdout: {
      write: (text) => {
        said.stdout += text;
        const url = /listening on (\S+)/.exec(said.stdout)?.[1];
        if (url !== undefined) seen ??= Promise.resolve(whileRunning?.(url)).finally(() => stop('test'));
      },
    },
    stderr: {
      write: (text) => {
        said.stderr += text;
      },
    },
    stdinIsTTY: false,
    now: Date.now,
    random: randomBytes,
    stopped: new Promise<string>((resolve) => {
      stop = resolve;
    }),
    ask: async () => '',
  });
  await seen;
  return { exit, ...said };
}

describe('vidimus signer', () => {
  it('listens on its socket, one process at a time, and proves its log', async () => {
    const data = join(directory, 'one');
    const ran = await signer(['--data', data], async (url) => {
      expect(url).toBe(`unix:${data}/signer.sock`);
      const keys = await openRemoteSigner({ VIDIMUS_SIGNER: url });
      await keys?.make({ repository: 'registry.example.com/a', dialect: 'tuf', role: 'timestamp' });
      keys?.close();
      const second = await signer(['--data', data]);
      expect(second.exit).toBe(2);
      expect(second.stderr).toContain('another process uses the data directory');
    });
    expect(ran).toMatchObject({ exit: 0, stdout: `vidimus: signer listening on unix:${data}/signer.sock\n` });
    const checked = await signer(['--data', data, '--check-audit']);
    expect(checked.exit).toBe(0);
    expect(checked.stdout).toMatch(/^2 lines, each bound to the one before; head [0-9a-f]{64}\n$/);
    writeFileSync(join(data, 'audit.jsonl'), '{"n":7,"previous":""}\n');
    const spoilt = await signer(['--data', data, '--check-audit']);
    expect(spoilt.exit).toBe(2);
    expect(spoilt.stderr).toContain('a line of the audit log was altered');
  });

  it.each([
    ['an address beyond a socket without certificates', ['--listen', '127.0.0.1:0']],
    ['an address that is none', ['--listen', 'somewhere']],
    [
      'a file that is not there',
      ['--listen', '127.0.0.1:0', '--tls-cert', '/no', '--tls-key', '/no', '--client-ca', '/no'],
    ],
    ['a configuration that is not there', ['--config', '/nowhere.yaml']],
  ])('refuses %s', async (name, words) => {
    const { exit, stderr } = await signer(['--data', join(directory, name.slice(0, 20)), ...words]);
    expect(exit).toBe(2);
    expect(stderr).not.toBe('');
  });

  it('refuses rules that mean nothing', async () => {
    const file = join(directory, 'rules.yaml');
    writeFileSync(file, 'signer:\n  maxDays: {timestamp: -1}\n');
    expect((await signer(['--data', join(directory, 'rules'), '--config', file])).exit).toBe(2);
  });
});

describe('VIDIMUS_SIGNER', () => {
  it('may be left out', async () => {
    expect(await openRemoteSigner({})).toBeUndefined();
  });

  it.each([
    ['a relative path', { VIDIMUS_SIGNER: 'unix:signer.sock' }],
    ['plain HTTP', { VIDIMUS_SIGNER: 'http://signer:4000' }],
    ['a path at a host', { VIDIMUS_SIGNER: 'https://signer:4000/keys' }],
    ['no URL', { VIDIMUS_SIGNER: 'signer' }],
    ['no certificates', { VIDIMUS_SIGNER: 'https://signer:4000' }],
    [
      'a certificate that is not there',
      {
        VIDIMUS_SIGNER: 'https://signer:4000',
        VIDIMUS_SIGNER_CA: '/no',
        VIDIMUS_SIGNER_CERT: '/no',
        VIDIMUS_SIGNER_KEY: '/no',
      },
    ],
  ])('is refused with %s', async (_, environment) => {
    await expect(openRemoteSigner(environment)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('is not asked before it is needed', () => {
    createRemoteKeyStore({ target: { kind: 'unix', path: '/nowhere.sock' } }).close();
  });
});
