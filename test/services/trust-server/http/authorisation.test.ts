/**
 * Who may do what: every route the service has, for every role, on a repository of the caller's and on another, and for
 * nobody in particular. The routes are those the API's document lists; one without a line in the table fails.
 */
import {
  createAuthenticator,
  createOwnRegistryTokens,
  type GrantableRole,
  grantableRoleSchema,
  hashToken,
  type StoredToken,
  type TokenRole,
} from '@vidimus/access';
import {
  createTrustServer,
  type NotaryService,
  type NotaryWireParts,
  TrustError,
  type TrustService,
} from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { change, codeOf, digest, serverParts, startMs } from '../trust-server-for-test.ts';

const all: readonly GrantableRole[] = grantableRoleSchema.options;
const admin = ['admin'] as const;

/** Who may call a route. `anybody` shows no credential; `everywhere` asks for globs that admit every repository. */
type Rule = 'anybody' | readonly GrantableRole[] | { readonly everywhere: readonly GrantableRole[] };

const table: Readonly<Record<string, Rule>> = {
  'GET /healthz': 'anybody',
  'GET /readyz': 'anybody',
  'GET /openapi.json': 'anybody',
  'GET /docs': 'anybody',
  'GET /metrics': ['auditor', 'admin'],
  'GET /v2/{repository}/_trust/metadata/{file}': 'anybody',
  'GET /v2/{repository}/_trust/targets/{file}': 'anybody',

  'GET /v2/{repository}/_trust': all,
  'PUT /v2/{repository}/_trust': admin,
  'PATCH /v2/{repository}/_trust': admin,
  'DELETE /v2/{repository}/_trust': admin,
  'POST /v2/{repository}/_trust/imports': admin,
  'POST /v2/{repository}/_trust/recovery': admin,

  'GET /v2/{repository}/_trust/tags': all,
  'POST /v2/{repository}/_trust/tags': ['signer', 'admin'],
  'GET /v2/{repository}/_trust/tags/{tag}': all,
  'PUT /v2/{repository}/_trust/tags/{tag}': ['signer', 'admin'],
  'DELETE /v2/{repository}/_trust/tags/{tag}': ['signer', 'revoker', 'admin'],
  'GET /v2/{repository}/_trust/tags/{tag}/history': ['auditor', 'admin'],

  'GET /v2/{repository}/_trust/roles': all,
  'GET /v2/{repository}/_trust/roles/{role}': all,
  'PATCH /v2/{repository}/_trust/roles/{role}': admin,
  'POST /v2/{repository}/_trust/roles/{role}/rotations': admin,
  'GET /v2/{repository}/_trust/delegations': all,
  'GET /v2/{repository}/_trust/delegations/{role}': all,
  'PUT /v2/{repository}/_trust/delegations/{role}': admin,
  'DELETE /v2/{repository}/_trust/delegations/{role}': admin,

  'GET /v2/{repository}/_trust/keys': all,
  'GET /v2/{repository}/_trust/keys/{key}': all,
  'GET /v2/{repository}/_trust/keys/{key}/impact': all,
  'POST /v2/{repository}/_trust/keys/{key}/revocation': admin,

  'GET /v2/{repository}/_trust/revocations': all,
  'GET /v2/{repository}/_trust/revocations/{digest}': all,
  'PUT /v2/{repository}/_trust/revocations/{digest}': ['revoker', 'admin'],
  'DELETE /v2/{repository}/_trust/revocations/{digest}': ['revoker', 'admin'],

  'GET /v2/{repository}/_trust/changes': all,
  'GET /v2/{repository}/_trust/changes/{id}': all,
  'POST /v2/{repository}/_trust/changes/{id}/signatures': ['signer', 'approver', 'admin'],
  'POST /v2/{repository}/_trust/changes/{id}/approvals': ['approver', 'admin'],
  'DELETE /v2/{repository}/_trust/changes/{id}': ['signer', 'revoker', 'approver', 'admin'],
  'GET /v2/{repository}/_trust/audit': ['auditor', 'admin'],

  'GET /v2/{repository}/_trust/entries': all,
  'GET /v2/{repository}/_trust/entries/{pattern}': all,
  'PUT /v2/{repository}/_trust/entries/{pattern}': admin,
  'DELETE /v2/{repository}/_trust/entries/{pattern}': admin,

  'GET /v2/_trust/repositories': all,
  'GET /v2/_trust/changes': all,
  'GET /v2/_trust/audit': ['auditor', 'admin'],
  'GET /v2/_trust/keys/{key}': all,
  'GET /v2/_trust/keys/{key}/impact': all,
  'POST /v2/_trust/keys/{key}/revocation': admin,
  'GET /v2/_trust/jobs/{id}': all,
  'GET /v2/_trust/tokens': all,
  'POST /v2/_trust/tokens': admin,
  'DELETE /v2/_trust/tokens/{id}': all,

  // The Notary wire: `pull`, `push` and `*` of a registry's clients.
  'GET /v2/': { everywhere: all },
  'GET /v2/{repository}/_trust/tuf/{file}': 'anybody',
  'POST /v2/{repository}/_trust/tuf/{file}': admin,
  'POST /v2/{repository}/_trust/tuf/': ['signer', 'admin'],
  'DELETE /v2/{repository}/_trust/tuf/': admin,
  'GET /v2/{repository}/_trust/changefeed': 'anybody',
  'GET /v2/_trust/changefeed': { everywhere: all },
  'GET /v2/_trust/registry-token': 'anybody',
  'GET /_notary_server/health': 'anybody',
};

