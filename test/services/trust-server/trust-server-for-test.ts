/**
 * A trust server whose use cases are a small memory: for tests of HTTP behaviour alone, where what the core
 * does with a valid request does not matter. Everything of HTTP is real.
 */
import { createHash } from 'node:crypto';
import { createAuthenticator, type StoredToken } from '@vidimus/access';
import {
  type Change,
  createTrustServer,
  type IdempotencyStore,
  type Log,
  type Refusal,
  TrustError,
  type TrustServerParts,
  type TrustService,
} from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { z } from 'zod';

export const repository = 'registry.example.com/shop/web';
export const base = `/v2/${repository}/_trust`;
export const token = `vdm_${'a'.repeat(43)}`;
export const bearer = { Authorization: `Bearer ${token}` };
export const digest = `sha256:${'9f'.repeat(32)}`;
export const tagBody = { digest, size: 1234 };
export const startMs = Date.UTC(2026, 10, 21, 9);

export interface ServerForTest {
  readonly app: Hono;
  /** Names of the use cases called, with what they were called with. */
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[];
  readonly clock: { nowMs: number };
  /** Refused calls, of which events are written. */
  readonly refusals: Refusal[];
  /** Warnings and errors. */
  readonly logged: string[];
  /** What the log says of edits. */
  readonly edits: string[];
  readonly tokens: Map<string, StoredToken>;
}

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** @param overrides - use cases that answer otherwise */
export function serverForTest(
  overrides: Partial<TrustService> = {},
  parts: Partial<TrustServerParts> = {},
): ServerForTest {
  const calls: ServerForTest['calls'] = [];
  const refusals: Refusal[] = [];
  const clock = { nowMs: startMs };
  const logged: string[] = [];
  const edits: string[] = [];
  const tokens = new Map<string, StoredToken>([[sha256(token), administrator({})]]);
  let requests = 0;
  const log: Log = {
    info: (fields, message) => edits.push(`${message} ${JSON.stringify(fields)}`),
    warn: (fields, message) => logged.push(`${message} ${String(fields['err'])}`),
    error: (fields, message) => logged.push(`${message} ${String(fields['err'])}`),
  };
  const app = createTrustServer({
    service: recording({ ...memoryService(), ...overrides }, calls, refusals),
    authenticator: createAuthenticator({
      tokens: { findByHash: async (hash) => tokens.get(hash), insertFirst: async () => false },
      now: () => clock.nowMs,
    }),
    idempotency: memoryIdempotency(),
    fetchManifest: async () => undefined,
    now: () => clock.nowMs,
    newRequestId: () => `made-${++requests}`,
    log,
    version: '1.2.3',
    publicReads: true,
    ...parts,
  });
  return { app, calls, refusals, clock, logged, edits, tokens };
}

export const administrator = (fields: Partial<StoredToken>): StoredToken => ({
  id: 't1',
  name: 'test',
  hash: sha256(token),
  role: 'admin',
  repositories: ['**'],
  createdAt: startMs,
  ...fields,
});

