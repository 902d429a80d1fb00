import { type Identity, judgeAccess, type Permission } from '@vidimus/access';
import { describe, expect, it } from 'vitest';

const administrator: Identity = {
  actor: 'token:1',
  role: 'administrator',
  mayAccess: (repository) => repository === 'r.example/mine',
  mayAccessAll: false,
};

const ask = (permission: Permission, identity?: Identity, repository?: string, publicReads = true) =>
  judgeAccess({ permission, identity, repository, publicReads });

describe('judgeAccess', () => {
  it.each<[Permission, string]>([
    ['open', 'allowed'],
    ['metadata', 'allowed'],
    ['read', 'unauthorized'],
    ['edit', 'unauthorized'],
    ['audit', 'unauthorized'],
    ['observe', 'unauthorized'],
  ])('gives nobody %s: %s', (permission, verdict) => {
    expect(ask(permission, undefined, 'r.example/mine')).toBe(verdict);
  });

  it('keeps metadata from nobody-in-particular where anonymous reads are off', () => {
    expect(ask('metadata', undefined, 'r.example/mine', false)).toBe('unauthorized');
    expect(ask('metadata', administrator, 'r.example/mine', false)).toBe('allowed');
  });

  it.each<Permission>(['read', 'edit', 'audit'])(
    'gives an administrator %s where the token reaches',
    (permission) => {
      expect(ask(permission, administrator, 'r.example/mine')).toBe('allowed');
      expect(ask(permission, administrator, 'r.example/other')).toBe('denied');
      expect(ask(permission, administrator)).toBe('allowed');
    },
  );
});
