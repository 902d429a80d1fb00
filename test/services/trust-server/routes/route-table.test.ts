import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fleetPath, readTarget } from '../../../../services/trust-server/src/http/request-target.ts';
import { bearer, digest, repository, serverForTest, write } from '../trust-server-for-test.ts';

const documentSchema = z.looseObject({
  openapi: z.string(),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        parameters: z
          .array(z.looseObject({ name: z.string(), in: z.string(), required: z.boolean().optional() }))
          .optional(),
        security: z.array(z.unknown()),
        responses: z.record(z.string(), z.looseObject({ description: z.string() })),
      }),
    ),
  ),
});

const { app } = serverForTest();
const document = documentSchema.parse(await (await app.request('/openapi.json')).json());
const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    path,
    method,
    operation,
  })),
);

const values: Readonly<Record<string, string>> = {
  repository,
  tag: '1.4.2',
  role: 'targets',
  digest,
  id: '01JDQ8M4',
  key: 'ab'.repeat(32),
  pattern: 'registry.example.com%2Fshop%2F**',
  file: '1.root.json',
};
const fill = (path: string): string =>
  path.replace(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? '?');

/** What needs no token where anonymous reads are on; DESIGN section 5. Everything else does. */
const anonymous = [
  'GET /docs',
  'GET /healthz',
  'GET /openapi.json',
  'GET /readyz',
  'GET /v2/{repository}/_trust/metadata/{file}',
  'GET /v2/{repository}/_trust/targets/{file}',
];

describe('the routes', () => {
  it('are these', () => {
    expect(documented.map((route) => route.name).sort()).toMatchInlineSnapshot(`
      [
        "DELETE /v2/_trust/tokens/{id}",
        "DELETE /v2/{repository}/_trust",
        "DELETE /v2/{repository}/_trust/changes/{id}",
        "DELETE /v2/{repository}/_trust/delegations/{role}",
        "DELETE /v2/{repository}/_trust/entries/{pattern}",
        "DELETE /v2/{repository}/_trust/revocations/{digest}",
        "DELETE /v2/{repository}/_trust/tags/{tag}",
        "GET /docs",
        "GET /healthz",
        "GET /metrics",
        "GET /openapi.json",
        "GET /readyz",
        "GET /v2/_trust/audit",
        "GET /v2/_trust/changes",
        "GET /v2/_trust/jobs/{id}",
        "GET /v2/_trust/keys/{key}",
        "GET /v2/_trust/keys/{key}/impact",
        "GET /v2/_trust/repositories",
        "GET /v2/_trust/tokens",
        "GET /v2/{repository}/_trust",
        "GET /v2/{repository}/_trust/audit",
        "GET /v2/{repository}/_trust/changes",
        "GET /v2/{repository}/_trust/changes/{id}",
        "GET /v2/{repository}/_trust/delegations",
        "GET /v2/{repository}/_trust/delegations/{role}",
        "GET /v2/{repository}/_trust/entries",
        "GET /v2/{repository}/_trust/entries/{pattern}",
        "GET /v2/{repository}/_trust/keys",
        "GET /v2/{repository}/_trust/keys/{key}",
        "GET /v2/{repository}/_trust/keys/{key}/impact",
        "GET /v2/{repository}/_trust/metadata/{file}",
        "GET /v2/{repository}/_trust/revocations",
        "GET /v2/{repository}/_trust/revocations/{digest}",
        "GET /v2/{repository}/_trust/roles",
        "GET /v2/{repository}/_trust/roles/{role}",
        "GET /v2/{repository}/_trust/tags",
        "GET /v2/{repository}/_trust/tags/{tag}",
        "GET /v2/{repository}/_trust/tags/{tag}/history",
        "GET /v2/{repository}/_trust/targets/{file}",
        "PATCH /v2/{repository}/_trust",
        "PATCH /v2/{repository}/_trust/roles/{role}",
        "POST /v2/_trust/keys/{key}/revocation",
        "POST /v2/_trust/tokens",
        "POST /v2/{repository}/_trust/changes/{id}/approvals",
        "POST /v2/{repository}/_trust/changes/{id}/signatures",
        "POST /v2/{repository}/_trust/imports",
        "POST /v2/{repository}/_trust/keys/{key}/revocation",
        "POST /v2/{repository}/_trust/recovery",
        "POST /v2/{repository}/_trust/roles/{role}/rotations",
        "POST /v2/{repository}/_trust/tags",
        "PUT /v2/{repository}/_trust",
        "PUT /v2/{repository}/_trust/delegations/{role}",
        "PUT /v2/{repository}/_trust/entries/{pattern}",
        "PUT /v2/{repository}/_trust/revocations/{digest}",
        "PUT /v2/{repository}/_trust/tags/{tag}",
      ]
    `);
  });

  it('are all in the document, and nothing else is', () => {
    const served = app.routes.map(
      (route) => `${route.method} ${route.path.replace(fleetPath, '/v2/_trust').replace(/:(\w+)/g, '{$1}')}`,
    );
    expect(served.sort()).toEqual(documented.map((route) => route.name).sort());
  });

  it.each(documented)('$name declares every parameter of its path', ({ path, operation }) => {
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(declared.map((parameter) => parameter.name).sort()).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort(),
    );
    expect(declared.every((parameter) => parameter.required)).toBe(true);
    expect(path).not.toMatch(/[:*]/);
  });

  it('are few and plain enough for the fast router', async () => {
    await app.request('/healthz');
    expect(app.router.name).toContain('RegExpRouter');
  });

  it.each(documented)('$name has a path that the reading of targets lets pass', ({ path }) => {
    expect(readTarget(fill(path))).toHaveProperty('path');
  });

  it.each(documented)(
    '$name asks for a token unless it is meant to be open',
    async ({ name, path, method, operation }) => {
      const { app: fresh, calls } = serverForTest();
      const response = await fresh.request(fill(path), { method: method.toUpperCase() });
      expect(response.status === 401).toBe(!anonymous.includes(name));
      if (response.status === 401) expect(calls).toEqual([]);
      expect(operation.security.length > 0).toBe(!anonymous.includes(name));
    },
  );

  it.each(documented)(
    '$name asks for a token for repository data where anonymous reads are off',
    async ({ path, method }) => {
      const { app: closed, calls } = serverForTest({}, { publicReads: false });
      const response = await closed.request(fill(path), { method: method.toUpperCase() });
      expect(response.status === 401).toBe(path.startsWith('/v2/') || path === '/metrics');
      expect(calls.filter((call) => call.name !== 'readiness')).toEqual([]);
    },
  );

  it.each(documented.filter((route) => route.method === 'get'))(
    '$name answers HEAD as GET',
    async ({ path }) => {
      const get = await app.request(fill(path), { headers: bearer });
      const head = await app.request(fill(path), { method: 'HEAD', headers: bearer });
      expect([head.status, await head.text()]).toEqual([get.status, '']);
    },
  );
});

