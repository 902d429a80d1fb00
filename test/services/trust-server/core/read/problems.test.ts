import { describe, expect, it } from 'vitest';
import {
  findProblems,
  type ProblemInput,
  problemCodes,
} from '../../../../../services/trust-server/src/core/read/problems.ts';

const day = 86_400_000;
const nowMs = Date.UTC(2026, 10, 21, 9);
const sound: ProblemInput = {
  repository: 'registry.example.com/shop/web',
  nowMs,
  roles: [],
  rootIsOnline: false,
  openChanges: [],
  rootIsOutdated: false,
};
const ending = (days: number, more: Partial<ProblemInput> = {}, isForeign = false) =>
  findProblems({ ...sound, certificate: { endsMs: nowMs + days * day, isForeign }, ...more });

describe('the certificate of a Notary root', () => {
  it.each([
    ['half a year before it ends', 181, {}, 1],
    ['after it has ended', -1, {}, 1],
    ['not long before', 183, {}, 0],
    ['when somebody asks further ahead', 183, { expiringWithinMs: 365 * day }, 1],
    ['no later when somebody asks less far ahead', 181, { expiringWithinMs: day }, 1],
  ])('is a problem %s', (_, days, more, count) => {
    expect(ending(days, more)).toHaveLength(count);
  });

  it('says which, until when, and who can replace it how', () => {
    expect(ending(10)).toEqual([
      {
        code: 'KEY_EXPIRING',
        role: 'root',
        dialect: 'notary',
        expires: '2026-12-01T09:00:00Z',
        fix: 'a certificate of the Notary root key ends and cannot be renewed, only replaced: vidimus key rotate registry.example.com/shop/web root',
      },
    ]);
    expect(ending(10, {}, true)[0]?.fix).toMatch(
      /: notary key rotate registry\.example\.com\/shop\/web root$/,
    );
  });

  it('is none where there is none', () => {
    expect(findProblems(sound)).toEqual([]);
  });
});

it('every problem has one of the known codes', () => {
  const life = { role: 'targets', lifetimeMs: 90 * day, renewed: false };
  const found = findProblems({
    ...sound,
    roles: [
      { ...life, expiresMs: nowMs },
      { ...life, expiresMs: nowMs + day },
    ],
    rootIsOnline: true,
    rootIsOutdated: true,
    openChanges: ['01J'],
    restoredFrom: 'a backup',
    notMirrored: ['not a tag'],
    revokedKeys: [{ role: 'targets', keyId: 'ab' }],
    certificate: { endsMs: nowMs, isForeign: false },
  });
  expect(found.map(({ code }) => code).sort()).toEqual([...problemCodes].sort());
});
