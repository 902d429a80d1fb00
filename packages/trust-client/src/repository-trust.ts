/** One repository for one client: refresh, then answers from the state that held. */
import {
  type DialectName,
  type FoundTarget,
  type Listing,
  type Root,
  type Targets,
  TufError,
} from '@vidimus/tuf';
import { rememberVerified, wasVerified } from './cache/cache-state.ts';
import { type DelegatedRole, delegatedRoles } from './delegated-roles.ts';
import { TrustClientError } from './errors.ts';
import { acceptHandover, type CheckedHandover, checkHandover } from './handover/accept-handover.ts';
import { createHttpClient, type HttpClient } from './http/http-client.ts';
import type { HttpLimits } from './http/http-limits.ts';
import { createHttpSource } from './http/metadata-source.ts';
import type { PresentState } from './present-state.ts';
import {
  type Connection,
  findPlace,
  type Refreshed,
  type RefreshRequest,
  refreshRepository,
  type Server,
} from './refresh-repository.ts';
import { type RevocationList, toRevocationList } from './revocation-list.ts';
import { firstExpiry, type TrustFacts } from './trust-facts.ts';

export interface RepositoryTrust {
  readonly repository: string;
  /**
   * Brings the state up to date; callers at the same time share one refresh.
   * @throws TufError (judged and refused); TrustClientError (see README)
   */
  refresh(): Promise<TrustFacts>;
  /** What the last refresh established; undefined before the first. */
  readonly state: TrustFacts | undefined;
  /**
   * The digest that is vouched for as `tag`, and by whom; undefined: nobody vouches for it. Refreshes first
   * if that has not happened, or if what it found has expired since.
   * @throws as `refresh`
   */
  lookUp(tag: string): Promise<FoundTarget | undefined>;
  /** The role `revocations`, by name; the `notary` dialect has none. @throws as `refresh` */
  lookUpRevocations(): Promise<RevocationList>;
  /** The organisation's list, from the directory; undefined: none is pinned here. Never throws for bad evidence. */
  lookUpOrganisationRevocations(): Promise<RevocationList | undefined>;
  /** Every tag that is vouched for (when stale: and was looked up before), and every role. @throws as `refresh` */
  list(): Promise<Listing>;
  /** Who may sign below targets. @throws as `refresh` */
  delegations(): Promise<readonly DelegatedRole[]>;
  /** The newest root that held, for whoever makes the next document from it. @throws as `refresh` */
  root(): Promise<Root>;
  /**
   * The newest documents, for whoever makes the next ones: refreshed from the server, never from the cache alone. What
   * has expired is read as of when it still held, with the warning EXPIRED: it must be possible to sign it anew.
   * @param bins names of bins to read
   * @throws as `refresh`
   */
  present(bins?: ReadonlySet<string>): Promise<PresentState>;
  /** The newest top-level targets that held. @throws as `refresh` */
  targets(): Promise<Targets>;
  /**
   * Looks at a hand-over of this repository: what it leaves, where it leads, who signed. Nothing is changed.
   * @throws TufError, TrustClientError ANCHOR_MISMATCH
   */
  checkHandover(statement: Uint8Array): Promise<CheckedHandover>;
  /** Takes up the root that a hand-over leads to; a person was asked. @throws as `checkHandover` */
  acceptHandover(statement: Uint8Array): Promise<CheckedHandover>;
  /** Closes idle connections. */
  close(): void;
}

export interface OpenOptions extends Omit<RefreshRequest, 'connect'> {
  readonly httpLimits: Partial<HttpLimits>;
}

/** The metadata of `repository`, below a server's URL that ends in `/`; in the `notary` dialect where its clients look. */
export function metadataUrl(server: string, repository: string, dialect: DialectName = 'tuf'): string {
  return `${server}v2/${repository}/_trust/${dialect === 'tuf' ? 'metadata' : 'tuf'}/`;
}

