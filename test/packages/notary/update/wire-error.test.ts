import {
  MAX_ERROR_BYTES,
  NotaryError,
  type NotaryErrorCode,
  type RefusalKind,
  toWireError,
} from '@vidimus/notary';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** What `JSON.parse` makes of a body, and how long it is. */
function bodyOf(error: NotaryError): { readonly bytes: number; readonly value: unknown } {
  const { status, body } = toWireError(error);
  expect(status).toBe(400);
  expect(body.endsWith('}\n')).toBe(true);
  return { bytes: Buffer.byteLength(body), value: JSON.parse(body) };
}

describe('the wire form of a refusal', () => {
  it('is the recorded one', () => {
    const says = 'valid signatures did not meet threshold for targets';
    const error = new NotaryError('INVALID_UPDATE', says, { kind: 'ErrBadTargets', role: 'targets' });
    // As recorded: `04-publish-add`.
    expect(toWireError(error).body).toBe(
      `{"errors":[{"code":"INVALID_UPDATE","message":"Update sent by the client is invalid.","detail":{"Name":"ErrBadTargets","Error":{"Msg":"${says}"}}}]}\n`,
    );
  });

  it('gives a lost race a reason that the clients show', () => {
    const says = 'targets version 2 is already published; run publish again';
    expect(bodyOf(new NotaryError('VERSION', says)).value).toEqual({
      errors: [
        {
          code: 'VERSION',
          message: 'A newer version of metadata is already available.',
          detail: { Name: 'ErrValidation', Error: { Msg: says } },
        },
      ],
    });
  });

  it('names what is missing from a hierarchy', () => {
    const error = new NotaryError('INVALID_UPDATE', 'no snapshot', { kind: 'ErrBadHierarchy' });
    expect(toWireError(error).body).toContain(
      '"detail":{"Name":"ErrBadHierarchy","Error":{"Missing":"snapshot","Msg":"no snapshot"}}',
    );
  });

  it('gives the name of what is no role', () => {
    const error = new NotaryError('INVALID_ROLE', 'not a role', { role: 'a"b\u202e' });
    expect(bodyOf(error).value).toEqual({
      errors: [
        {
          code: 'INVALID_ROLE',
          message: 'The role you are attempting to operate on is invalid.',
          detail: 'a"b\\u202e',
        },
      ],
    });
  });

  it('stays within what the clients read, whatever the names', () => {
    const codes: readonly NotaryErrorCode[] = [
      'MALFORMED_UPLOAD',
      'INVALID_ROLE',
      'MALFORMED_JSON',
      'INVALID_UPDATE',
      'VERSION',
    ];
    const kinds: readonly RefusalKind[] = ['ErrValidation', 'ErrBadHierarchy', 'ErrBadRoot'];
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4_000, size: 'max' }),
      fc.constantFrom('\u0000', '"', '\\', '€', '\ud83d\ude00', '\ud800', '<').map((c) => c.repeat(3_000)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.constantFrom(...kinds), hostile, (code, kind, name) => {
        const { bytes, value } = bodyOf(new NotaryError(code, name, { kind, role: name }));
        expect(bytes).toBeLessThan(MAX_ERROR_BYTES);
        expect(value).toMatchObject({ errors: [{ code }] });
      }),
      { seed: 24, numRuns: 100 },
    );
  });
});
