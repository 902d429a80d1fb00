/**
 * The keys by which a registry's token server may sign: those of the certificates an administrator configured,
 * and those of certificates they issued. A token names its key in its header, which is the attacker's to write:
 * a key that came with the token counts only with a chain to the bundle.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { type Certificate, CryptoError, readCertificates } from '@vidimus/crypto';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { AccessError } from './errors.ts';
import { toUsableKey } from './usable-key.ts';

/** The leaf and what is between it and the bundle. */
const maxChainLength = 4;
const maxCertificateLength = 8_192;

export interface TokenKeys {
  /**
   * A key of the bundle itself, by libtrust's fingerprint or its JWK thumbprint (RFC 7638). The administrator named
   * the key: the dates of its certificate are not asked, as in Docker's registry.
   */
  byKeyId(keyId: string): KeyObject | undefined;
  /** The leaf's key, of a chain in base64 DER (RFC 7515 4.1.6) that ends at the bundle and is valid now. */
  byChain(chain: readonly string[], nowMs: number): KeyObject | undefined;
}

/**
 * @param bundle - PEM, `auth.options.rootcertbundle` of a registry or of a Notary server
 * @throws AccessError BUNDLE_INVALID
 */
export async function readTokenKeys(bundle: string): Promise<TokenKeys> {
  const trusted = readBundle(bundle);
  const byId = new Map<string, KeyObject>();
  for (const certificate of trusted) {
    const key = toUsableKey(certificate.publicSpkiDer);
    if (key === undefined) continue;
    byId.set(libtrustKeyId(certificate.publicSpkiDer), key);
    byId.set(await calculateJwkThumbprint(await exportJWK(key)), key);
  }
  if (byId.size === 0) throw new AccessError('BUNDLE_INVALID', 'no certificate holds a key that may be used');
  return {
    byKeyId: (keyId) => byId.get(keyId),
    byChain: (chain, nowMs) => {
      const certificates = readChain(chain);
      const [leaf] = certificates;
      if (leaf === undefined || !leadsToBundle(certificates, trusted, nowMs)) return undefined;
      return toUsableKey(leaf.publicSpkiDer);
    },
  };
}

function readBundle(bundle: string): readonly Certificate[] {
  try {
    return readCertificates(bundle);
  } catch (cause) {
    throw new AccessError('BUNDLE_INVALID', 'expected certificates in PEM', { cause });
  }
}

/** Undefined for what is no chain. */
function readChain(chain: readonly string[]): readonly Certificate[] {
  if (chain.length > maxChainLength || chain.some((text) => text.length > maxCertificateLength)) return [];
  // Base64 alone: whoever wrote the header must not write PEM.
  if (!chain.every((text) => /^[A-Za-z0-9+/]+={0,2}$/.test(text))) return [];
  try {
    return readCertificates(
      chain.map((text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`).join(''),
    );
  } catch (error) {
    if (error instanceof CryptoError) return [];
    throw error;
  }
}

/** Walks up: every step is valid now, and was issued by the next or by the bundle. */
function leadsToBundle(
  chain: readonly Certificate[],
  trusted: readonly Certificate[],
  nowMs: number,
): boolean {
  for (const [index, certificate] of chain.entries()) {
    if (!isValidAt(certificate, nowMs)) return false;
    if (trusted.some(({ pem }) => pem === certificate.pem)) return true;
    if (trusted.some((root) => isValidAt(root, nowMs) && certificate.issuedBy(root))) return true;
    const above = chain[index + 1];
    if (above === undefined || !certificate.issuedBy(above)) return false;
  }
  return false;
}

function isValidAt(certificate: Certificate, nowMs: number): boolean {
  return certificate.notBefore <= nowMs && nowMs <= certificate.notAfter;
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first 240 bits of the key's SHA-256 in base32, in groups of four: `ABCD:EFGH:…`. */
function libtrustKeyId(spkiDer: Uint8Array): string {
  const digest = createHash('sha256').update(spkiDer).digest().subarray(0, 30);
  const bits = [...digest].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = bits.match(/.{5}/g) ?? [];
  const text = letters.map((letter) => base32[Number.parseInt(letter, 2)]).join('');
  return (text.match(/.{4}/g) ?? []).join(':');
}
