/** What a delegation may be called and which paths it may have. Where clients would differ, or nothing would follow, it is refused. */

import { NotaryError, toNotaryRole, toPathPrefix } from '@vidimus/notary';
import { DIRECTORY_NAME } from '@vidimus/reference';
import {
  assertPattern,
  assertRoleName,
  BINS_ROLE,
  coversPattern,
  type Delegation,
  type DialectName,
  REVOCATIONS_ROLE,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { isBinName } from './delegation-tree.ts';

/** Most segments of a role name: each is one more role that a look-up reads. */
export const MAX_DEPTH = 4;
/** Most path patterns of one delegation. */
export const MAX_PATHS = 64;
/** Clients visit 32 roles in one look-up and tuf-js not one more: two are left to `bins` and its bin, one to spare. */
export const MAX_DELEGATED_ROLES = 29;

const reserved: ReadonlySet<string> = new Set([
  'root',
  'targets',
  'snapshot',
  'timestamp',
  'mirrors',
  REVOCATIONS_ROLE,
  BINS_ROLE,
]);

/** What is wanted of a delegation. */
export interface WantedDelegation {
  readonly name: string;
  readonly paths: readonly string[];
  readonly terminating: boolean;
}

/** Where it is wanted. */
export interface DelegationPlace {
  readonly repository: string;
  readonly dialects: readonly DialectName[];
  /** What the delegator of its delegator says; absent below targets, which may hand over everything. */
  readonly parent?: Delegation | undefined;
}

/**
 * Every rule that needs no document of the role itself.
 * @throws TrustError BODY_INVALID, DIALECT_INEXPRESSIBLE; TufError EDIT_INVALID (ROLE_NAME, PATTERN)
 */
export function assertDelegation(wanted: WantedDelegation, place: DelegationPlace): void {
  assertDelegationName(wanted.name);
  assertPaths(wanted, place);
  if (place.dialects.length > 1) assertExpressibleInBoth(wanted);
}

/** @throws TrustError BODY_INVALID; TufError EDIT_INVALID (ROLE_NAME) */
export function assertDelegationName(name: string): void {
  assertRoleName(name);
  const segments = name.split('/');
  const taken = segments.find((segment) => reserved.has(segment) || isBinName(segment));
  if (taken !== undefined) {
    throw new TrustError('BODY_INVALID', `the name ${taken} is the repository's own`, { role: name });
  }
  if (segments.length > MAX_DEPTH) {
    throw new TrustError('BODY_INVALID', `a role is nested at most ${MAX_DEPTH} deep`, {
      role: name,
      most: MAX_DEPTH,
    });
  }
}

function assertPaths({ name, paths }: WantedDelegation, { repository, parent }: DelegationPlace): void {
  if (paths.length === 0 || paths.length > MAX_PATHS || new Set(paths).size !== paths.length) {
    throw new TrustError('BODY_INVALID', `a delegation has 1 to ${MAX_PATHS} different paths`, {
      role: name,
    });
  }
  for (const path of paths) {
    assertPattern(path);
    // Of digests speaks `revocations` alone.
    if (path.includes(':')) throw withoutEffect(name, path, 'no tag holds a colon');
    if (path.includes('/') && repository !== DIRECTORY_NAME) {
      throw withoutEffect(name, path, 'no tag holds a slash');
    }
    if (parent !== undefined && !(parent.paths ?? []).some((wide) => coversPattern(wide, path))) {
      throw withoutEffect(name, path, `${parent.name} has ${(parent.paths ?? []).join(', ')} to hand over`);
    }
  }
}

function withoutEffect(role: string, path: string, why: string): TrustError {
  return new TrustError('BODY_INVALID', `the path ${path} of ${role} would have no effect: ${why}`, {
    role,
    path,
    reason: 'PATH_WITHOUT_EFFECT',
  });
}

/** CONTRACTS C4. */
function assertExpressibleInBoth({ name, paths, terminating }: WantedDelegation): void {
  const path = paths.find((glob) => toPathPrefix(glob) === undefined);
  if (path !== undefined) {
    throw inexpressible(
      name,
      `the paths ${path}: in both dialects only * or a literal beginning and * can be said`,
    );
  }
  if (terminating) throw inexpressible(name, 'that a delegation is terminating');
  try {
    toNotaryRole(name);
  } catch (error) {
    if (!(error instanceof NotaryError)) throw error;
    throw inexpressible(name, 'such a name: its clients take a-z, 0-9, _ and -');
  }
}

function inexpressible(role: string, what: string): TrustError {
  return new TrustError('DIALECT_INEXPRESSIBLE', `the dialect notary cannot say ${what}`, {
    role,
    dialect: 'notary',
  });
}
