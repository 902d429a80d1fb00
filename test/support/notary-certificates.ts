/** X.509 certificates of any kind, good or bad, from names alone: the same name always gives the same key. */
import { createECDH, createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

const DAY = 86_400_000;

export interface TestCertificate {
  readonly pem: string;
  readonly privateKey: KeyObject;
  readonly commonName: string;
}

export interface CertificateOptions {
  /** Names the key. */
  readonly key: string;
  readonly commonName: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter?: number;
  readonly isCa?: boolean;
  /** Self-signed when absent. */
  readonly issuer?: TestCertificate;
  readonly hash?: 'sha1' | 'sha256';
  /** Another key than a P-256 one of that name. */
  readonly privateKey?: KeyObject;
}

/** A certificate as PEM; the signature differs from call to call. */
export function makeCertificate(options: CertificateOptions): TestCertificate {
  const { commonName, issuer, hash = 'sha256', notBefore } = options;
  const privateKey = options.privateKey ?? p256PrivateKey(options.key);
  const signer = issuer?.privateKey ?? privateKey;
  const algorithm = algorithmOf(signer, hash);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const constraints = der(0x30, options.isCa === true ? der(0x01, Buffer.from([0xff])) : Buffer.alloc(0));
  const extension = der(0x30, oid('551d13'), der(0x01, Buffer.from([0xff])), der(0x04, constraints));
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(
      0x02,
      Buffer.concat([Buffer.from([1]), createHash('sha256').update(options.key).digest().subarray(0, 8)]),
    ),
    algorithm,
    nameOf(issuer?.commonName ?? commonName),
    der(0x30, timeOf(notBefore), timeOf(options.notAfter ?? notBefore + 3650 * DAY)),
    nameOf(commonName),
    spki,
    der(0xa3, der(0x30, extension)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign(hash, signed, signer)]));
  return { pem: toPem(der(0x30, signed, algorithm, signature)), privateKey, commonName };
}

export function p256PrivateKey(name: string): KeyObject {
  const ecdh = createECDH('prime256v1');
  const d = createHash('sha256').update(name).digest();
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  return createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: d.toString('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  });
}

function algorithmOf(signer: KeyObject, hash: 'sha1' | 'sha256'): Buffer {
  if (signer.asymmetricKeyType === 'rsa') {
    const id = hash === 'sha1' ? '2a864886f70d010105' : '2a864886f70d01010b';
    return der(0x30, oid(id), der(0x05));
  }
  return der(0x30, oid(hash === 'sha1' ? '2a8648ce3d0401' : '2a8648ce3d040302'));
}

function nameOf(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(commonName)))));
}

function timeOf(ms: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function toPem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
