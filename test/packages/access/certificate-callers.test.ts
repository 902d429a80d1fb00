/** Client certificates, compared with the names in the configuration; the chain is the TLS layer's business. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { certificateIdentitiesSchema, createCertificateCallers } from '@vidimus/access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAlternativeNames } from '../../../packages/access/src/certificate-callers.ts';
import { startMs } from './token-for-test.ts';

const der = (name: string): Uint8Array =>
  new X509Certificate(
    readFileSync(new URL(`../../vectors/client-certificates/${name}.cert.pem`, import.meta.url)),
  ).raw;

const identities = certificateIdentitiesSchema.parse([
  { san: 'URI:spiffe://example.com/ci', role: 'signer', repositories: ['r.example/shop/*'] },
  { san: 'DNS:ci.example.com', role: 'reader', repositories: ['**'] },
  { subject: 'O=Acme,CN=deploy', role: 'revoker', repositories: ['**'] },
  { subject: 'O=Acme,CN=ci', role: 'admin', repositories: ['**'] },
]);
const at = (nowMs: number) => createCertificateCallers(identities, () => nowMs);

describe('a verified certificate', () => {
  it('is who its alternative name says, by the first entry that names it', () => {
    const identity = at(startMs).identify(der('ci'));
    expect(identity).toMatchObject({ actor: 'mtls:URI:spiffe://example.com/ci', role: 'signer' });
    expect(['r.example/shop/web', 'r.example/other'].map((name) => identity?.mayAccess(name))).toEqual([
      true,
      false,
    ]);
  });

  it('is who its whole subject says', () => {
    expect(at(startMs).identify(der('deploy'))).toMatchObject({
      actor: 'mtls:O=Acme,CN=deploy',
      role: 'revoker',
    });
  });

  it.each(['unlisted', 'server'])('that nobody listed is nobody: %s', (name) => {
    expect(at(startMs).identify(der(name))).toBeUndefined();
  });

  it('is nobody before and after its time, on whatever connection it came', () => {
    expect(at(startMs).identify(der('expired'))).toBeUndefined();
    expect(at(Date.UTC(2025, 11, 31)).identify(der('ci'))).toBeUndefined();
    expect(at(Date.UTC(2126, 0, 1)).identify(der('ci'))).toBeUndefined();
  });

  it('whose one name reads like two is neither of them', () => {
    expect(at(startMs).identify(der('forged'))).toBeUndefined();
  });
});

describe('alternative names', () => {
  it.each([
    ['', []],
    ['DNS:a.example, URI:spiffe://x/y', ['DNS:a.example', 'URI:spiffe://x/y']],
    ['IP Address:127.0.0.1, DNS:a', ['IP Address:127.0.0.1', 'DNS:a']],
    ['URI:"https://x/\\u002c DNS:evil", DNS:a', ['DNS:a']],
    ['DNS:"a", DNS:b', ['DNS:b']],
    ['DNS:a,DNS:b', []],
    ['nonsense', []],
    ['DNS:"unclosed, DNS:b', []],
  ])('of %j are %j', (text, names) => {
    expect(parseAlternativeNames(text)).toEqual(names);
  });

  it('never come out of a quoted text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseAlternativeNames(`URI:${JSON.stringify(text)}, DNS:good`)).toEqual(['DNS:good']);
      }),
      { seed: 1 },
    );
  });

  it('are read in linear time', () => {
    const hostile = `URI:"${'\\'.repeat(100_000)}`;
    expect(parseAlternativeNames(hostile)).toEqual([]);
  });
});

describe('the configuration', () => {
  const grant = { role: 'signer', repositories: ['**'] };
  it.each<[string, object]>([
    ['no name', grant],
    ['both names', { ...grant, san: 'DNS:a', subject: 'CN=a' }],
    ['a name of no kind', { ...grant, san: 'ci.example.com' }],
    ['an address, which is not a name', { ...grant, san: 'IP Address:127.0.0.1' }],
    ['a subject of no form', { ...grant, subject: 'ci' }],
    ['a role there is not', { ...grant, san: 'DNS:a', role: 'bootstrap' }],
    ['no repository', { ...grant, san: 'DNS:a', repositories: [] }],
  ])('with %s is refused', (_what, identity) => {
    expect(certificateIdentitiesSchema.safeParse([identity]).success).toBe(false);
  });
});
