/** Hostile requests against a real `vidimus serve`: each has its own clear answer, and nothing of them stays. */
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyTemplate } from '../support/database-embedded.ts';
import { callService, codeOf, createManaged, digestOf, putTag } from '../support/service-calls.ts';
import { ADMIN_TOKEN, type ServiceProcess, startService } from '../support/service-process.ts';

const repository = 'registry.example.com/team/app';
const trust = `/v2/${repository}/_trust`;
const good = JSON.stringify({ digest: digestOf('x'), size: 100 });
const mebibyte = 1_048_576;

let service: ServiceProcess;
let directory: string;

beforeAll(async () => {
  directory = await copyTemplate();
  service = await startService({ data: directory });
  await createManaged(service.url, repository);
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true, force: true });
});

interface Raw {
  readonly status: number;
  readonly code: string | undefined;
}

/** Sends the target and the body as they are: no URL parser in between. */
function send(
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Raw> {
  const { hostname, port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const sent = request({
      host: hostname,
      port,
      method,
      path,
      agent: false,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...headers },
    });
    sent.once('error', reject);
    sent.once('response', (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      answer.once('end', () => {
        const code = /"code":"([A-Z_]+)"/.exec(text)?.[1];
        resolve({ status: answer.statusCode ?? 0, code });
      });
    });
    sent.end(body);
  });
}

async function versions(): Promise<unknown> {
  const { body } = await callService(service.url, 'GET', trust);
  return Reflect.get(Object(body), 'versions');
}

const long = 'a'.repeat(5_000);
const rightToLeft = encodeURIComponent('\u202e');

