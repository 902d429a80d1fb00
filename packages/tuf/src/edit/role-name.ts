/** Names and patterns on which every TUF client agrees (python fnmatch, Go filepath.Match, minimatch, ours). */
import { editInvalid } from './edit-error.ts';

const MAX_NAME_LENGTH = 128;
const topLevel: ReadonlySet<string> = new Set(['root', 'targets', 'snapshot', 'timestamp', 'mirrors']);

/** tuf-js reorders names that look like integers; a leading letter in every segment excludes them, `.` and `..`. */
const namePattern = /^[A-Za-z][A-Za-z0-9_.-]*(\/[A-Za-z][A-Za-z0-9_.-]*)*$/;
const safePattern = /^[A-Za-z0-9._/*?:-]+$/;

/**
 * Checks the name of a delegated role that an edit introduces.
 * @throws TufError EDIT_INVALID (ROLE_NAME)
 */
export function assertRoleName(name: string): void {
  if (topLevel.has(name) || name.length > MAX_NAME_LENGTH || !namePattern.test(name)) {
    throw editInvalid('ROLE_NAME', 'a delegated role is named with ASCII letters, digits and _ . - /', {
      role: name.slice(0, MAX_NAME_LENGTH),
    });
  }
}

/**
 * Checks a path pattern: braces, brackets, negation and hidden segments mean different things to different clients.
 * @throws TufError EDIT_INVALID (PATTERN)
 */
export function assertPattern(pattern: string): void {
  const hidden = pattern.split('/').some((segment) => segment.startsWith('.') || segment === '');
  if (!safePattern.test(pattern) || hidden || pattern.length > MAX_NAME_LENGTH * 2) {
    throw editInvalid('PATTERN', 'a path pattern uses ASCII letters, digits and . _ / * ? : -', {
      pattern: pattern.slice(0, MAX_NAME_LENGTH),
    });
  }
}
