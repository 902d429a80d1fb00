/** The use cases of keys: where each is listed, what its revocation would break, and the revocation itself. */
import type {
  FleetImpact,
  FleetKey,
  Job,
  KeyDetail,
  KeyImpact,
  KeyRevoked,
  RevokeKey,
} from './schemas/index.ts';
import type { Call, Outcome, Page, PageRequest } from './service.ts';

/** Whether a caller's globs admit a repository. */
export type MayAccess = (repository: string) => boolean;

/** Whom a caller may act on. */
export interface Reach {
  readonly mayAccess: MayAccess;
  /** Every repository that there may ever be. */
  readonly mayAccessAll: boolean;
}

/** What a revocation is asked to do beside taking the key out. */
export type RevocationWish = Pick<RevokeKey, 'replacement' | 'threshold' | 'force'>;

/** A key is named by any of its ids, 64 hex digits, never shortened: a unique prefix today may mean two keys tomorrow. */
export interface KeyService {
  /** Also those that no role lists any more. */
  listKeys(repository: string, page: PageRequest): Promise<Page<KeyDetail>>;
  /** @throws TrustError KEY_UNKNOWN */
  readKey(repository: string, id: string): Promise<KeyDetail>;
  /** @throws TrustError KEY_UNKNOWN, KEY_INVALID, CUSTODY_INVALID */
  readKeyImpact(repository: string, id: string, wish: RevocationWish): Promise<KeyImpact>;
  /** @throws TrustError KEY_UNKNOWN, KEY_INVALID, CUSTODY_INVALID, WOULD_BREAK, IMPACT_CHANGED, CHANGE_CONFLICT */
  revokeKey(call: Call, repository: string, id: string, body: RevokeKey): Promise<Outcome<KeyRevoked>>;

  /** Over the live repositories that the caller may read. @throws TrustError KEY_UNKNOWN */
  readFleetKey(
    id: string,
    mayRead: MayAccess,
    page: PageRequest,
  ): Promise<FleetKey & { readonly next?: string }>;
  /** @throws TrustError KEY_UNKNOWN, KEY_INVALID */
  readFleetImpact(
    id: string,
    wish: RevocationWish,
    mayRead: MayAccess,
    page: PageRequest,
  ): Promise<FleetImpact & { readonly next?: string }>;
  /**
   * Revokes a key wherever it is listed, as a job; asked again while that runs, it is the same job.
   * In a dry run nothing is stored, and the answer is the impact.
   * @throws TrustError KEY_UNKNOWN, KEY_INVALID, IMPACT_CHANGED
   */
  revokeKeyEverywhere(
    call: Call,
    id: string,
    body: RevokeKey,
    reach: Reach,
  ): Promise<{ readonly job: Job } | { readonly impact: FleetImpact }>;
  /** @throws TrustError METADATA_UNKNOWN */
  readJob(id: string, mayRead: MayAccess): Promise<Job>;
}
