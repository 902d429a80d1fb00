/** `vidimus serve`: composes the trust service in one process and runs it until it is told to stop. */
import { type Database, openDatabase } from '@vidimus/database';
import { createWrappedKeyStore } from '@vidimus/key-store';
import {
  createAuthenticator,
  createFreshnessMetrics,
  createIdempotencyStore,
  createTokenStore,
  createTrustServer,
  createTrustService,
  type Log,
  pinMasterKeys,
  type TrustObserver,
} from '@vidimus/trust-server';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { newId } from '../client/identifiers.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { programVersion } from '../version.ts';
import { createFetchManifest } from './fetch-manifest.ts';
import { makeFirstToken } from './first-token.ts';
import { listen } from './listen.ts';
import { readMasterKeys } from './master-keys.ts';
import { isLoopback, readServeSettings, type ServeFlags, type ServeSettings } from './serve-settings.ts';

/** Resolves after SIGTERM or SIGINT, when running publishes have ended. @throws what keeps it from starting */
export async function serve(context: Context, flags: ServeFlags): Promise<ExitCode> {
  const { environment, random, now, stopped } = context.world;
  const settings = readServeSettings(flags, environment);
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  const ending: (() => unknown)[] = [];
  try {
    const database = await open(settings, log);
    ending.push(() => database.close());
    const masters = await readMasterKeys({
      environment,
      dataDirectory: settings.databaseUrl === undefined ? settings.dataDirectory : undefined,
      random,
    });
    await pinMasterKeys(database, masters);
    warnAboutEmbedded(settings, log);

    const { root } = masters;
    const registry = new Registry();
    const service = createTrustService({
      database,
      keyStore: createWrappedKeyStore({
        random,
        now,
        master: masters.service,
        ...(root === undefined ? {} : { rootMaster: root }),
      }),
      now,
      randomBytes: random,
      schedule: later,
      observer: observe(log, registry),
    });
    ending.push(() => service.stop());
    const manifests = createFetchManifest(settings);
    ending.push(() => manifests.close());
    const adminToken = environment['VIDIMUS_ADMIN_TOKEN'];
    const app = createTrustServer({
      service,
      authenticator: createAuthenticator({
        tokens: createTokenStore(database),
        now,
        ...(adminToken ? { adminToken } : {}),
      }),
      idempotency: createIdempotencyStore(database, now),
      fetchManifest: manifests.fetch,
      now,
      newRequestId: () => newId(now(), random),
      log,
      version: programVersion,
      publicReads: true,
      registry,
    });
    await service.start();
    await makeFirstToken(context, database, settings.dataDirectory);
    const listening = await listen(settings, app.fetch, now());
    ending.push(() => listening.close());
    announce(context, settings.publicUrl ?? listening.url);
    log.info({ signal: await stopped }, 'stopping');
    return exitCodes.done;
  } finally {
    for (const end of ending.reverse()) await end();
  }
}

function open(settings: ServeSettings, log: Log): Promise<Database> {
  const source =
    settings.databaseUrl === undefined
      ? { directory: settings.dataDirectory }
      : { url: settings.databaseUrl };
  return openDatabase(source, { warn: ({ code, message }) => log.warn({ code }, message) });
}

function later(work: () => void, delayMs: number): () => void {
  const timer = setTimeout(work, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}

/** Metrics count; the log says what somebody should act on. */
function observe(log: Log, registry: Registry): TrustObserver {
  const metrics = createFreshnessMetrics(registry);
  return {
    ...metrics,
    failed(repository, error) {
      metrics.failed?.(repository, error);
      log.error({ repository, err: error }, 'trust data could not be renewed');
    },
    blocked(repository, roles) {
      metrics.blocked?.(repository, roles);
      log.warn({ repository, roles }, 'not renewed: the role above has expired');
    },
    roundFailed(error) {
      metrics.roundFailed?.(error);
      log.error({ err: error }, 'the database could not be asked what is due');
    },
  };
}

function warnAboutEmbedded(settings: ServeSettings, log: Log): void {
  if (settings.databaseUrl !== undefined || isLoopback(settings.host)) return;
  log.warn(
    { database: 'embedded', host: settings.host },
    'the embedded database is for evaluation and single sites: set DATABASE_URL to run on PostgreSQL',
  );
}

function announce(context: Context, url: string): void {
  if (context.options.json === true) context.json({ event: 'listening', url, services: ['trust'] });
  else context.terminal.out(`vidimus: listening on ${url}`);
}
