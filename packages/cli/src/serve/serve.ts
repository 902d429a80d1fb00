/** `vidimus serve`: composes the trust service in one process and runs it until it is told to stop. */
import {
  type Authenticator,
  createAuthenticator,
  createTokenStore,
  createTokenUses,
  type TokenUses,
} from '@vidimus/access';
import { type Database, openDatabase } from '@vidimus/database';
import { createWrappedKeyStore } from '@vidimus/key-store';
import {
  createFreshnessMetrics,
  createIdempotencyStore,
  createOutlookMetrics,
  createTrustServer,
  createTrustService,
  type Log,
  pinMasterKeys,
  type TrustObserver,
} from '@vidimus/trust-server';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { CliError } from '../cli-error.ts';
import { newId } from '../client/identifiers.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { programVersion } from '../version.ts';
import { readAccess } from './access-settings.ts';
import { createFetchManifest } from './fetch-manifest.ts';
import { makeFirstToken } from './first-token.ts';
import { listen, readTls } from './listen.ts';
import { type MasterKeyParts, readMasterKeys } from './master-keys.ts';
import { readTokenServer, toNotaryWire } from './notary-wire.ts';
import { openRemoteSigner } from './remote-signer.ts';
import { startRewrapping } from './rewrapping.ts';
import {
  isLoopback,
  readServeSettings,
  type ServeFlags,
  type ServeSettings,
  toDatabaseSource,
} from './serve-settings.ts';
import { toStartFailure } from './start-failure.ts';
import { developmentTls } from './tls-dev.ts';

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
    // What can be refused without a trace comes before anything is made or asked.
    const tls = await readTls(settings, now());
    const tokenServer = await readTokenServer(settings, now);
    const keyParts: MasterKeyParts = { environment, random, dataDirectory: undefined };
    const given = settings.databaseUrl === undefined ? undefined : await readMasterKeys(keyParts);
    const { configFile } = settings;
    const access = readAccess(settings.service, { configFile, hasTls: settings.tls !== undefined, now });
    const database = await open(settings, log);
    ending.push(() => database.close());
    const development = await developmentTls(context, settings);
    const masters = given ?? (await readMasterKeys({ ...keyParts, dataDirectory: settings.dataDirectory }));
    await pinMasterKeys(database, masters);
    warnAboutEmbedded(settings, log);

    const { root } = masters;
    const registry = new Registry();
    const { service: previous, root: previousRoot } = masters.previous ?? {};
    const keyStore = createWrappedKeyStore({
      random,
      now,
      master: masters.service,
      ...(root === undefined ? {} : { rootMaster: root }),
      retiring: [previous, previousRoot].filter((key) => key !== undefined),
    });
    const remoteKeys = await openRemoteSigner(environment);
    ending.push(() => remoteKeys?.close());
    const service = createTrustService({
      database,
      keyStore,
      ...(remoteKeys === undefined ? {} : { remoteKeys }),
      now,
      randomBytes: random,
      schedule: later,
      observer: observe(log, registry),
      approvals: access.approvals,
      rotation: new Map(Object.entries(settings.service.rotation)),
    });
    ending.push(() => service.stop());
    const manifests = createFetchManifest(settings);
    ending.push(() => manifests.close());
    const uses = createTokenUses(database, now, (error) =>
      log.warn({ err: error }, 'the use of a token could not be written down'),
    );
    ending.push(() => uses.idle());
    const app = createTrustServer({
      service,
      authenticator: authenticate(context, database, uses),
      oidc: access.oidc,
      ...(access.certificates === undefined ? {} : { certificates: access.certificates }),
      idempotency: createIdempotencyStore(database, now),
      fetchManifest: manifests.fetch,
      now,
      newRequestId: () => newId(now(), random),
      log,
      version: programVersion,
      // Who may pull is the token server's to say, where there is one: nobody reads around it.
      publicReads: tokenServer === undefined,
      registry,
      notary: { service, ...toNotaryWire(settings, tokenServer, masters.service, now) },
    });
    await service.start();
    ending.push(startRewrapping({ database, keyStore, masters, later, log }));
    await makeFirstToken(context, database, settings.dataDirectory);
    const listening = await listen(
      settings,
      tls ?? development?.material,
      app.fetch,
      access.clientAuthorities,
    );
    ending.push(() => listening.close());
    announce(context, settings.publicUrl ?? listening.url);
    development?.tell(settings.publicUrl ?? listening.url);
    log.info({ signal: await stopped }, 'stopping');
    return exitCodes.done;
  } catch (error) {
    throw toStartFailure(error);
  } finally {
    for (const end of ending.reverse()) await end();
  }
}

function open(settings: ServeSettings, log: Log): Promise<Database> {
  return openDatabase(toDatabaseSource(settings), {
    warn: ({ code, message }) => log.warn({ code }, message),
  });
}

/** @throws CliError USAGE for a token that no header can carry */
function authenticate({ world }: Context, database: Database, uses: TokenUses): Authenticator {
  const adminToken = world.environment['VIDIMUS_ADMIN_TOKEN'];
  const tokens = createTokenStore(database);
  try {
    const onUse = uses.record;
    return createAuthenticator({ tokens, now: world.now, onUse, ...(adminToken ? { adminToken } : {}) });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CliError('USAGE', exitCodes.usage, `VIDIMUS_ADMIN_TOKEN: ${cause.message}`, undefined, {
      cause,
    });
  }
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
    ...createOutlookMetrics(registry),
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
