/** A registry's token server: its certificates (test/vectors/registry-tokens) and the tokens they sign. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { calculateJwkThumbprint, exportJWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { startMs } from './token-for-test.ts';

export type CertifiedName =
  | 'ca'
  | 'intermediate'
  | 'leaf'
  | 'lesser'
  | 'other-ca'
  | 'other-leaf'
  | 'rsa'
  | 'ed25519'
  | 'weak';

const read = (file: string): string =>
  readFileSync(new URL(`../../vectors/registry-tokens/${file}`, import.meta.url), 'utf8');

export const certificate = (name: CertifiedName): string => read(`${name}.cert.pem`);
export const privateKey = (name: CertifiedName) => createPrivateKey(read(`${name}.key.pem`));

/** Certificates as a token's header carries them. */
export const x5c = (...names: CertifiedName[]): string[] =>
  names.map((name) => certificate(name).replace(/-----[A-Z ]+-----|\s/g, ''));

export const thumbprint = async (name: CertifiedName): Promise<string> => {
  const { kty, crv, x, y, n, e } = await exportJWK(privateKey(name));
  return await calculateJwkThumbprint(
    Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)),
  );
};

export const settings = {
  realm: 'https://auth.example.test/token',
  service: 'notary-peer',
  issuer: 'auth.example.test',
  rootCertBundle: certificate('ca') + certificate('rsa') + certificate('ed25519'),
};

export const startSeconds = startMs / 1_000;

/** Claims of a good token; override or, with undefined, leave out. */
export const claims = (changed: Record<string, unknown> = {}): JWTPayload => {
  const all = {
    iss: settings.issuer,
    aud: settings.service,
    sub: 'alice',
    nbf: startSeconds - 10,
    iat: startSeconds - 10,
    exp: startSeconds + 300,
    access: [{ type: 'repository', name: 'r.example/a', actions: ['push', 'pull'] }],
    ...changed,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};

export const signToken = (
  by: CertifiedName,
  header: JWTHeaderParameters,
  payload: JWTPayload = claims(),
): Promise<string> => new SignJWT(payload).setProtectedHeader(header).sign(privateKey(by));
