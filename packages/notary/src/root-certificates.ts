/**
 * The certificates of a root: its root keys name the repository they are for, are strong enough, and valid today.
 * The rules are those of the clients; whom to trust at all is the anchor's business.
 */
import { type Certificate, CryptoError, fromBase64, readCertificates } from '@vidimus/crypto';
import { type Key, malformed, member, type Root, TufError } from '@vidimus/tuf';
import { isCertificateType } from './key-entry.ts';

const DAY_MS = 86_400_000;
const weakHashes: ReadonlySet<string> = new Set(['md5', 'sha1', 'unknown']);

/** A root key with its certificate, and those that came with it. */
export interface RootCertificate {
  readonly keyId: string;
  readonly leaf: Certificate;
  /** Whoever issued it may be among them. */
  readonly intermediates: readonly Certificate[];
}

/**
 * Every key of the root role is one leaf certificate, first in its bundle, for this repository.
 * @throws TufError BINDING for one of another repository, MALFORMED
 */
export function assertRootCertificates(root: Root, repository: string): void {
  for (const { keyId, leaf } of rootCertificates(root)) {
    if (weakHashes.has(leaf.signatureHash)) throw refused(keyId, `is signed over ${leaf.signatureHash}`);
    // The gate for keys: RSA from 2048 bits on, points on their curve.
    if (root.keys.get(keyId)?.usable === undefined) throw refused(keyId, 'has a key that is weak or unknown');
    if (leaf.notBefore > leaf.notAfter) throw refused(keyId, 'ends before it begins');
    if (!isFor(leaf.subjectCommonName, repository)) {
      throw new TufError('BINDING', `the root certificate is for another repository: ${keyId}`, {
        role: 'root',
        what: 'repository',
        found: (leaf.subjectCommonName ?? '').slice(0, 255),
      });
    }
  }
}

/**
 * As many of the certificates as the threshold asks for are valid; of the newest root alone, so that a root whose
 * certificate ran out can still be followed to the one that replaced it.
 * @param signedBy ids of the keys whose signatures counted; all root keys when absent
 * @throws TufError EXPIRED, or LIFETIME for a certificate from the future
 */
export function assertRootCertificatesNow(root: Root, nowMs: number, signedBy?: readonly string[]): void {
  const { threshold, keyIds } = root.roles.root;
  const signers = new Set(signedBy ?? keyIds);
  const certificates = rootCertificates(root).filter(({ keyId }) => signers.has(keyId));
  if (certificates.filter(({ leaf }) => isCurrent(leaf, nowMs)).length >= threshold) return;
  const isEarly = certificates.some(({ leaf }) => !hasBegun(leaf, nowMs));
  const notAfter = Math.min(...certificates.map(({ leaf }) => leaf.notAfter));
  throw new TufError(
    isEarly ? 'LIFETIME' : 'EXPIRED',
    `the root certificate is ${isEarly ? 'not valid yet' : 'expired'}`,
    { role: 'root', version: root.version, expires: notAfter, now: nowMs },
  );
}

/** Written so that a time of NaN refuses. */
export function isCurrent(certificate: Certificate, nowMs: number): boolean {
  return hasBegun(certificate, nowMs) && nowMs <= certificate.notAfter;
}

/**
 * The certificates of the root role, in its order.
 * @throws TufError MALFORMED for a key that is none, or that the clients would know by another id
 */
export function rootCertificates(root: Root): readonly RootCertificate[] {
  return root.roles.root.keyIds.map((keyId) => {
    const key = root.keys.get(keyId);
    if (key === undefined) throw refused(keyId, 'is not among the keys');
    return { keyId, ...readBundle(key) };
  });
}

function readBundle({ keyId, declared }: Key): Pick<RootCertificate, 'intermediates' | 'leaf'> {
  const publicText = member(declared['keyval'], 'public');
  if (!isCertificateType(String(declared['keytype'])) || typeof publicText !== 'string') {
    throw refused(keyId, 'is no certificate');
  }
  const text = Buffer.from(fromBase64(publicText)).toString('latin1');
  const [leaf, ...intermediates] = readPem(keyId, text);
  if (leaf === undefined || leaf.isCa || intermediates.some((each) => !each.isCa)) {
    throw refused(keyId, 'does not begin with its one leaf');
  }
  // The clients spell certificates anew before they derive the id: in another spelling it is another key to them.
  if ([leaf, ...intermediates].map(({ pem }) => pem).join('') !== text)
    throw refused(keyId, 'is not plain PEM');
  return { leaf, intermediates };
}

function readPem(keyId: string, text: string): readonly Certificate[] {
  try {
    return readCertificates(text);
  } catch (error) {
    if (error instanceof CryptoError) throw refused(keyId, error.message);
    throw error;
  }
}

/** The common name is the repository, or `<prefix>/*`; a prefix that ends inside a component would reach its neighbours. */
function isFor(commonName: string | undefined, repository: string): boolean {
  if (commonName === undefined) return false;
  if (!commonName.endsWith('/*')) return commonName === repository;
  const prefix = commonName.slice(0, -1);
  return prefix.length > 1 && repository.startsWith(prefix) && repository.length > prefix.length;
}

/** As the clients: a clock that is a day behind the signer's does no harm. */
function hasBegun({ notBefore }: Certificate, nowMs: number): boolean {
  return notBefore <= nowMs + DAY_MS;
}

function refused(keyId: string, why: string): TufError {
  return malformed('roles.root', `root key ${keyId.slice(0, 64)} ${why}`);
}
