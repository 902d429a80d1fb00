import { statSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { createRemoteKeyStore, KeyStoreError, type MadeKey, signerPaths } from '@vidimus/key-store';
import { createSignerListener, listenSigner, type SignerListening } from '@vidimus/signer';
import { afterEach, describe, expect, it } from 'vitest';
import { createSignerBed, place, REPOSITORY, type SignerBed, targets, timestamp } from './signer-bed.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(config: unknown = {}) {
  const bed = await createSignerBed(config);
  const path = join(bed.directory, 'signer.sock');
  const listening = await listen(bed, path);
  const keys = createRemoteKeyStore({ target: { kind: 'unix', path }, timeoutMs: 2_000 });
  closing.push(() => keys.close());
  return { bed, path, listening, keys };
}

async function listen(bed: SignerBed, path: string): Promise<SignerListening> {
  const failed = (error: unknown): never => {
    throw error;
  };
  const listener = createSignerListener({ signer: bed.signer, failed });
  const listening = await listenSigner({ kind: 'unix', path }, listener);
  closing.push(() => listening.close());
  return listening;
}

async function reasonOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof KeyStoreError) return `${error.code} ${error.detail['code'] ?? ''}`.trim();
    throw error;
  }
  return 'done';
}

/** One request as anybody could send it. */
async function send(path: string, method: string, url: string, body: string | Uint8Array = '') {
  return await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request({ socketPath: path, method, path: url }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the signer on its socket', () => {
  it('is reachable by its owner alone', async () => {
    const { path, listening } = await start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(listening.url).toBe(`unix:${path}`);
  });

  it('makes, uses and destroys keys for a client', async () => {
    const { keys } = await start();
    const there = { repository: REPOSITORY, dialect: 'tuf', role: 'timestamp' } as const;
    const made = await keys.make(there);
    const document = timestamp();
    const first = await keys.sign(made, there, document);
    expect(await keys.sign(made, there, document)).toEqual(first);
    await keys.destroy(made.keyId, REPOSITORY);
    await keys.destroy(made.keyId, REPOSITORY);
    expect(await reasonOf(() => keys.sign(made, there, document))).toBe('SIGNER_REFUSED KEY_UNKNOWN');
    await keys.ping();
  });

  it('refuses a second process on one socket, and takes the place of a dead one', async () => {
    const { bed, path, listening } = await start();
    await expect(listen(bed, path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await listening.close();
    await listen(bed, path);
  });

  it('refuses a socket whose path the system would cut', async () => {
    const bed = await createSignerBed();
    const path = join(bed.directory, 'x'.repeat(120));
    await expect(listen(bed, path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  const forbidden: readonly (readonly [
    string,
    string,
    (made: MadeKey) => readonly [typeof place extends (...a: never[]) => infer P ? P : never, Uint8Array],
  ])[] = [
    ['another role', 'KEY_SCOPE', () => [place('targets'), targets()]],
    [
      'another repository',
      'KEY_SCOPE',
      () => [place('timestamp', 'tuf', 'registry.example.com/b'), timestamp()],
    ],
    ['another dialect', 'KEY_SCOPE', () => [place('timestamp', 'notary'), timestamp()]],
    [
      'a document of another repository',
      'DOCUMENT_MISBOUND',
      () => [place('timestamp'), timestamp({ repository: 'registry.example.com/b' })],
    ],
    ['a digest', 'DOCUMENT_INVALID', () => [place('timestamp'), new Uint8Array(32).fill(7)]],
    ['an old version', 'VERSION_USED', () => [place('timestamp'), timestamp({ version: 4 })]],
    ['a second content', 'VERSION_USED', () => [place('timestamp'), timestamp({ version: 5, snapshot: 9 })]],
    [
      'a life too long',
      'EXPIRY_TOO_FAR',
      () => [place('timestamp'), timestamp({ version: 6, expiresIn: 24 * 90 })],
    ],
  ];
  it.each(forbidden)('refuses %s of a valid caller, and writes it down', async (_, code, ask) => {
    const { bed, keys } = await start();
    const made = await keys.make({ ...place('timestamp') });
    await keys.sign(made, place('timestamp'), timestamp({ version: 5 }));
    const [at, document] = ask(made);
    expect(await reasonOf(() => keys.sign(made, at, document))).toBe(`SIGNER_REFUSED ${code}`);
    expect(bed.audit().at(-1)).toMatchObject({ event: 'refused', code, keyId: made.keyId });
  });

  it.each([
    ['no JSON', 'POST', signerPaths.sign, 'nonsense', 400, 'BODY_INVALID'],
    ['another shape', 'POST', signerPaths.sign, '{"keyId":1}', 400, 'BODY_INVALID'],
    ['bytes to sign as they are', 'POST', signerPaths.sign, '{"bytes":"AAAA"}', 400, 'BODY_INVALID'],
    [
      'an unknown dialect',
      'POST',
      signerPaths.keys,
      '{"repository":"a","dialect":"x","role":"root"}',
      400,
      'BODY_INVALID',
    ],
    [
      'a line break in a name',
      'POST',
      signerPaths.keys,
      '{"repository":"a\\nb","dialect":"tuf","role":"root"}',
      400,
      'BODY_INVALID',
    ],
    ['another route', 'POST', '/v1/raw', '{}', 404, 'ROUTE_UNKNOWN'],
    ['another method', 'DELETE', signerPaths.keys, '', 404, 'ROUTE_UNKNOWN'],
    ['a body without end', 'POST', signerPaths.sign, new Uint8Array(7_100_000), 413, 'BODY_TOO_LARGE'],
  ])('answers %s with a code', async (_, method, url, body, status, code) => {
    const { bed, path, keys } = await start();
    const answer = await send(path, method, url, body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ code });
    expect(bed.audit().at(-1)).toMatchObject({ event: 'refused', code });
    await keys.ping();
  });
});
