/** Tokens of a registry's token server, and our own: what is taken, and every way in which one is not. */
import { createHmac } from 'node:crypto';
import { createOwnRegistryTokens, type RegistryTokens, trustTokenServer } from '@vidimus/access';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { startMs } from './token-for-test.ts';
import {
  type CertifiedName,
  certificate,
  claims,
  privateKey,
  settings,
  signToken,
  startSeconds,
  thumbprint,
  x5c,
} from './token-server-for-test.ts';

const clock = { nowMs: startMs };
let tokens: RegistryTokens;
beforeAll(async () => {
  tokens = await trustTokenServer(settings, () => clock.nowMs);
});

const good = {
  subject: 'alice',
  access: [{ type: 'repository', name: 'r.example/a', actions: ['push', 'pull'] }],
};
const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const chain = { alg: 'ES256', x5c: x5c('leaf', 'intermediate') };

async function at<Result>(ms: number, work: () => Promise<Result>): Promise<Result> {
  clock.nowMs = ms;
  return await work().finally(() => {
    clock.nowMs = startMs;
  });
}

describe('a token server', () => {
  it('signs with a key whose certificate leads to the bundle', async () => {
    expect(await tokens.verify(await signToken('leaf', chain))).toEqual(good);
    const direct = await signToken('intermediate', { alg: 'ES256', x5c: x5c('intermediate') });
    expect(await tokens.verify(direct)).toEqual(good);
    expect(await tokens.verify(await signToken('ca', { alg: 'ES256', x5c: x5c('ca') }))).toEqual(good);
  });

  it.each<[string, CertifiedName]>([
    ['RS256', 'rsa'],
    ['PS384', 'rsa'],
    ['ES256', 'ca'],
    ['EdDSA', 'ed25519'],
  ])('signs %s with a key of the bundle, named by thumbprint', async (alg, name) => {
    expect(await tokens.verify(await signToken(name, { alg, kid: await thumbprint(name) }))).toEqual(good);
  });

  it.each<[CertifiedName, string, string]>([
    ['rsa', 'RS256', '6UGY:HHZH:SK2Y:TYWD:VIDF:XQK5:HI6Y:KAZV:GOLA:F2YP:ZZ36:7CSJ'],
    ['ca', 'ES256', 'S7ZG:ATSE:HDI4:B2S3:JFHV:DD73:VHBK:2YRV:47RJ:ND6I:VGCK:OFZD'],
  ])('names a key of the bundle as libtrust does: %s', async (name, alg, kid) => {
    expect(await tokens.verify(await signToken(name, { alg, kid }))).toEqual(good);
  });

  it('may say nothing of access, name an audience among several, and differ by a minute', async () => {
    const kid = await thumbprint('rsa');
    const sign = (changed: Record<string, unknown>) =>
      signToken('rsa', { alg: 'RS256', kid }, claims(changed));
    expect(await tokens.verify(await sign({ access: undefined }))).toEqual({ ...good, access: [] });
    expect(await tokens.verify(await sign({ access: null }))).toEqual({ ...good, access: [] });
    expect(await tokens.verify(await sign({ aud: ['other', settings.service] }))).toEqual(good);
    expect(await tokens.verify(await sign({ exp: startSeconds - 59 }))).toEqual(good);
    expect(await tokens.verify(await sign({ nbf: startSeconds + 59 }))).toEqual(good);
    expect(await tokens.verify(await sign({ sub: undefined }))).toEqual({ ...good, subject: '' });
  });

  it.each<[string, Record<string, unknown>]>([
    ['expired', { exp: startSeconds - 61 }],
    ['without an end', { exp: undefined }],
    ['from tomorrow', { nbf: startSeconds + 61 }],
    ['for another service', { aud: 'registry' }],
    ['for no service', { aud: undefined }],
    ['of another issuer', { iss: 'evil.example' }],
    ['of no issuer', { iss: undefined }],
    ['with access of another shape', { access: [{ type: 'repository', name: 'x' }] }],
    [
      'with access without end',
      { access: Array.from({ length: 101 }, () => ({ type: 'a', name: 'b', actions: [] })) },
    ],
  ])('is refused a token %s', async (_name, changed) => {
    const token = await signToken('rsa', { alg: 'RS256', kid: await thumbprint('rsa') }, claims(changed));
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it.each<[string, CertifiedName, Parameters<typeof signToken>[1]]>([
    ['of another authority', 'other-leaf', { alg: 'ES256', x5c: x5c('other-leaf', 'other-ca') }],
    ['of an authority it brought along', 'other-ca', { alg: 'ES256', x5c: x5c('other-ca', 'ca') }],
    ['whose chain has a gap', 'leaf', { alg: 'ES256', x5c: x5c('leaf') }],
    [
      'issued by what is no authority',
      'lesser',
      { alg: 'ES256', x5c: x5c('lesser', 'leaf', 'intermediate') },
    ],
    ['that is not the leaf’s', 'other-leaf', { alg: 'ES256', x5c: x5c('leaf', 'intermediate') }],
    ['it does not name', 'rsa', { alg: 'RS256' }],
    ['under another name', 'rsa', { alg: 'RS256', kid: 'AAAA:BBBB' }],
    ['in a chain that is no base64', 'leaf', { alg: 'ES256', x5c: ['-----END CERTIFICATE-----'] }],
    ['in a chain that is no certificate', 'leaf', { alg: 'ES256', x5c: ['AAAA'] }],
    ['in an empty chain', 'leaf', { alg: 'ES256', x5c: [] }],
    [
      'in an endless chain',
      'leaf',
      { alg: 'ES256', x5c: x5c('leaf', 'intermediate', 'ca', 'other-ca', 'other-leaf') },
    ],
  ])('is refused a token by a key %s', async (_name, by, header) => {
    expect(await tokens.verify(await signToken(by, header))).toBeUndefined();
  });

  it('is refused a key it put into the header itself', async () => {
    const { publicKey } = { publicKey: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } };
    const header = { alg: 'ES256', jwk: publicKey, kid: await thumbprint('other-leaf') };
    expect(await tokens.verify(await signToken('other-leaf', header))).toBeUndefined();
  });

  it('is refused when a certificate of the chain has ended, or has not begun', async () => {
    const payload = (ms: number) => claims({ nbf: undefined, exp: ms / 1_000 + 60 });
    for (const ms of [Date.UTC(2027, 0, 2), Date.UTC(2025, 11, 31)]) {
      const token = await signToken('leaf', chain, payload(ms));
      expect(await at(ms, () => tokens.verify(token))).toBeUndefined();
    }
    const pinned = await signToken(
      'rsa',
      { alg: 'RS256', kid: await thumbprint('rsa') },
      payload(Date.UTC(2027, 0, 2)),
    );
    // A key of the bundle itself is the administrator's choice, whatever its certificate says.
    expect(await at(Date.UTC(2027, 0, 2), () => tokens.verify(pinned))).toBeDefined();
  });

  it('is refused alg none, HMAC with a public key, and another algorithm than the key has', async () => {
    const kid = await thumbprint('rsa');
    const body = base64url(claims());
    const none = `${base64url({ alg: 'none', kid })}.${body}.`;
    const input = `${base64url({ alg: 'HS256', kid })}.${body}`;
    const hmac = createHmac('sha256', certificate('rsa')).update(input).digest('base64url');
    const mixed = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(privateKey('leaf'));
    for (const token of [none, `${input}.${hmac}`, mixed]) expect(await tokens.verify(token)).toBeUndefined();
  });

  it('is refused any token with a byte changed', async () => {
    const token = await signToken('leaf', chain);
    for (let at = 0; at < token.length; at += 97) {
      const flipped = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(await tokens.verify(flipped)).toBeUndefined();
    }
  });

  it.each(['', 'a.b.c', '..', 'eyJ.e30.', `${base64url('{}')}.${base64url('[]')}.`])(
    'is refused %j',
    async (text) => {
      expect(await tokens.verify(text)).toBeUndefined();
    },
  );

  it.each([
    ['nothing', ''],
    ['a key', 'KEY'],
    ['text around the certificates', `subject=/CN=ca\n${certificate('ca')}`],
    ['only a weak key', certificate('weak')],
  ])('cannot be configured with %s', async (_name, bundle) => {
    const rootCertBundle =
      bundle === 'KEY' ? privateKey('ca').export({ format: 'pem', type: 'pkcs8' }).toString() : bundle;
    await expect(trustTokenServer({ ...settings, rootCertBundle }, () => startMs)).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
    });
  });

  it('does not take a weak key beside a good one', async () => {
    const rootCertBundle = certificate('ca') + certificate('weak');
    const mixed = await trustTokenServer({ ...settings, rootCertBundle }, () => startMs);
    const input = `${base64url({ alg: 'RS256', kid: await thumbprint('weak') })}.${base64url(claims())}`;
    expect(await mixed.verify(`${input}.AAAA`)).toBeUndefined();
    expect(await mixed.verify(await signToken('leaf', chain))).toEqual(good);
  });
});

