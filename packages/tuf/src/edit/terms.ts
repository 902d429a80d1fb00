/** What every new document carries: its repository, role, time, lifetime and the one version it may have. */
import type { Binding } from '../model.ts';
import { editInvalid } from './edit-error.ts';

/** Shortest and longest life of a document. */
export const MIN_LIFETIME_MS = 1_000;
export const MAX_LIFETIME_MS = 3_650 * 86_400_000;

/** Years beyond 9999 do not fit the format's dates. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** The circumstances of one edit; the same for every document it makes. */
export interface EditTerms {
  /** Normalised repository name, host included. */
  readonly repository: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Lifetime by role name; a role that is not named lives as long as `targets`. */
  readonly lifetimesMs: ReadonlyMap<string, number>;
  /**
   * The highest version ever stored, by role, earlier incarnations of the repository included.
   * A role that is absent never existed. No versioned URL may ever have two contents.
   */
  readonly highest: ReadonlyMap<string, number>;
  /** Versions of roles that are not in `highest` begin above this: a restored service does not know which there were. */
  readonly floor?: number;
}

export interface Stamp {
  readonly version: number;
  readonly expires: number;
  readonly binding: Binding;
}

/**
 * Version, expiry and binding of the next document of a role.
 * @throws TufError EDIT_INVALID (TERMS) for a time or lifetime out of range
 */
export function stamp(terms: EditTerms, role: string): Stamp {
  const issued = wholeSeconds(terms.nowMs);
  const lifetime = lifetimeOf(terms, role);
  const expires = issued + wholeSeconds(lifetime);
  const version = (terms.highest.get(role) ?? terms.floor ?? 0) + 1;
  if (!Number.isSafeInteger(terms.nowMs) || terms.nowMs < 0 || expires > MAX_TIME_MS) {
    throw editInvalid('TERMS', 'the time of the edit is out of range', { role });
  }
  if (!Number.isSafeInteger(version) || version < 1) {
    throw editInvalid('TERMS', 'there is no next version', { role, version });
  }
  return { version, expires, binding: { repository: terms.repository, role, issued } };
}

/** The lifetime a document of `role` gets, milliseconds. @throws TufError EDIT_INVALID (TERMS) */
export function lifetimeOf(terms: Pick<EditTerms, 'lifetimesMs'>, role: string): number {
  const lifetime = terms.lifetimesMs.get(role) ?? terms.lifetimesMs.get('targets');
  if (lifetime === undefined || !Number.isSafeInteger(lifetime)) {
    throw editInvalid('TERMS', `no lifetime for role ${role}`, { role });
  }
  if (lifetime < MIN_LIFETIME_MS || lifetime > MAX_LIFETIME_MS) {
    throw editInvalid('TERMS', `role ${role} must live between 1 second and 3650 days`, { role });
  }
  return lifetime;
}

/** The format has no fractions of a second: they are cut off. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
