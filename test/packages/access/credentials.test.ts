import { readBasic, readBearer, readCredentials } from '@vidimus/access';
import { describe, expect, it } from 'vitest';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const jwt = 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln';

describe('readCredentials', () => {
  it.each([
    ['Bearer vdm_abc', { kind: 'token', token: 'vdm_abc' }],
    ['bearer vdm_abc', { kind: 'token', token: 'vdm_abc' }],
    [`Bearer ${jwt}`, { kind: 'jwt', jwt }],
    [basic('anybody:vdm_abc'), { kind: 'token', token: 'vdm_abc' }],
    [basic(':vdm_abc'), { kind: 'token', token: 'vdm_abc' }],
    [basic('user:with:colons'), { kind: 'token', token: 'with:colons' }],
    // A password is an access token, never a registry's token: those come from a token server.
    [basic(`u:${jwt}`), { kind: 'token', token: jwt }],
  ])('reads %s', (header, expected) => {
    expect(readCredentials(header)).toEqual(expected);
  });

  it.each([
    '',
    'Bearer',
    'Bearer two words',
    'Bearer ü',
    'Basic',
    'Basic !!!',
    basic('no-colon'),
    basic('user:'),
    basic(`user:${'x'.repeat(513)}`),
    `Bearer ${'x'.repeat(513)}`,
    `Bearer eyJ${'x'.repeat(20_000)}.e30.c2ln`,
    'Digest username="x"',
  ])('refuses %j', (header) => {
    expect(readCredentials(header)).toBeUndefined();
  });
});

describe('readBearer', () => {
  it('takes Bearer and not Basic, which a browser would send by itself', () => {
    expect(readBearer('Bearer vdm_abc')).toEqual({ kind: 'token', token: 'vdm_abc' });
    expect(readBearer('Bearer eyJh.e30.c2ln')).toEqual({ kind: 'jwt', jwt: 'eyJh.e30.c2ln' });
    expect(readBearer(basic('u:vdm_abc'))).toBeUndefined();
    expect(readBearer(`Bearer ${'x'.repeat(600)}`)).toBeUndefined();
  });
});

describe('readBasic', () => {
  it('takes Basic alone', () => {
    expect(readBasic('Bearer vdm_abc')).toBeUndefined();
    expect(readBasic(basic('u:vdm_abc'))).toEqual({ kind: 'token', token: 'vdm_abc' });
  });
});