const own = 'registry.example.com/shop/web';
const foreign = 'registry.example.com/shopping/web';
const roles: readonly TokenRole[] = [...all, 'bootstrap'];
const values: Readonly<Record<string, string>> = {
  tag: '1.4.2',
  role: 'targets',
  pattern: 'registry.example.com%2Fshop%2F**',
  digest,
  id: '01JDQ8M4',
  key: 'ab'.repeat(32),
  file: 'timestamp.json',
};
const fill = (path: string, repository: string): string =>
  path.replace(/\{(\w+)\}/g, (_all, name: string) =>
    name === 'repository' ? repository : (values[name] ?? 'x'),
  );

const tokenOf = (role: TokenRole, everywhere = false): string =>
  `vdm_${role}${everywhere ? '-everywhere' : ''}`;
const rows = new Map(
  roles.flatMap((role) =>
    [false, true].map((everywhere): [string, StoredToken] => {
      const hash = hashToken(tokenOf(role, everywhere));
      const repositories = everywhere ? ['**'] : ['registry.example.com/shop/**'];
      return [
        hash,
        { id: `${role}-${everywhere}`, name: role, hash, role, repositories, createdAt: startMs },
      ];
    }),
  ),
);

/** Whatever is asked of it is not there: an answer that only who was let in can get. */
function absent<Service extends object>(service: Service, present: Partial<Service> = {}): Service {
  return new Proxy(service, {
    get: (target, name) =>
      Reflect.get(present, name) ??
      (name === 'recordRefusal' || name === 'readMetadata' || name === 'readiness'
        ? Reflect.get(target, name)
        : async () => {
            throw new TrustError('REPOSITORY_UNKNOWN', 'nothing is here');
          }),
  });
}

const notaryService: NotaryService = {
  readNotary: () => undefined,
  updateNotary: async () => undefined,
  notaryKey: async () => ({}),
  endNotary: async () => undefined,
  readChangefeed: async () => [],
  hasRepository: async () => false,
};

function serve(present: Partial<TrustService> = {}): Hono {
  const parts = serverParts();
  const notary: NotaryWireParts = {
    service: absent(notaryService),
    access: 'token',
    gunPrefixes: [],
    tokens: createOwnRegistryTokens(new Uint8Array(32).fill(9), () => startMs),
  };
  const tokens = { findByHash: async (hash: string) => rows.get(hash), insertFirst: async () => false };
  const authenticator = createAuthenticator({ tokens, now: () => startMs });
  return createTrustServer({ ...parts, service: absent(parts.service, present), authenticator, notary });
}

const app = serve();
const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
const { paths } = documentSchema.parse(await (await app.request('/openapi.json')).json());
const routes = Object.entries(paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => ({
    method: method.toUpperCase(),
    path,
    name: `${method.toUpperCase()} ${path}`,
  })),
);

async function isLetIn(on: Hono, method: string, path: string, token: string | undefined): Promise<boolean> {
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const { status } = await on.request(path, { method, headers });
  return ![401, 403, 429].includes(status);
}