/** A write with a JSON body and the token. */
export const write = (method: string, body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method,
  headers: { ...bearer, 'Content-Type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

const errorsSchema = z.strictObject({ errors: z.array(z.object({ code: z.string() })) });

/** The first error's code, after a look at the status. */
export async function codeOf(response: Response): Promise<string> {
  const { errors } = errorsSchema.parse(await response.json());
  return `${response.status} ${errors[0]?.code}`;
}

export const change: Change = {
  id: '01JDQ8M4',
  repository,
  state: 'open',
  kind: 'create',
  edit: { method: 'PUT', path: base, body: null },
  times: { issued: '2026-11-21T09:00:00Z', expires: {} },
  summary: 'create',
  diff: [],
  createdBy: 'token:t1',
  createdAt: '2026-11-21T09:00:00Z',
  expiresAt: '2026-11-28T09:00:00Z',
  base: {},
  documents: [],
};

/** Parts of a server whose use cases are a memory, for tests that look at something beside them. */
export function serverParts(): TrustServerParts {
  return {
    service: memoryService(),
    authenticator: { authenticate: async () => undefined },
    idempotency: memoryIdempotency(),
    fetchManifest: async () => undefined,
    now: () => startMs,
    newRequestId: () => 'made-1',
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    version: '1.2.3',
    publicReads: true,
  };
}

function recording(service: TrustService, calls: ServerForTest['calls'], refusals: Refusal[]): TrustService {
  const recordRefusal = async (refusal: Refusal): Promise<void> => {
    refusals.push(refusal);
  };
  return new Proxy(service, {
    get(target, name, receiver) {
      if (name === 'recordRefusal') return recordRefusal;
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => {
        calls.push({ name: String(name), args });
        return Reflect.apply(method, target, args);
      };
    },
  });
}

function memoryService(): TrustService {
  const tags = new Map([['1.4.2', digest]]);
  const publish = { published: { targets: 2, snapshot: 2, timestamp: 2 } };
  const unknown = async (): Promise<never> => {
    throw new TrustError('REPOSITORY_UNKNOWN', 'no such repository');
  };
  return {
    readMetadata: () => undefined,
    findTarget: async () => undefined,
    listEntries: unknown,
    readEntry: unknown,
    putEntry: unknown,
    deleteEntry: unknown,
    readEntryFile: async () => undefined,
    listKeys: unknown,
    readKey: unknown,
    readKeyImpact: unknown,
    revokeKey: unknown,
    readFleetKey: unknown,
    readFleetImpact: unknown,
    revokeKeyEverywhere: unknown,
    readJob: unknown,
    readRepository: unknown,
    createRepository: async () => ({ outcome: 'change', change }),
    importRepository: unknown,
    recoverRepository: unknown,
    addDialects: unknown,
    endRepository: unknown,
    listTags: async () => ({
      items: [...tags].map(([tag, of]) => ({ tag, digest: of, size: 1, role: 'targets' })),
      next: '1.4.2',
    }),
    readTag: unknown,
    readTagHistory: async () => ({ items: [] }),
    putTag: async (_call, _repository, tag, body) => ({
      outcome: 'done',
      body: {
        tag,
        digest: body.digest,
        size: body.size,
        role: 'targets',
        versions: publish.published,
        ...publish,
      },
      impact: { diff: [], versions: publish.published },
    }),
    deleteTag: async (_call, _repository, tag) => {
      if (!tags.has(tag)) throw new TrustError('TAG_UNKNOWN', 'no such tag', { tag });
      return { outcome: 'done', body: { tag, ...publish } };
    },
    editTags: async () => ({ outcome: 'done', body: { signed: [], revoked: [], ...publish } }),
    createToken: unknown,
    listTokens: async () => ({ items: [] }),
    revokeToken: unknown,
    listDelegations: async () => ({ items: [] }),
    readDelegation: unknown,
    putDelegation: unknown,
    removeDelegation: unknown,
    listRoles: async () => [],
    readRole: unknown,
    rotateRole: unknown,
    patchRole: unknown,
    listRevocations: async () => ({ items: [] }),
    readRevocation: async () => undefined,
    revokeDigest: async () => ({ outcome: 'done', body: { ...publish, tags: [], stillServed: [] } }),
    liftRevocation: unknown,
    listChanges: async () => ({ items: [change] }),
    listAllChanges: async () => ({ items: [change] }),
    readChange: async () => change,
    signChange: async () => change,
    approveChange: async () => change,
    rejectChange: async () => ({ ...change, state: 'rejected' }),
    readAudit: async () => ({ items: [] }),
    recordRefusal: async () => undefined,
    listRepositories: async () => ({
      items: [],
      summary: { repositories: 0, ok: 0, expiring: 0, pendingChanges: 0 },
    }),
    readiness: async () => ({ ready: true, checks: { database: 'ok' } }),
  };
}

function memoryIdempotency(): IdempotencyStore {
  const rows = new Map<string, { hash: string; answer?: Parameters<IdempotencyStore['finish']>[1] }>();
  const keyOf = (scope: object): string => JSON.stringify(scope);
  return {
    async begin(scope, hash) {
      const row = rows.get(keyOf(scope));
      if (row === undefined) {
        rows.set(keyOf(scope), { hash });
        return { state: 'begun' };
      }
      if (row.hash !== hash) return { state: 'otherRequest' };
      return row.answer === undefined ? { state: 'inProgress' } : { state: 'answered', answer: row.answer };
    },
    async finish(scope, answer) {
      rows.set(keyOf(scope), { hash: rows.get(keyOf(scope))?.hash ?? '', answer });
    },
    async abandon(scope) {
      rows.delete(keyOf(scope));
    },
  };
}
