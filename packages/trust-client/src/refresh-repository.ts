/** One refresh of one repository: online, else from an unexpired cache, else within `staleFor`. */
import { type DialectName, type TrustedState, TufError } from '@vidimus/tuf';
import { type ChosenAnchor, chooseAnchor, dialectFor } from './anchor/choose-anchor.ts';
import { readAnchorFile, rememberFirstUse } from './anchor/pins.ts';
import { type CacheState, readState, rememberRefresh } from './cache/cache-state.ts';
import type { ClientCache, RepositoryCache } from './cache/client-cache.ts';
import type { Warn } from './drive.ts';
import { TrustClientError } from './errors.ts';
import type { MetadataSource } from './http/metadata-source.ts';
import { createOfflineSource } from './offline-source.ts';
import { createSession, type Session } from './session.ts';
import type { RepositorySettings } from './settings.ts';
import { factsOf, firstExpiry, type TrustFacts } from './trust-facts.ts';

export interface RefreshRequest {
  readonly repository: string;
  readonly cache: ClientCache;
  readonly settings: RepositorySettings;
  /** The server's URL, ending in `/`. */
  readonly server: string;
  readonly source: (dialect: DialectName) => MetadataSource;
  readonly now: () => number;
  readonly warn: Warn;
}

/** What a refresh leaves behind for the look-ups after it. */
export interface Refreshed {
  readonly state: TrustedState;
  readonly facts: TrustFacts;
  readonly session: Session;
  readonly cache: RepositoryCache;
  /** What the cache remembered before this refresh. */
  readonly remembered: CacheState;
}

interface Circumstances extends RefreshRequest {
  readonly dialect: DialectName;
  readonly opened: RepositoryCache;
  readonly chosen: ChosenAnchor;
  readonly remembered: CacheState;
}

/** @throws TufError (judged and refused); TrustClientError */
export async function refreshRepository(request: RefreshRequest): Promise<Refreshed> {
  const { repository, settings } = request;
  const kept = await readAnchorFile(request.cache, repository);
  const dialect = dialectFor(settings, kept);
  const opened = await request.cache.open(repository, dialect);
  const chosen = chooseAnchor({
    repository,
    dialect,
    configured: settings.anchor,
    kept,
    firstUseConfirmed: settings.firstUseConfirmed ?? false,
  });
  const circumstances = { ...request, dialect, opened, chosen, remembered: await readState(opened) };
  try {
    return await refreshOnline(circumstances);
  } catch (error) {
    const reported = toReported(error, repository);
    if (!isOutage(reported) || settings.online === true) throw reported;
    return await refreshOffline(circumstances, reported);
  }
}

/**
 * Not reached, or a 5xx: the service or what stands before it is down, and verified data goes on until it expires.
 * Whoever can forge that could as well drop the connection. Any other odd answer is refused.
 */
function isOutage(error: unknown): error is TrustClientError {
  if (!(error instanceof TrustClientError)) return false;
  const { reason, status } = error.detail;
  return error.code === 'UNREACHABLE' || (reason === 'status' && typeof status === 'number' && status >= 500);
}

async function refreshOnline(circumstances: Circumstances): Promise<Refreshed> {
  const { dialect, opened, chosen, remembered, source } = circumstances;
  const session = sessionOver(circumstances, source(dialect));
  const { lastSeen, lastIssued } = remembered;
  const state = await session.refresh({ now: circumstances.now(), lastSeen, lastIssued });
  // Only now, when a whole refresh from it has held, is a first use taken.
  const first = state.roots[0];
  if (chosen.anchor.kind === 'firstUse' && first !== undefined) {
    await rememberFirstUse(opened, session.dialect, first.envelope.bytes);
    circumstances.warn('FIRST_USE', { version: first.document.version });
  }
  await rememberRefresh(opened, { now: state.now, issued: state.timestamp.document.binding.issued });
  const facts = { ...basicFacts(circumstances, state), refreshedAt: state.now, offline: false, stale: false };
  return { state, facts, session, cache: opened, remembered };
}

/** @param why what kept the server away; thrown when the cache does not help */
async function refreshOffline(circumstances: Circumstances, why: TrustClientError): Promise<Refreshed> {
  const { opened, remembered, settings } = circumstances;
  const session = sessionOver(circumstances, createOfflineSource(opened.metadata, why));
  const { refreshedAt, lastSeen } = remembered;
  const now = circumstances.now();
  const done = (state: TrustedState, stale: boolean): Refreshed => {
    circumstances.warn(stale ? 'STALE' : 'OFFLINE', { expires: firstExpiry(state), reason: why.message });
    const since = refreshedAt === undefined ? {} : { refreshedAt };
    const until = stale ? { staleUntil: firstExpiry(state) + (settings.staleForMs ?? 0) } : {};
    const facts = { ...basicFacts(circumstances, state), ...since, ...until, offline: true, stale };
    return { state, facts, session, cache: opened, remembered };
  };

  const fresh = await attempt(session, { now, lastSeen }, why);
  if (fresh !== undefined) return done(fresh, false);
  const staleForMs = settings.staleForMs ?? 0;
  if (staleForMs > 0 && refreshedAt !== undefined) {
    // As of the last refresh everything held; since then only time has passed, and so much is allowed.
    const asOf = await attempt(session, { now: refreshedAt }, why);
    const latest = Math.max(now, lastSeen);
    if (asOf !== undefined && latest < firstExpiry(asOf) + staleForMs) return done(asOf, true);
  }
  throw why;
}

/** The cached state, or undefined where the cache alone does not hold. */
async function attempt(
  session: Session,
  time: { readonly now: number; readonly lastSeen?: number },
  why: TrustClientError,
): Promise<TrustedState | undefined> {
  try {
    return await session.refresh(time);
  } catch (error) {
    if (error instanceof TufError || error === why) return undefined;
    throw error;
  }
}

function sessionOver(circumstances: Circumstances, source: MetadataSource): Session {
  const { repository, dialect, opened, chosen, settings, warn } = circumstances;
  const { maxTimestampLifetimeMs } = settings;
  return createSession({
    repository,
    dialect,
    cache: opened.metadata,
    source,
    anchor: chosen.anchor,
    foreign: settings.foreign ?? false,
    warn,
    ...(maxTimestampLifetimeMs === undefined ? {} : { maxTimestampLifetimeMs }),
  });
}

function basicFacts({ server, chosen }: Circumstances, state: TrustedState) {
  return { server, dialect: state.dialect.name, anchor: chosen.kind, ...factsOf(state) } as const;
}

/** Two findings of the workflow get the names that a person who asked for a repository can act on. */
function toReported(error: unknown, repository: string): unknown {
  if (!(error instanceof TufError)) return error;
  const extra = { cause: error, detail: { repository } };
  const role = error.detail['role'];
  if (error.code === 'MISSING' && (role === 'timestamp' || role === 'root')) {
    const hint = `if it should have: vidimus init ${repository}`;
    return new TrustClientError('NO_TRUST_DATA', `the server has no trust data for ${repository}`, {
      ...extra,
      hint,
    });
  }
  if (error.code !== 'ANCHOR') return error;
  return new TrustClientError('ANCHOR_MISMATCH', `${repository}: ${error.message}`, extra);
}
