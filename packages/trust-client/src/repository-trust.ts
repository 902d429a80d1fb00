/** One repository for one client: refresh, then answers from the state that held. */
import type { DialectName, FoundTarget, Listing, Root } from '@vidimus/tuf';
import { rememberVerified, wasVerified } from './cache/cache-state.ts';
import { type DelegatedRole, delegatedRoles } from './delegated-roles.ts';
import { TrustClientError } from './errors.ts';
import { createHttpClient } from './http/http-client.ts';
import type { HttpLimits } from './http/http-limits.ts';
import { createHttpSource, type MetadataSource } from './http/metadata-source.ts';
import { type Refreshed, type RefreshRequest, refreshRepository } from './refresh-repository.ts';
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
  /** Every tag that is vouched for (when stale: and was looked up before), and every role. @throws as `refresh` */
  list(): Promise<Listing>;
  /** Who may sign below targets. @throws as `refresh` */
  delegations(): Promise<readonly DelegatedRole[]>;
  /** The newest root that held, for whoever makes the next document from it. @throws as `refresh` */
  root(): Promise<Root>;
  /** Closes idle connections. */
  close(): void;
}

export interface OpenOptions extends Omit<RefreshRequest, 'server' | 'source'> {
  readonly httpLimits: Partial<HttpLimits>;
}

/** The metadata of `repository`, below a server's URL that ends in `/`; in the `notary` dialect where its clients look. */
export function metadataUrl(server: string, repository: string, dialect: DialectName = 'tuf'): string {
  return `${server}v2/${repository}/_trust/${dialect === 'tuf' ? 'metadata' : 'tuf'}/`;
}

/** @throws TrustClientError OPTIONS_INVALID */
export function openRepository(options: OpenOptions): RepositoryTrust {
  const { repository, settings } = options;
  const http = createHttpClient({
    server: settings.server,
    limits: options.httpLimits,
    ...(settings.token === undefined ? {} : { token: settings.token }),
    ...(settings.ca === undefined ? {} : { ca: settings.ca }),
  });
  const source = (dialect: DialectName): MetadataSource =>
    createHttpSource(http, metadataUrl(http.server, repository, dialect), dialect);
  const request: RefreshRequest = { ...options, server: http.server, source };
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
    close: () => http.close(),
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
    async delegations() {
      const { session, state } = await ready();
      return delegatedRoles(state, await session.list(state));
    },
    root: async () => (await ready()).state.root.document,
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