describe('names', () => {
  it.each([
    ['..', '/v2/registry.example.com/../etc/_trust'],
    ['encoded dots', '/v2/registry.example.com/%2e%2e/etc/_trust'],
    ['NUL', '/v2/registry.example.com/a%00b/_trust'],
    ['%2f', '/v2/registry.example.com%2fteam%2fapp/_trust'],
    ['5 kB', `/v2/registry.example.com/${long}/_trust`],
    ['an empty component', '/v2/registry.example.com//app/_trust'],
    ['upper case', '/v2/registry.example.com/App/_trust'],
    ['a leading underscore', '/v2/registry.example.com/__proto__/_trust'],
    ['a control character', '/v2/registry.example.com/a%07b/_trust'],
    ['a bidirectional character', `/v2/registry.example.com/a${rightToLeft}b/_trust`],
    ['a second _trust', '/v2/registry.example.com/a/_trust/b/_trust'],
  ])('of repositories with %s are refused', async (_, path) => {
    const body = JSON.stringify({ roles: { root: { keys: [{ custody: 'managed' }] } } });
    expect(await send('PUT', path, body)).toEqual({ status: 400, code: 'NAME_INVALID' });
  });

  it.each([
    ['..', '..'],
    ['encoded dots', '%2e%2e'],
    ['NUL', 'a%00b'],
    ['%2f', 'a%2fb'],
    ['5 kB', long],
    ['a control character', 'a%1bb'],
    ['a bidirectional character', `a${rightToLeft}b`],
    ['a space', 'a%20b'],
    ['bad percent-encoding', 'a%zz'],
  ])('of tags with %s are refused', async (_, tag) => {
    const before = await versions();
    expect(await send('PUT', `${trust}/tags/${tag}`, good)).toEqual({ status: 400, code: 'NAME_INVALID' });
    expect(await versions()).toEqual(before);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'that mean something to JavaScript mean nothing here: %s',
    async (name) => {
      expect(codeOf(await callService(service.url, 'GET', `${trust}/tags/${name}`))).toBe('TAG_UNKNOWN');
      expect((await putTag(service.url, repository, name)).status).toBe(200);
      const found = await callService(service.url, 'GET', `${trust}/tags/${name}`);
      expect(found.body).toMatchObject({ tag: name, digest: digestOf(name) });
      expect((await callService(service.url, 'DELETE', `${trust}/tags/${name}`)).status).toBe(200);
    },
  );

  it('of a repository may be that of an object member, too', async () => {
    const path = '/v2/registry.example.com/constructor/_trust';
    expect(codeOf(await callService(service.url, 'GET', path))).toBe('REPOSITORY_UNKNOWN');
  });
});

describe('bodies', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{"digest":'],
    ['trailing data', `${good}{}`],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['a byte order mark', `\ufeff${good}`],
    ['a duplicate key', `{"size":1,"size":2,"digest":"${digestOf('x')}"}`],
    ['an array', `[${good}]`],
    ['a string for a number', good.replace('100', '"100"')],
    ['a number for a string', good.replace(`"${digestOf('x')}"`, '7')],
    ['2^53', good.replace('100', '9007199254740992')],
    ['a number of 100,000 digits', good.replace('100', '9'.repeat(100_000))],
    ['a fraction', good.replace('100', '1.5')],
    ['a negative size', good.replace('100', '-1')],
    ['an unknown member', good.replace('{', '{"sise":1,')],
    ['__proto__', good.replace('{', '{"__proto__":{"role":"root"},')],
    ['too many levels', `{"custom":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['a digest in upper case', good.toUpperCase()],
    ['a lone surrogate', good.replace('{', '{"mediaType":"\\ud800",')],
  ])('with %s are refused, and nothing is published', async (_, body) => {
    const before = await versions();
    expect(await send('PUT', `${trust}/tags/v1`, body)).toEqual({ status: 400, code: 'BODY_INVALID' });
    expect(await versions()).toEqual(before);
  });

  it('beyond the limit are refused, whether their length is told or not', async () => {
    const tooLong = good.replace('{', `{"custom":{"a":"${'a'.repeat(mebibyte)}"},`);
    const refused = { status: 413, code: 'BODY_TOO_LARGE' };
    const isRefused = (raw: Raw | 'broken'): boolean =>
      raw === 'broken' || JSON.stringify(raw) === JSON.stringify(refused);
    const told = send('PUT', `${trust}/tags/v1`, tooLong).catch(() => 'broken' as const);
    const chunked = send('PUT', `${trust}/tags/v1`, tooLong, { 'transfer-encoding': 'chunked' }).catch(
      () => 'broken' as const,
    );
    expect([await told, await chunked].map(isRefused)).toEqual([true, true]);
    expect(codeOf(await callService(service.url, 'GET', `${trust}/tags/v1`))).toBe('TAG_UNKNOWN');
  });

  it('of 10,001 tags are refused as a whole', async () => {
    const sign = Array.from({ length: 10_001 }, (_, index) => ({
      tag: `t${index}`,
      digest: digestOf('t'),
      size: 1,
    }));
    const before = await versions();
    const answer = await callService(service.url, 'POST', `${trust}/tags`, { body: { sign } });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'BODY_INVALID']);
    expect(await versions()).toEqual(before);
  });
});

describe('callers', () => {
  it.each([
    ['no token', null],
    ['a wrong token', `${ADMIN_TOKEN}x`],
    ['a token of 10 kB', 'a'.repeat(10_000)],
  ])('with %s are refused before anything is read', async (_, token) => {
    const answer = await putTag(service.url, repository, 'v1', { token });
    expect([answer.status, codeOf(answer)]).toEqual([401, 'UNAUTHORIZED']);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('who ask for an unknown repository hear that there is none', async () => {
    const unknown = 'registry.example.com/team/other';
    for (const answer of [
      await putTag(service.url, unknown, 'v1'),
      await callService(service.url, 'GET', `/v2/${unknown}/_trust`),
      await callService(service.url, 'GET', `/v2/${unknown}/_trust/audit`),
    ]) {
      expect([answer.status, codeOf(answer)]).toEqual([404, 'REPOSITORY_UNKNOWN']);
    }
  });
});

describe('after all that', () => {
  it('the service serves as before', async () => {
    expect((await callService(service.url, 'GET', '/readyz')).status).toBe(200);
    expect((await putTag(service.url, repository, 'last')).status).toBe(200);
    const { body } = await callService(service.url, 'GET', `${trust}/tags`);
    expect(body).toMatchObject({ items: [{ tag: 'last' }], next: null });
  });
});
