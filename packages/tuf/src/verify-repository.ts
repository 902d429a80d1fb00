/** A whole repository as its clients will judge it: the last look before publishing, and the first after a restore. */
import type { Anchor } from './anchor.ts';
import type { Dialect } from './dialect.ts';
import { drive } from './drive.ts';
import { TufError } from './errors.ts';
import { type Listing, listTargets } from './list-targets.ts';
import { refresh } from './refresh.ts';
import type { TrustedState } from './trusted-state.ts';
import type { CacheFile, Reply, Step } from './workflow.ts';

/** Gives the file of a role: one version of root, the current version of any other. */
export type ReadFile = (role: string, version: number | undefined) => Uint8Array | undefined;

export interface RepositoryCheck {
  readonly dialect: Dialect;
  readonly repository: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly anchor: Anchor;
  readonly foreign: boolean;
  /** The files to judge. */
  readonly next: ReadFile;
  /** The files of the state before, which a client may have: nothing may roll back from them. */
  readonly previous?: (file: CacheFile) => Uint8Array | undefined;
}

/**
 * Runs the client workflow over files in memory, and verifies every delegated role.
 * @throws TufError with what the first client would refuse
 */
export function verifyRepository(check: RepositoryCheck): {
  readonly state: TrustedState;
  readonly listing: Listing;
} {
  const { next, previous, ...input } = check;
  const cache = new Map<string, Uint8Array | undefined>();
  const answer = (step: Step): Reply => {
    if (step.do === 'fetch') return next(step.role, step.version);
    if (step.do === 'warn') return undefined;
    const name = JSON.stringify([step.file.role, step.file.version]);
    if (step.do === 'load') return cache.has(name) ? cache.get(name) : previous?.(step.file);
    cache.set(name, step.do === 'store' ? step.bytes : undefined);
    return undefined;
  };
  const state = drive(refresh(input), answer);
  const listing = drive(listTargets(state), answer);
  for (const { result } of listing.roles) if (result instanceof TufError) throw result;
  for (const { error } of listing.refused) throw error;
  return { state, listing };
}
