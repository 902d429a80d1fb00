/** A trust server on a socket, beside a registry that it may contact: what stock TUF clients download from. */
import { getRequestListener } from '@hono/node-server';
import { createAuthenticator, createTokenStore } from '@vidimus/access';
import { createIdempotencyStore, createTrustServer } from '@vidimus/trust-server';
import { createFetchManifest } from '../../../packages/cli/src/serve/fetch-manifest.ts';
import { openCore, startMs } from '../../services/trust-server/core/core-for-test.ts';
import { openEmbeddedForTest } from '../../support/database-embedded.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../../support/registry-memory.ts';
import { startServer } from '../../support/registry-server.ts';

const TOKEN = `vdm_${'a'.repeat(43)}`;

export interface LiveServer {
  readonly origin: string;
  readonly registry: MemoryRegistry;
  /** Time of the service, milliseconds since 1970. */
  readonly clock: { nowMs: number };
  /** Renews what is past half-life, as the service does in the background. */
  readonly renew: () => Promise<unknown>;
  /** A call of the REST API below `/v2/<repository>/_trust`. @throws when it is refused */
  readonly call: (method: string, tail: string, body?: unknown) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

export async function startLiveServer(): Promise<LiveServer> {
  const registry = await startMemoryRegistry();
  const opened = await openEmbeddedForTest();
  const clock = { nowMs: startMs };
  const { service } = openCore(opened.database, { clock, seed: 'tuf-js' });
  const now = (): number => clock.nowMs;
  await service.start();
  const manifests = createFetchManifest({
    dataDirectory: opened.directory,
    databaseUrl: undefined,
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    publicUrl: undefined,
    service: {
      access: 'token',
      gunPrefixes: [],
      oidc: [],
      approvals: { rules: [] },
      rotation: {},
      registries: { [registry.host]: {} },
    },
    configFile: undefined,
  });
  const silent = (): void => undefined;
  const app = createTrustServer({
    service,
    authenticator: createAuthenticator({ tokens: createTokenStore(opened.database), adminToken: TOKEN, now }),
    idempotency: createIdempotencyStore(opened.database, now),
    fetchManifest: manifests.fetch,
    now,
    newRequestId: () => 'request',
    log: { info: silent, warn: silent, error: silent },
    version: '1.0.0',
    publicReads: true,
  });
  const server = await startServer(getRequestListener(app.fetch));
  return {
    origin: server.origin,
    registry,
    clock,
    renew: () => service.renew(),
    async call(method, tail, body) {
      const path = `${server.origin}/v2/${registry.repository}/_trust${tail}`;
      const answer = await fetch(path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${tail}: ${answer.status} ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    },
    async close() {
      await server.close();
      manifests.close();
      await service.stop();
      await opened.close();
      await registry.close();
    },
  };
}
