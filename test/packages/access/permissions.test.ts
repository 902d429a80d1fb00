import {
  type GrantableRole,
  grantableRoleSchema,
  grantsAt,
  judgeAccess,
  type Permission,
  roleCovers,
  type TokenRole,
  toIdentity,
} from '@vidimus/access';
import { describe, expect, it } from 'vitest';

const permissions: readonly Permission[] = [
  'open',
  'metadata',
  'read',
  'audit',
  'observe',
  'sign',
  'revokeTag',
  'revokeDigest',
  'cosign',
  'reject',
  'approve',
  'manage',
  'tokens',
  'grant',
];
const mine = 'r.example/mine';

const ask = (permission: Permission, role?: TokenRole, repository?: string, publicReads = true) =>
  judgeAccess({
    permission,
    identity: role === undefined ? undefined : toIdentity('token:1', role, [mine]),
    repository,
    publicReads,
  });

describe('judgeAccess', () => {
  it.each(permissions)('gives nobody %s unless it is open', (permission) => {
    const open = permission === 'open' || permission === 'metadata';
    expect(ask(permission, undefined, mine)).toBe(open ? 'allowed' : 'unauthorized');
  });

  it('keeps metadata from nobody-in-particular where anonymous reads are off', () => {
    expect(ask('metadata', undefined, mine, false)).toBe('unauthorized');
    expect(ask('metadata', 'reader', mine, false)).toBe('allowed');
    expect(ask('metadata', 'reader', 'r.example/other', false)).toBe('denied');
  });

  // Everything beside `open`, `metadata` and, for all but the first token, `read` and `tokens`.
  it.each<[TokenRole, readonly Permission[]]>([
    ['reader', []],
    ['auditor', ['audit', 'observe']],
    ['signer', ['sign', 'revokeTag', 'cosign', 'reject']],
    ['revoker', ['revokeTag', 'revokeDigest', 'reject']],
    ['approver', ['cosign', 'reject', 'approve']],
    ['policy', []],
    [
      'admin',
      permissions.filter((permission) => !['open', 'metadata', 'read', 'tokens'].includes(permission)),
    ],
  ])('gives %s %j where its globs reach', (role, more) => {
    for (const permission of permissions) {
      const allowed = ['open', 'metadata', 'read', 'tokens', ...more].includes(permission);
      expect(ask(permission, role, mine), permission).toBe(allowed ? 'allowed' : 'denied');
      expect(ask(permission, role), permission).toBe(allowed ? 'allowed' : 'denied');
      const free = permission === 'open' || permission === 'metadata';
      expect(ask(permission, role, 'r.example/other'), permission).toBe(free ? 'allowed' : 'denied');
    }
  });

  it('gives the first token nothing but the making of another', () => {
    const allowed = permissions.filter((permission) => ask(permission, 'bootstrap') === 'allowed');
    expect(allowed).toEqual(['open', 'metadata', 'grant']);
  });

  it('lets policy, and no signer, sign in the directory', () => {
    const inDirectory = (role: TokenRole) => grantsAt(role, '_directory').has('sign');
    expect((['signer', 'policy', 'admin'] as const).map(inDirectory)).toEqual([false, true, true]);
    expect(grantsAt('policy', mine).has('sign')).toBe(false);
  });
});

describe('roleCovers', () => {
  const roles: readonly GrantableRole[] = grantableRoleSchema.options;

  it('holds where nothing is granted that is not had', () => {
    const covered = roles.map((role) => [role, roles.filter((other) => roleCovers(role, other))]);
    expect(Object.fromEntries(covered)).toEqual({
      reader: ['reader'],
      signer: ['reader', 'signer'],
      revoker: ['reader', 'revoker'],
      approver: ['reader', 'approver'],
      auditor: ['reader', 'auditor'],
      policy: ['reader', 'policy'],
      admin: [...roles],
    });
  });
});
