/** One repository's workflow over a cache and a source; what every client of it shares. */
import {
  type Anchor,
  type DialectName,
  type Listing,
  type LookUp,
  listTargets,
  lookUp,
  lookUpRole,
  type RefreshInput,
  refresh,
  type Signed,
  type Targets,
  type TrustedState,
  type Workflow,
} from '@vidimus/tuf';
import type { MetadataCache } from './cache/metadata-cache.ts';
import { dialectOf } from './dialects.ts';
import { drive, Superseded, type Warn } from './drive.ts';
import { TrustClientError } from './errors.ts';
import type { MetadataSource } from './http/metadata-source.ts';
import { type PresentState, readPresent } from './present-state.ts';

/** How often a refresh starts again because another process was faster. */
const MAX_RESTARTS = 8;

export interface SessionOptions {
  /** Normalised name; only compared with what documents say, never a path. */
  readonly repository: string;
  /** Default `tuf`. */
  readonly dialect?: DialectName;
  readonly cache: MetadataCache;
  readonly source: MetadataSource;
  readonly anchor: Anchor;
  readonly foreign: boolean;
  readonly maxTimestampLifetimeMs?: number;
  readonly warn: Warn;
}

/** Milliseconds since 1970. */
export interface RefreshTimes {
  readonly now: number;
  readonly lastSeen?: number | undefined;
  /** When the newest timestamp accepted before was issued. */
  readonly lastIssued?: number | undefined;
}

/** A session keeps nothing between calls: the state is the caller's. */
export interface Session {
  readonly dialect: DialectName;
  /**
   * Walks from the anchor to the newest state.
   * @param time the clock, and what is remembered of earlier refreshes
   * @throws TufError, TrustClientError
   */
  refresh(time: RefreshTimes): Promise<TrustedState>;
  /** Undefined: no role vouches for the path. @throws TufError, TrustClientError */
  lookUp(state: TrustedState, path: string): Promise<LookUp>;
  /** A role of targets by name; undefined: targets does not delegate it. @throws TufError, TrustClientError */
  lookUpRole(state: TrustedState, role: string): Promise<Signed<Targets> | undefined>;
  /** Everything the repository vouches for. @throws TufError LIMIT, TrustClientError */
  list(state: TrustedState): Promise<Listing>;
  /** What the next documents follow. @throws TufError LIMIT, TrustClientError */
  present(state: TrustedState, bins: ReadonlySet<string>): Promise<PresentState>;
}

export function createSession(options: SessionOptions): Session {
  const { cache, source, warn } = options;
  const dialect = dialectOf(options.dialect ?? 'tuf');
  const run = <Result>(workflow: Workflow<Result>, whenSuperseded: 'restart' | 'keep'): Promise<Result> =>
    drive(workflow, { cache: cache.begin(), source, warn, whenSuperseded });

  return {
    dialect: dialect.name,
    async refresh({ now, lastSeen, lastIssued }) {
      const input: RefreshInput = {
        dialect,
        repository: options.repository,
        now,
        anchor: options.anchor,
        foreign: options.foreign,
        ...(options.maxTimestampLifetimeMs === undefined
          ? {}
          : { maxTimestampLifetimeMs: options.maxTimestampLifetimeMs }),
        ...(lastSeen === undefined ? {} : { lastSeenMs: lastSeen }),
        ...(lastIssued === undefined ? {} : { lastIssuedMs: lastIssued }),
      };
      for (let restarts = 0; restarts <= MAX_RESTARTS; restarts += 1) {
        try {
          return await run(refresh(input), 'restart');
        } catch (error) {
          if (!(error instanceof Superseded)) throw error;
        }
      }
      throw new TrustClientError('CACHE_BUSY', `the cache of ${options.repository} keeps changing`);
    },
    lookUp: (state, path) => run(lookUp(state, path), 'keep'),
    lookUpRole: (state, role) => run(lookUpRole(state, role), 'keep'),
    list: (state) => run(listTargets(state), 'keep'),
    present: (state, bins) => run(readPresent(state, bins), 'keep'),
  };
}
