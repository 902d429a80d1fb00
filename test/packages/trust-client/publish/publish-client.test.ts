import { createPublishClient, type PublishClient, trustPath } from '@vidimus/trust-client';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Handler,
  type RunningServer,
  startHttpServer,
  unusedUrl,
} from '../../../support/hostile-trust-server.ts';
import { errorOf, refusalOf } from '../../../support/trust-test-bed.ts';

const REPOSITORY = 'registry.example.com:5000/team/app';
const digest = `sha256:${'ab'.repeat(32)}`;
const running: { close(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
});

async function connect(handler: Handler): Promise<{ client: PublishClient; server: RunningServer }> {
  const server = await startHttpServer(handler);
  const client = createPublishClient({ server: server.url, token: 'vdm_t' });
  running.push(client, server);
  return { client, server };
}

function json(status: number, body: unknown): Handler {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
}

const published = {
  tag: '1',
  digest,
  size: 7,
  role: 'targets',
  versions: { targets: 2 },
  published: { targets: 2 },
};
const change = {
  id: '01JDQ8M4',
  repository: REPOSITORY,
  state: 'open',
  kind: 'create',
  edit: { method: 'PUT', path: '', body: {} },
  times: { issued: '2026-11-21T09:00:00Z', expires: {} },
  summary: 'create',
  diff: [],
  createdBy: 'admin',
  createdAt: '2026-11-21T09:00:00Z',
  expiresAt: '2026-11-28T09:00:00Z',
  base: {},
  documents: [],
};

