/** The roles a caller can have, and what each is granted: a closed table, read from top to bottom. */
import { DIRECTORY_NAME } from '@vidimus/reference';
import { z } from 'zod';

/**
 * What a route needs:
 * - `open` nothing: health and the API's own description
 * - `metadata` nothing where anonymous reads are on, else as `read`
 * - `read` summaries, tags, roles, keys, revocations, changes
 * - `audit` the log of events
 * - `observe` metrics
 * - `sign` put tags under a digest, and take them away in the same call
 * - `revokeTag` take a tag away
 * - `revokeDigest` revoke a digest, and lift that
 * - `cosign` post signatures of a change: each proves itself, but they fill the store
 * - `reject` end a change; one of somebody else only with `approve`, too
 * - `approve` agree to a change of somebody else
 * - `manage` create and end repositories; keys, roles, delegations, root
 * - `tokens` see and revoke one's own token, and, with `manage`, those of others
 * - `grant` create tokens
 */
export type Permission =
  | 'open'
  | 'metadata'
  | 'read'
  | 'audit'
  | 'observe'
  | 'sign'
  | 'revokeTag'
  | 'revokeDigest'
  | 'cosign'
  | 'reject'
  | 'approve'
  | 'manage'
  | 'tokens'
  | 'grant';

/** The roles that a token, a claim or a certificate can be given. */
export const grantableRoleSchema = z.enum([
  'reader',
  'signer',
  'revoker',
  'approver',
  'auditor',
  'policy',
  'admin',
]);
export type GrantableRole = z.infer<typeof grantableRoleSchema>;

/** `bootstrap`: the first token of an installation, good only for making the first administrator's. */
export type TokenRole = GrantableRole | 'bootstrap';

const anybody: readonly Permission[] = ['open', 'metadata'];
const reader: readonly Permission[] = [...anybody, 'read', 'tokens'];

const granted: Readonly<Record<TokenRole, ReadonlySet<Permission>>> = {
  bootstrap: new Set([...anybody, 'grant']),
  reader: new Set(reader),
  auditor: new Set([...reader, 'audit', 'observe']),
  signer: new Set([...reader, 'sign', 'revokeTag', 'cosign', 'reject']),
  // A security team takes back without being able to vouch for anything.
  revoker: new Set([...reader, 'revokeTag', 'revokeDigest', 'reject']),
  approver: new Set([...reader, 'cosign', 'reject', 'approve']),
  policy: new Set(reader),
  admin: new Set([
    ...reader,
    'audit',
    'observe',
    'sign',
    'revokeTag',
    'revokeDigest',
    'cosign',
    'reject',
    'approve',
    'manage',
    'grant',
  ]),
};

/** The directory's tags are policy bundles and exceptions; its root map is an administrator's (see the tag routes). */
const grantedInDirectory: Readonly<Record<TokenRole, ReadonlySet<Permission>>> = {
  ...granted,
  // A glob of all repositories is easily given: it must not make every signer a writer of policy.
  signer: new Set([...reader, 'cosign', 'reject']),
  policy: new Set([...reader, 'sign', 'cosign', 'reject']),
};

/** What a role is granted; with a repository, what it is granted there. Globs are another question. */
export function grantsAt(role: TokenRole, repository: string | undefined): ReadonlySet<Permission> {
  return (repository === DIRECTORY_NAME ? grantedInDirectory : granted)[role];
}

/** Whether everything that `other` is granted, anywhere, is granted to `role`, too. */
export function roleCovers(role: TokenRole, other: GrantableRole): boolean {
  return [granted, grantedInDirectory].every((table) =>
    [...table[other]].every((permission) => table[role].has(permission)),
  );
}

/** A role as stored; `administrator` is how the first ones were spelled. Undefined: one that may do nothing here. */
export function parseStoredRole(text: string, bootstrap: boolean): TokenRole | undefined {
  if (bootstrap) return 'bootstrap';
  if (text === 'administrator') return 'admin';
  const parsed = grantableRoleSchema.safeParse(text);
  return parsed.success ? parsed.data : undefined;
}
