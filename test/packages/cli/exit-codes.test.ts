import { KeyStoreError } from '@vidimus/key-store';
import { OciError } from '@vidimus/oci';
import { ReferenceFormatError } from '@vidimus/reference';
import { TrustClientError } from '@vidimus/trust-client';
import { TufError } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { CliError } from '../../../packages/cli/src/cli-error.ts';
import { type ExitCode, exitCodes, worstExit } from '../../../packages/cli/src/exit-codes.ts';
import { toCliError } from '../../../packages/cli/src/failures.ts';

describe('exit codes', () => {
  it('are those of the contract', () => {
    expect(exitCodes).toEqual({
      done: 0,
      denied: 1,
      usage: 2,
      unavailable: 3,
      unreachable: 4,
      internal: 5,
      pending: 6,
    });
  });

  it.each<readonly [readonly ExitCode[], ExitCode]>([
    [[], 0],
    [[0, 0], 0],
    [[0, 4], 4],
    [[4, 3], 3],
    [[3, 4, 1], 1],
    [[1, 2, 3, 4], 2],
    [[6, 1], 1],
    [[0, 6], 6],
  ])('of %j the one that counts is %i', (codes, worst) => {
    expect(worstExit(codes)).toBe(worst);
    expect(worstExit([...codes].reverse())).toBe(worst);
  });
});

describe('failures', () => {
  const refused = (serverCode: string) =>
    new TrustClientError('REFUSED', 'no', { detail: { serverCode, status: 409 } });

  it.each<readonly [string, unknown, string]>([
    ['a reference', new ReferenceFormatError('TAG_INVALID', 'x'), 'TAG_INVALID 2'],
    ['an unreachable server', new TrustClientError('UNREACHABLE', 'x'), 'UNREACHABLE 4'],
    ['a login page', new TrustClientError('UNUSABLE', 'x'), 'UNUSABLE 3'],
    ['a missing token', new TrustClientError('UNAUTHORIZED', 'x'), 'UNAUTHORIZED 3'],
    ['no anchor', new TrustClientError('ANCHOR_MISSING', 'x'), 'ANCHOR_MISSING 3'],
    ['another root', new TrustClientError('ANCHOR_MISMATCH', 'x'), 'ANCHOR_MISMATCH 1'],
    ['403', refused('DENIED'), 'DENIED 1'],
    ['409', refused('CHANGE_CONFLICT'), 'CHANGE_CONFLICT 1'],
    ['a rollback', new TufError('ROLLBACK', 'x'), 'ROLLBACK 1'],
    ['nonsense for metadata', new TufError('MALFORMED', 'x'), 'MALFORMED 3'],
    ['an unreachable registry', new OciError('UNREACHABLE', 'x'), 'UNREACHABLE 4'],
    ['other bytes', new OciError('DIGEST_MISMATCH', 'x'), 'DIGEST_MISMATCH 1'],
    ['a wrong passphrase', new KeyStoreError('PASSPHRASE_WRONG', 'x'), 'PASSPHRASE_WRONG 2'],
    ['an error of ours', new CliError('CANCELLED', 1, 'x'), 'CANCELLED 1'],
    ['a defect', new TypeError('x'), 'INTERNAL 5'],
    ['something thrown that is no error', 'x', 'INTERNAL 5'],
    [
      'a name that Object has',
      Object.assign(new Error('x'), { name: 'constructor', code: 'x' }),
      'INTERNAL 5',
    ],
  ])('%s has its code and exit', (_, error, expected) => {
    const { code, exit } = toCliError(error);
    expect(`${code} ${exit}`).toBe(expected);
  });

  it('keep what to do next', () => {
    expect(toCliError(new TrustClientError('ANCHOR_MISSING', 'x', { hint: 'pin it' })).hint).toBe('pin it');
  });
});