describe('the publish calls', () => {
  it('sign a tag: PUT with token and JSON body', async () => {
    let received = '';
    const { client, server } = await connect((request, response) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.toString();
      });
      request.on('end', () => json(200, published)(request, response));
    });
    const outcome = await client.signTag(REPOSITORY, '1', { digest, size: 7 });
    expect(outcome).toEqual({
      outcome: 'done',
      body: expect.objectContaining({ digest, versions: { targets: 2 } }),
    });
    expect(server.requests).toEqual([`PUT /v2/${REPOSITORY}/_trust/tags/1`]);
    expect(server.tokens).toEqual(['Bearer vdm_t']);
    expect(JSON.parse(received)).toEqual({ digest, size: 7 });
  });

  it('tell a change that waits from an edit that is done', async () => {
    const { client } = await connect(json(202, { change }));
    const outcome = await client.createRepository(REPOSITORY, {});
    expect(outcome.outcome === 'pending' && outcome.change.id).toBe('01JDQ8M4');
  });

  it('use the route of each edit', async () => {
    const { client, server } = await connect((request, response) => {
      const body =
        request.method === 'GET' ? { items: [], next: null } : { ...published, tags: [], stillServed: [] };
      json(200, request.url?.includes('/changes/') ? change : body)(request, response);
    });
    await client.revokeTag(REPOSITORY, '1');
    await client.editTags(REPOSITORY, { revoke: ['1'] });
    await client.revokeDigest(REPOSITORY, digest, { reason: 'CVE' });
    await client.liftRevocation(REPOSITORY, digest);
    await client.revocations(REPOSITORY);
    await client.changes(REPOSITORY);
    await client.change(REPOSITORY, 'x');
    await client.submitSignatures(REPOSITORY, 'x', []);
    await client.rejectChange(REPOSITORY, 'x');
    const base = `/v2/${REPOSITORY}/_trust`;
    const escaped = encodeURIComponent(digest);
    expect(server.requests).toEqual([
      `DELETE ${base}/tags/1`,
      `POST ${base}/tags`,
      `PUT ${base}/revocations/${escaped}`,
      `DELETE ${base}/revocations/${escaped}`,
      `GET ${base}/revocations`,
      `GET ${base}/changes?state=open`,
      `GET ${base}/changes/x`,
      `POST ${base}/changes/x/signatures`,
      `DELETE ${base}/changes/x`,
    ]);
  });

  it('follow the pages of a list', async () => {
    const item = { digest, reason: 'CVE', at: '2026-11-21T09:00:00Z' };
    const { client, server } = await connect((request, response) => {
      const isFirst = !request.url?.includes('cursor');
      json(200, { items: [item], next: isFirst ? 'a&b' : null })(request, response);
    });
    expect(await client.revocations(REPOSITORY)).toEqual([item, item]);
    expect(server.requests[1]).toContain('?cursor=a%26b');
  });

  it.each([
    ['a page of more than was asked for', 1_001, 1],
    ['pages without end', 1_000, 200],
  ])('end a list that would fill the memory: %s', async (_, length, requests) => {
    const items = Array.from({ length }, () => ({ digest: 'd', reason: '', at: '' }));
    const { client, server } = await connect(json(200, { items, next: 'more' }));
    expect(await refusalOf(client.revocations(REPOSITORY))).toBe('UNUSABLE');
    expect(server.requests).toHaveLength(requests);
  });

  it.each([
    [400, 'BODY_INVALID', 'REFUSED'],
    [403, 'DENIED', 'REFUSED'],
    [404, 'REPOSITORY_UNKNOWN', 'REFUSED'],
    [409, 'VERSION_CONFLICT', 'REFUSED'],
    [401, 'UNAUTHORIZED', 'UNAUTHORIZED'],
    [503, 'BUSY', 'UNUSABLE'],
    [500, 'INTERNAL', 'UNUSABLE'],
  ])('pass a %s on: the server says %s', async (status, serverCode, code) => {
    const { client } = await connect(json(status, { errors: [{ code: serverCode, message: 'because' }] }));
    const error = await errorOf(client.summary(REPOSITORY));
    expect(error.code).toBe(code);
    if (code === 'REFUSED') expect(error.detail).toMatchObject({ serverCode, status });
  });

  it('take no code that could not be one: it is printed, and it may be anything', async () => {
    const code = 'DENIED\u001b[2J\u202e';
    const { client } = await connect(json(403, { errors: [{ code, message: 'because' }] }));
    const error = await errorOf(client.revokeTag(REPOSITORY, '1'));
    expect(JSON.stringify([error.code, error.detail])).not.toContain('DENIED');
  });

  it.each<[string, Handler, string]>([
    ['a login page', (_, response) => response.end('<html></html>'), 'UNUSABLE'],
    [
      'a refusal that is a web page',
      (_, response) => response.writeHead(403).end('<html></html>'),
      'UNUSABLE',
    ],
    ['no JSON', (_, response) => response.end('{'), 'UNUSABLE'],
    ['another shape', json(200, { repository: 7 }), 'UNUSABLE'],
    ['a redirect', (_, response) => response.writeHead(302, { location: '/x' }).end(), 'UNUSABLE'],
  ])('refuse %s', async (_, handler, code) => {
    const { client } = await connect(handler);
    expect(await refusalOf(client.editTags(REPOSITORY, {}))).toBe(code);
    expect(await refusalOf(client.summary(REPOSITORY))).toBe(code);
  });

  it('say that nobody answers', async () => {
    const client = createPublishClient({ server: await unusedUrl() });
    running.push(client);
    expect(await refusalOf(client.summary(REPOSITORY))).toBe('UNREACHABLE');
  });
});

describe('T20: names in paths', () => {
  it.each(['../../x', 'a/../b', 'registry.example.com/../x', 'registry.example.com/x/_trust/y', 'é', ''])(
    'refuses the repository %j',
    (name) => {
      expect(() => trustPath(name)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
    },
  );

  it.each(['..', '.', '', '\ud800'])('refuses the segment %j', (segment) => {
    expect(() => trustPath(REPOSITORY, 'tags', segment)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });

  it('keeps every segment one segment', () => {
    expect(trustPath(REPOSITORY, 'tags', 'a/../b?c#d%2f')).toBe(
      `v2/${REPOSITORY}/_trust/tags/a%2F..%2Fb%3Fc%23d%252f`,
    );
  });
});
