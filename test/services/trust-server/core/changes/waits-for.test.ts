import { describe, expect, it } from 'vitest';
import { waitsFor } from '../../../../../services/trust-server/src/core/changes/waits-for.ts';
import type { Change, ChangeDocument } from '../../../../../services/trust-server/src/schemas/index.ts';
import { change } from '../../trust-server-for-test.ts';

const document: ChangeDocument = {
  dialect: 'tuf',
  role: 'root',
  version: 2,
  toSign: '',
  sha256: '',
  thresholds: [],
  signatures: [],
  missing: 1,
};
const by = (actor: string) => ({ keyId: 'ab'.repeat(32), by: actor, at: '2026-11-21T09:00:00Z' });
const waiting: Change = { ...change, createdBy: 'token:ann', documents: [document] };
const approvals = { needed: 1, by: [], missing: 1 };

describe('a change waits for bob', () => {
  it.each<[string, Change, { sign?: boolean; approve?: boolean }, boolean]>([
    ['when he may sign', waiting, { sign: true }, true],
    ['not when he may not', waiting, { approve: true }, false],
    ['when he is its author and may sign', { ...waiting, createdBy: 'token:bob' }, { sign: true }, true],
    [
      'not when nothing is missing',
      { ...waiting, documents: [{ ...document, missing: 0 }] },
      { sign: true },
      false,
    ],
    [
      'not when he has signed',
      { ...waiting, documents: [{ ...document, signatures: [by('token:bob')] }] },
      { sign: true },
      false,
    ],
    [
      'when he has signed another of its documents',
      { ...waiting, documents: [{ ...document, signatures: [by('token:bob')] }, document] },
      { sign: true },
      true,
    ],
    [
      'when somebody else has signed',
      { ...waiting, documents: [{ ...document, signatures: [by('token:ann')] }] },
      { sign: true },
      true,
    ],
    [
      'when approval lacks and he may approve',
      { ...waiting, documents: [], approvals },
      { approve: true },
      true,
    ],
    ['not when he may not approve', { ...waiting, documents: [], approvals }, { sign: true }, false],
    [
      'not when he is its author',
      { ...waiting, documents: [], approvals, createdBy: 'token:bob' },
      { sign: true, approve: true },
      false,
    ],
    [
      'not when it has its approvals',
      {
        ...waiting,
        documents: [],
        approvals: { needed: 1, by: [by('token:x')].map(({ by: actor, at }) => ({ actor, at })), missing: 0 },
      },
      { approve: true },
      false,
    ],
    ['not when it is over', { ...waiting, state: 'expired' }, { sign: true, approve: true }, false],
  ])('%s', (_, given, { sign = false, approve = false }, expected) => {
    const bob = { actor: 'token:bob', maySign: () => sign, mayApprove: () => approve };
    expect(waitsFor(given, bob)).toBe(expected);
  });
});
