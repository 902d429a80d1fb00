/** Keys of a simulated Notary repository: the same name always gives the same key. They sign at once. */
import { constants, createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { JsonObject } from '@vidimus/canonical-json';
import { ed25519FromSeed } from '@vidimus/crypto';
import { ecdsaKeyObject, ed25519KeyObject, keyIdOf, rsaKeyObject, x509KeyObject } from '@vidimus/notary';
import { type CertificateOptions, makeCertificate, p256PrivateKey } from './notary-certificates.ts';

export interface NotaryKey {
  readonly keyId: string;
  /** The key object as metadata writes it. */
  readonly declared: JsonObject;
  /** As a signature names it. */
  readonly method: string;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** RFC 8410: PKCS#8 of an Ed25519 seed, without the seed. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function ed25519NotaryKey(name: string): NotaryKey {
  const seed = createHash('sha256').update(name).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  const declared = ed25519KeyObject(ed25519FromSeed(seed).publicRaw);
  return named(declared, 'eddsa', (message) => sign(null, message, key));
}

export function ecdsaNotaryKey(name: string): NotaryKey {
  const key = p256PrivateKey(name);
  return named(ecdsaKeyObject(spkiOf(key)), 'ecdsa', signEcdsa(key));
}

/** The RSA key of `test/vectors/public-keys`. */
export function rsaNotaryKey(method: 'rsapss' | 'rsapkcs1v15' = 'rsapss'): NotaryKey {
  const key = rsaPrivateKey();
  const padding = method === 'rsapss' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const options = { key, padding, ...(method === 'rsapss' ? { saltLength: 32 } : {}) };
  return named(rsaKeyObject(spkiOf(key)), method, (message) => sign('sha256', message, options));
}

export function rsaPrivateKey(): KeyObject {
  return createPrivateKey(
    readFileSync(new URL('../vectors/public-keys/rsa-2048-private.pem', import.meta.url), 'utf8'),
  );
}

/** A P-256 key with a certificate, and the certificates that go with it. */
export function certificateKey(options: CertificateOptions, bundle: readonly string[] = []): NotaryKey {
  const { pem, privateKey } = makeCertificate(options);
  return named(x509KeyObject([pem, ...bundle].join('')), 'ecdsa', signEcdsa(privateKey));
}

function named(
  declared: JsonObject,
  method: string,
  signRaw: (message: Uint8Array) => Uint8Array,
): NotaryKey {
  return { keyId: keyIdOf(declared), declared, method, sign: (message) => new Uint8Array(signRaw(message)) };
}

function signEcdsa(key: KeyObject): (message: Uint8Array) => Uint8Array {
  return (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
}

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }));
}
