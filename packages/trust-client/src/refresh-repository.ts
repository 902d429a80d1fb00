/** One refresh of one repository: online, else from an unexpired cache, else within `staleFor`. */
import { type DialectName, type TrustedState, TufError } from '@vidimus/tuf';
import type { AnchorFile } from './anchor/anchor-file.ts';
import { chooseAnchor, dialectFor } from './anchor/choose-anchor.ts';
import { editAnchorFile, readAnchorFile, rememberFirstUse } from './anchor/pins.ts';
import { type CacheState, readState, rememberRefresh } from './cache/cache-state.ts';
import type { ClientCache, RepositoryCache } from './cache/client-cache.ts';
import type { Consultation, Directory } from './directory/directory.ts';
import type { Warn } from './drive.ts';
import { TrustClientError } from './errors.ts';
import type { HandoverPlace } from './handover/accept-handover.ts';
import { acceptCarried } from './handover/carried-handovers.ts';
import type { MetadataSource } from './http/metadata-source.ts';
import { createOfflineSource } from './offline-source.ts';
import { createSession, type Session } from './session.ts';
import type { RepositorySettings } from './settings.ts';
import { factsOf, firstExpiry, type TrustFacts } from './trust-facts.ts';

export interface RefreshRequest {
  readonly repository: string;
  readonly cache: ClientCache;
  readonly settings: RepositorySettings;
  /** The organisation's directory; absent for the directory itself. */
  readonly directory?: Directory;
  readonly connect: (server: Server) => Connection;
  readonly now: () => number;
  readonly warn: Warn;
  /**
   * A moment in the past at which everything still held, for whoever makes the documents that follow expired ones:
   * nothing is judged by it, and nothing remembered. Milliseconds.
   */
  readonly asOf?: number;
}

/** A trust server, and what it takes to be let in. */
export type Server = Pick<RepositorySettings, 'server' | 'token' | 'ca'>;

export interface Connection {
  /** The server's URL, ending in `/`. */
  readonly server: string;
  readonly source: (dialect: DialectName) => MetadataSource;
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

type Placed = Pick<RepositoryPlace, 'chosen' | 'consulted' | 'dialect' | 'server' | 'source'>;

interface Circumstances extends Placed, Omit<RefreshRequest, 'cache' | 'connect' | 'directory'> {
  readonly opened: RepositoryCache;
  readonly remembered: CacheState;
}

/** @throws TufError (judged and refused); TrustClientError */
export async function refreshRepository(request: RefreshRequest): Promise<Refreshed> {
  const { repository, settings } = request;
  const place = await acceptCarried(await findPlace(request), request.warn, (name) =>
    readAnchorFile(request.cache, name),
  );
  const { chosen, consulted, dialect, server, source, cache: opened } = place;
  const placed = { chosen, consulted, dialect, server, source, opened };
  const circumstances: Circumstances = { ...request, ...placed, remembered: await readState(opened) };
  try {
    return await refreshOnline(circumstances);
  } catch (error) {
    const reported = toReported(error, repository);
    if (!isOutage(reported) || settings.online === true) throw reported;
    return await refreshOffline(circumstances, reported);
  }
}

/** Where a repository is read, and what its trust starts from. */
export interface RepositoryPlace extends HandoverPlace {
  /** The server's URL, ending in `/`. */
  readonly server: string;
  readonly consulted: Consultation | undefined;
}

/**
 * Asks the directory first: without its answer nothing can be said about the repository.
 * @throws TufError, TrustClientError
 */
export async function findPlace(request: RefreshRequest): Promise<RepositoryPlace> {
  const { repository, settings } = request;
  const consulted = await request.directory?.consult(repository);
  const kept = await readAnchorFile(request.cache, repository);
  const dialect = dialectFor(settings, kept, consulted);
  const cache = await request.cache.open(repository, dialect);
  const { server, source } = request.connect(serverFor(settings, consulted, kept));
  const place = {
    repository,
    dialect,
    cache,
    kept,
    consulted,
    server,
    directory: consulted,
    configured: settings.anchor,
    foreign: settings.foreign ?? false,
    source: source(dialect),
    now: request.now(),
  };
  const firstUseConfirmed = settings.firstUseConfirmed ?? false;
  return { ...place, chosen: chooseAnchor({ ...place, firstUseConfirmed }) };
}

/**
 * The server that somebody named for this repository, else the directory's word, else that of the file it was pinned
 * by. A token goes to its server alone.
 */
function serverFor(
  settings: RepositorySettings,
  consulted: Consultation | undefined,
  kept: AnchorFile | undefined,
): Server {
  const named = consulted?.entry?.trustServer ?? kept?.server;
  const ca = settings.ca ?? consulted?.file.ca ?? kept?.ca;
  const trust = ca === undefined ? {} : { ca };
  if (settings.isUsualServer !== true || named === undefined) return { ...settings, ...trust };
  const token = consulted?.tokenFor(named);
  return { server: named, ...trust, ...(token === undefined ? {} : { token }) };
}

/** Where the chain began that the directory's keys are part of: from there it goes on, whatever the entry becomes. */
async function rememberDirectory(circumstances: Circumstances, state: TrustedState): Promise<void> {
  const { chosen, opened, dialect, consulted, repository } = circumstances;
  const isBegun = chosen.anchor.kind !== 'named' || chosen.anchor.from !== undefined;
  const root = state.roots[0]?.envelope.bytes;
  if (isBegun || root === undefined) return;
  const recovery = consulted?.entry?.recovery;
  await editAnchorFile(
    opened,
    (file): AnchorFile => ({
      ...(file ?? { repository, dialect }),
      directory: file?.directory ?? { dialect, root, ...(recovery && { recovery }) },
    }),
  );
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
  const { opened, chosen, remembered, source, asOf } = circumstances;
  const session = sessionOver(circumstances, source);
  const { lastSeen, lastIssued } = remembered;
  const times = asOf === undefined ? { now: circumstances.now(), lastSeen, lastIssued } : { now: asOf };
  const state = await session.refresh(times);
  // Only now, when a whole refresh from it has held, is a first use taken.
  const first = state.roots[0];
  if (asOf !== undefined) return past(circumstances, state, session);
  if (chosen.anchor.kind === 'firstUse' && first !== undefined) {
    await rememberFirstUse(opened, session.dialect, first.envelope.bytes);
    circumstances.warn('FIRST_USE', { version: first.document.version });
  }
  await rememberDirectory(circumstances, state);
  await rememberRefresh(opened, { now: state.now, issued: state.timestamp.document.binding.issued });
  const facts = { ...basicFacts(circumstances, state), refreshedAt: state.now, offline: false, stale: false };
  return { state, facts, session, cache: opened, remembered };
}

function past(circumstances: Circumstances, state: TrustedState, session: Session): Refreshed {
  const { opened, remembered } = circumstances;
  const facts = { ...basicFacts(circumstances, state), offline: false, stale: true };
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

function basicFacts({ server, chosen, consulted }: Circumstances, state: TrustedState) {
  const name = consulted?.name;
  const directory = consulted && { root: consulted.facts.versions.root, ...(name && { name }) };
  return {
    server,
    dialect: state.dialect.name,
    anchor: chosen.kind,
    ...(chosen.kind === 'directory' && directory ? { directory } : {}),
    ...factsOf(state),
  } as const;
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