/** @throws TrustClientError OPTIONS_INVALID */
export function openRepository(options: OpenOptions): RepositoryTrust {
  const { repository, settings } = options;
  /** By server as it was named; more than one only where the directory named another meanwhile. */
  const connections = new Map<string, HttpClient>();
  const connect = ({ server, token, ca }: Server): Connection => {
    const http =
      connections.get(server) ??
      createHttpClient({
        server,
        limits: options.httpLimits,
        ...(token === undefined ? {} : { token }),
        ...(ca === undefined ? {} : { ca }),
      });
    connections.set(server, http);
    return {
      server: http.server,
      source: (dialect) => createHttpSource(http, metadataUrl(http.server, repository, dialect), dialect),
    };
  };
  // A setting that makes no sense is told now, and not after the first request.
  if (settings.isUsualServer !== true) connect(settings);
  const request: RefreshRequest = { ...options, connect };
  const graceMs = settings.staleForMs ?? 0;
  /** Owned by this object: the last refresh that held, and the one under way. */
  let current: Refreshed | undefined;
  let underWay: Promise<Refreshed> | undefined;

  const refresh = async (): Promise<Refreshed> => {
    underWay ??= refreshRepository(request).finally(() => {
      underWay = undefined;
    });
    current = await underWay;
    return current;
  };
  const ready = async (): Promise<Refreshed> => {
    const stands = current !== undefined && options.now() < firstExpiry(current.state);
    return current !== undefined && stands ? current : await refresh();
  };

  return {
    repository,
    close() {
      for (const http of connections.values()) http.close();
    },
    refresh: async () => (await refresh()).facts,
    get state() {
      return current?.facts;
    },
    async lookUp(tag) {
      const refreshed = await ready();
      const found = await refreshed.session.lookUp(refreshed.state, tag);
      if (found === undefined) return undefined;
      if (refreshed.facts.stale) assertGrace(refreshed, found, options.now(), graceMs);
      else if (graceMs > 0) await rememberVerified(refreshed.cache, tag, digestOf(found));
      return found;
    },
    async lookUpRevocations() {
      const { state, session, facts } = await ready();
      if (session.dialect === 'notary') return { status: 'absent', because: 'dialect' };
      const list = await toRevocationList(() => session.lookUpRole(state, 'revocations'), state.foreign);
      const isOver = facts.stale && list.status === 'known' && options.now() >= list.expires + graceMs;
      return isOver ? { status: 'unknown', code: 'EXPIRED', message: 'revocations is expired' } : list;
    },
    async lookUpOrganisationRevocations() {
      return await options.directory?.revocations();
    },
    async delegations() {
      const { session, state } = await ready();
      return delegatedRoles(state, await session.list(state));
    },
    root: async () => (await ready()).state.root.document,
    targets: async () => (await ready()).state.targets.document,
    checkHandover: async (statement) => await checkHandover(await findPlace(request), statement),
    async acceptHandover(statement) {
      const place = await findPlace(request);
      const checked = await checkHandover(place, statement);
      await acceptHandover(place, checked);
      return checked;
    },
    async present(bins = new Set()) {
      const { session, state } = await refreshEvenExpired(request);
      return session.present(state, bins);
    },
    async list() {
      const refreshed = await ready();
      const listing = await refreshed.session.list(refreshed.state);
      if (!refreshed.facts.stale) return listing;
      const now = options.now();
      return {
        ...listing,
        targets: listing.targets.filter((found) => isInGrace(refreshed, found, now, graceMs)),
      };
    },
  };
}

/** One root, targets, snapshot and timestamp: as often can something turn out to have expired before. */
const MAX_STEPS_BACK = 4;

async function refreshEvenExpired(request: RefreshRequest): Promise<Refreshed> {
  const online: RefreshRequest = { ...request, settings: { ...request.settings, online: true } };
  let asOf: number | undefined;
  for (let steps = 0; ; steps += 1) {
    try {
      return await refreshRepository({ ...online, ...(asOf === undefined ? {} : { asOf }) });
    } catch (error) {
      if (!(error instanceof TufError) || error.code !== 'EXPIRED' || steps === MAX_STEPS_BACK) throw error;
      const { role, expires } = error.detail;
      if (typeof expires !== 'number') throw error;
      request.warn('EXPIRED', { role: String(role), expires });
      asOf = expires - 1;
    }
  }
}

/** Beyond expiry only what this client verified before, and only for the grace configured. */
function isInGrace({ remembered }: Refreshed, found: FoundTarget, now: number, graceMs: number): boolean {
  const isKnown = wasVerified(remembered, found.target.path, digestOf(found));
  return isKnown && found.chain.every((link) => now < link.expires + graceMs);
}

function assertGrace(refreshed: Refreshed, found: FoundTarget, now: number, graceMs: number): void {
  if (isInGrace(refreshed, found, now, graceMs)) return;
  throw new TrustClientError('UNREACHABLE', 'the cache is expired, and the server cannot be reached', {
    detail: { tag: found.target.path, cause: 'stale' },
  });
}

/** Algorithm and hex of all hashes, as one text. */
function digestOf(found: FoundTarget): string {
  return [...found.target.hashes].map(([algorithm, hex]) => `${algorithm}:${hex}`).join(' ');
}