describe('our own registry tokens', () => {
  const own = createOwnRegistryTokens(new Uint8Array(32).fill(1), () => clock.nowMs);

  it('come back as issued, for five minutes and the leeway', async () => {
    const { token, issuedAtMs, expiresInSeconds } = await own.issue(good);
    expect([issuedAtMs, expiresInSeconds]).toEqual([startMs, 300]);
    expect(await own.verify(token)).toEqual(good);
    expect(await at(startMs + 359_000, () => own.verify(token))).toEqual(good);
    expect(await at(startMs + 361_000, () => own.verify(token))).toBeUndefined();
  });

  it('count in every replica with the secret, and in no other', async () => {
    const { token } = await own.issue({ subject: '', access: [] });
    const replica = createOwnRegistryTokens(new Uint8Array(32).fill(1), () => startMs);
    const stranger = createOwnRegistryTokens(new Uint8Array(32).fill(2), () => startMs);
    expect(await replica.verify(token)).toEqual({ subject: '', access: [] });
    expect(await stranger.verify(token)).toBeUndefined();
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it('are not other tokens with the same secret', async () => {
    const sign = (header: { alg: string; typ?: string }, payload: Record<string, unknown>) =>
      new SignJWT(payload).setProtectedHeader(header).sign(new Uint8Array(32).fill(1));
    const payload = { iss: 'vidimus', aud: 'vidimus', sub: 'x', exp: startSeconds + 60 };
    const typ = 'vidimus-registry+jwt';
    expect(await own.verify(await sign({ alg: 'HS256', typ }, payload))).toBeDefined();
    expect(await own.verify(await sign({ alg: 'HS256' }, payload))).toBeUndefined();
    expect(await own.verify(await sign({ alg: 'HS256', typ }, { ...payload, aud: 'x' }))).toBeUndefined();
    expect(await own.verify(await sign({ alg: 'HS256', typ }, { ...payload, iss: 'x' }))).toBeUndefined();
    const none = `${base64url({ alg: 'none', typ })}.${base64url(payload)}.`;
    expect(await own.verify(none)).toBeUndefined();
  });

  it.each([0, 31, 33])('need a secret of 32 bytes, not %i', (length) => {
    expect(() => createOwnRegistryTokens(new Uint8Array(length), () => startMs)).toThrow(
      expect.objectContaining({ code: 'SECRET_INVALID' }),
    );
  });
});
