/** Which delegations a target path falls under, and who may sign a delegated role. */
import { sha256Hex } from '@vidimus/crypto';
import { binOf } from './edit/bins.ts';
import type { Delegation, RoleKeys, Targets } from './model.ts';
import { matchesPattern } from './path-pattern.ts';
import { isBinOf } from './succinct-roles.ts';

type Scope = Pick<Delegation, 'paths' | 'pathHashPrefixes' | 'pathPrefixes'>;

/** A delegated role as a search meets it. */
export interface Candidate {
  readonly name: string;
  readonly terminating: boolean;
}

/**
 * The delegations of one document that a path falls under, in order, up to and with the first terminating one.
 * @throws TufError MALFORMED for an ambiguous pattern
 * @see TUF 5.6.7.2, TAP 15
 */
export function delegationsFor(document: Targets, path: string): readonly Candidate[] {
  const { delegations } = document;
  if (delegations === undefined) return [];
  // The reference implementations treat bins as terminating; nothing can follow them.
  if (delegations.succinct !== undefined)
    return [{ name: binOf(delegations.succinct, path), terminating: true }];
  const pathHash = hashOf(path);
  const candidates: Candidate[] = [];
  for (const { name, terminating, ...scope } of delegations.roles) {
    if (!isInside(scope, path, pathHash)) continue;
    candidates.push({ name, terminating });
    if (terminating) break;
  }
  return candidates;
}

/** Tells whether a path is among those a delegation hands over. @throws TufError MALFORMED for an ambiguous pattern */
export function matchesDelegation(delegation: Scope, path: string): boolean {
  return isInside(delegation, path, hashOf(path));
}

/** Who may sign a role that `document` delegates to; undefined when it does not (attack T35). */
export function delegationOf(document: Targets, name: string): RoleKeys | undefined {
  const { delegations } = document;
  if (delegations === undefined) return undefined;
  const { succinct, roles } = delegations;
  if (succinct !== undefined) return isBinOf(succinct, name) ? succinct : undefined;
  return roles.find((role) => role.name === name);
}

function isInside(
  { paths, pathHashPrefixes, pathPrefixes }: Scope,
  path: string,
  pathHash: () => string,
): boolean {
  if (pathPrefixes?.some((prefix) => path.startsWith(prefix))) return true;
  if (paths?.some((pattern) => matchesPattern(pattern, path))) return true;
  return pathHashPrefixes?.some((prefix) => pathHash().startsWith(prefix)) ?? false;
}

/** SHA-256 over the path as it is, not URL-encoded; computed at most once. */
function hashOf(path: string): () => string {
  let hash: string | undefined;
  return () => {
    hash ??= sha256Hex(new TextEncoder().encode(path));
    return hash;
  };
}