describe('every route', () => {
  it('has a line in the table, and every line a route', () => {
    expect(Object.keys(table).sort()).toEqual(routes.map(({ name }) => name).sort());
  });

  it.each(routes)('$name admits who may, and nobody else', async ({ name, method, path }) => {
    const rule = table[name] ?? [];
    const may = rule === 'anybody' ? roles : 'everywhere' in rule ? rule.everywhere : rule;
    const everywhere = typeof rule === 'object' && 'everywhere' in rule;
    const isOfOne = path.includes('{repository}');
    const fresh = serve();
    const got: string[] = [];
    const expected: string[] = [];
    const ask = async (who: string, token: string | undefined, repository: string, isAllowed: boolean) => {
      const where = fill(path, repository).replace(
        method === 'POST' ? '/timestamp.json' : '//',
        '/timestamp.key',
      );
      if (await isLetIn(fresh, method, where, token)) got.push(`${who} ${repository}`);
      if (isAllowed) expected.push(`${who} ${repository}`);
    };
    await ask('nobody', undefined, own, rule === 'anybody');
    await ask('a stranger', 'vdm_unknown', own, rule === 'anybody' && !refusesStrangers(path));
    for (const role of roles) {
      const isIn = may.includes(role) || (name === 'POST /v2/_trust/tokens' && role === 'bootstrap');
      const token = tokenOf(role, everywhere);
      await ask(role, token, own, isIn || answersAnyCredential(name));
      if (!isOfOne) continue;
      await ask(role, token, foreign, rule === 'anybody');
      if (everywhere) continue;
      await ask(`${role} everywhere`, tokenOf(role, true), foreign, isIn);
    }
    expect(got).toEqual(expected);
  });
});

it('a key of the service is for who may publish', async () => {
  const path = `/v2/${own}/_trust/tuf/timestamp.key`;
  const may = await Promise.all(roles.map((role) => isLetIn(serve(), 'GET', path, tokenOf(role))));
  expect(roles.filter((_role, index) => may[index])).toEqual(['signer', 'admin']);
  expect(await isLetIn(serve(), 'GET', path, undefined)).toBe(false);
});

/** On the wire of registry clients a credential that is not good is never taken for none, except where files are read. */
function refusesStrangers(path: string): boolean {
  return path === '/v2/_trust/registry-token';
}

/** The ping only says whether a credential is good; what it reaches shows later. */
function answersAnyCredential(name: string): boolean {
  return name === 'GET /v2/';
}

describe('what only the body shows', () => {
  const tag = { digest, size: 1 };
  const write = (role: TokenRole, method: string, path: string, body: unknown, on = app) =>
    on.request(path, {
      method,
      headers: { Authorization: `Bearer ${tokenOf(role, true)}` },
      body: JSON.stringify(body),
    });
  const directory = '/v2/_directory/_trust/tags';

  it.each<[TokenRole, string | undefined, boolean]>([
    ['policy', 'policies', true],
    ['policy', 'exceptions', true],
    ['policy', 'revocations', false],
    ['policy', 'targets', false],
    ['policy', undefined, false],
    ['signer', 'policies', false],
    ['signer', undefined, false],
    ['approver', 'policies', false],
    ['admin', 'policies', true],
    ['admin', undefined, true],
  ])('in the directory %s signs in role %s: %s', async (role, delegation, isAllowed) => {
    const named = delegation === undefined ? {} : { role: delegation };
    const answers = [
      await write(role, 'PUT', `${directory}/bundle`, { ...tag, ...named }),
      await write(role, 'POST', directory, { ...named, sign: [{ tag: 'bundle', ...tag }] }),
    ];
    for (const answer of answers) {
      expect(await codeOf(answer)).toBe(isAllowed ? '404 REPOSITORY_UNKNOWN' : '403 DENIED');
    }
  });

  it('lets a signer end a change of their own, and an approver one of somebody else', async () => {
    const of = (createdBy: string) =>
      serve({ readChange: async () => ({ ...change, createdBy }), rejectChange: async () => change });
    const path = `/v2/${own}/_trust/changes/${change.id}`;
    const reject = async (role: TokenRole, createdBy: string) => {
      const headers = { Authorization: `Bearer ${tokenOf(role, true)}` };
      return (await of(createdBy).request(path, { method: 'DELETE', headers })).status;
    };
    expect(await reject('signer', 'token:signer-true')).toBe(200);
    expect(await reject('signer', 'token:somebody')).toBe(403);
    expect(await reject('revoker', 'token:somebody')).toBe(403);
    expect(await reject('approver', 'token:somebody')).toBe(200);
    expect(await reject('admin', 'token:somebody')).toBe(200);
  });
});