describe('the service routes', () => {
  it('give OpenAPI 3.1 whose references all resolve', async () => {
    const text = await (await app.request('/openapi.json')).text();
    const components = z.looseObject({
      components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
    });
    const names = Object.keys(components.parse(JSON.parse(text)).components.schemas);
    const used = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] ?? '');
    expect(document.openapi).toBe('3.1.0');
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('show the document as a page that loads nothing and runs nothing', async () => {
    const response = await app.request('/docs');
    const page = await response.text();
    expect(page).toContain('/v2/{repository}/_trust/revocations/{digest}');
    expect(page).toContain('&lt;version&gt;.&lt;role&gt;.json');
    expect(page).not.toMatch(/<script|src=|https?:\/\//);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it.each([
    [true, 200],
    [false, 503],
  ])('answer /readyz when ready is %s with %i', async (ready, status) => {
    const { app: other } = serverForTest({ readiness: async () => ({ ready, checks: { database: 'ok' } }) });
    const response = await other.request('/readyz');
    expect([response.status, await response.json()]).toEqual([status, { ready, checks: { database: 'ok' } }]);
  });

  it('count requests by template, never by name', async () => {
    const { app: fresh } = serverForTest();
    await fresh.request(`/v2/${repository}/_trust/tags/1.0`, write('PUT', { digest, size: 1 }));
    await fresh.request(`/v2/${repository}/_trust/metadata/timestamp.json`);
    const text = await (await fresh.request('/metrics', { headers: bearer })).text();
    expect(text).toContain(
      'vidimus_http_requests_total{method="put",route="/v2/{repository}/_trust/tags/{tag}",status="200"} 1',
    );
    expect(text).toContain('vidimus_metadata_reads_total{status="404"} 1');
    expect(text).not.toContain(repository);
  });
});
