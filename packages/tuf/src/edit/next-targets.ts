/** The next document of targets, of a bin, or of `revocations`. */
import { DIRECTORY_NAME } from '@vidimus/reference';
import type { Draft } from '../dialect.ts';
import { toDirectoryEntry } from '../directory/entry.ts';
import { TufError } from '../errors.ts';
import type { Target, Targets } from '../model.ts';
import { editInvalid } from './edit-error.ts';
import { assertRevocationTarget, assertTagTarget } from './target-rules.ts';
import { type EditTerms, stamp } from './terms.ts';

/** Entries to write and paths to take away; an entry replaces the one of the same path. */
export interface TargetEdits {
  readonly set?: readonly Target[];
  readonly remove?: readonly string[];
}

/** Name of the delegation that lists revoked digests. */
export const REVOCATIONS_ROLE = 'revocations';
/** Most entries of one document. */
export const MAX_TARGETS_PER_ROLE = 20_000;

/**
 * The next document of a role that lists tags; top-level targets of the directory lists its entries instead.
 * @throws TufError EDIT_INVALID (TARGET, SIZE, TERMS)
 */
export function nextTargets(
  role: string,
  previous: Targets,
  edits: TargetEdits,
  terms: EditTerms,
): Draft<Targets> {
  const isDirectory = terms.repository === DIRECTORY_NAME && role === 'targets';
  const assertTarget = isDirectory ? assertDirectoryTarget : assertTagTarget;
  for (const target of edits.set ?? []) assertTarget(target);
  return next(role, previous, edits, terms);
}

/**
 * The next document of `revocations`.
 * @throws TufError EDIT_INVALID (TARGET, SIZE, TERMS)
 */
export function nextRevocations(previous: Targets, edits: TargetEdits, terms: EditTerms): Draft<Targets> {
  for (const target of edits.set ?? []) assertRevocationTarget(target);
  return next(REVOCATIONS_ROLE, previous, edits, terms);
}

/** An empty document of a delegated role. @throws TufError EDIT_INVALID (TERMS) */
export function emptyTargets(role: string, terms: EditTerms): Draft<Targets> {
  return { kind: 'targets', ...stamp(terms, role), targets: new Map() };
}

/** @throws TufError EDIT_INVALID (TARGET) */
function assertDirectoryTarget(target: Target): void {
  try {
    toDirectoryEntry(target);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    throw editInvalid('TARGET', `no entry of the directory: ${error.message}`, {
      path: target.path.slice(0, 200),
    });
  }
}

function next(role: string, previous: Targets, edits: TargetEdits, terms: EditTerms): Draft<Targets> {
  const targets = new Map(previous.targets);
  for (const path of edits.remove ?? []) targets.delete(path);
  for (const target of edits.set ?? []) targets.set(target.path, target);
  if (targets.size > MAX_TARGETS_PER_ROLE) {
    throw editInvalid('SIZE', `role ${role} would list ${targets.size} entries`, {
      role,
      most: MAX_TARGETS_PER_ROLE,
    });
  }
  return {
    kind: 'targets',
    ...stamp(terms, role),
    targets,
    ...(previous.delegations === undefined ? {} : { delegations: previous.delegations }),
    fields: previous.fields,
  };
}
