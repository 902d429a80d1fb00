/** Which root keys an authority vouches for: a chain of issuers from the leaf to one of its certificates. */
import { type Certificate, CryptoError, readCertificates } from '@vidimus/crypto';
import { type Root, TufError } from '@vidimus/tuf';
import { isCurrent, rootCertificates } from './root-certificates.ts';

/**
 * Ids of the keys of the root role whose certificate chains to the authority.
 * @param caPem certificates of the authority
 * @param atMs when given, every certificate of the chain must be valid then
 * @throws TufError ANCHOR when `caPem` holds anything but certificates of authorities; MALFORMED as `rootCertificates`
 */
export function certifiedKeyIds(root: Root, caPem: string, atMs?: number): readonly string[] {
  const authorities = readAuthorities(caPem);
  return rootCertificates(root)
    .filter(({ leaf, intermediates }) => chains(leaf, intermediates, authorities, atMs))
    .map(({ keyId }) => keyId);
}

/** Each certificate is visited once: sixteen of them have more orders than anybody could try. */
function chains(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  authorities: readonly Certificate[],
  atMs: number | undefined,
): boolean {
  const isValid = (each: Certificate): boolean => atMs === undefined || isCurrent(each, atMs);
  const trusted = authorities.filter(isValid);
  let unvisited = intermediates.filter(isValid);
  const reached = isValid(leaf) ? [leaf] : [];
  for (const certificate of reached) {
    if (trusted.some((authority) => certificate.issuedBy(authority))) return true;
    const issuers = unvisited.filter((each) => certificate.issuedBy(each));
    unvisited = unvisited.filter((each) => !issuers.includes(each));
    reached.push(...issuers);
  }
  return false;
}

function readAuthorities(caPem: string): readonly Certificate[] {
  try {
    const authorities = readCertificates(caPem);
    if (authorities.every(({ isCa }) => isCa)) return authorities;
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
  }
  throw new TufError('ANCHOR', 'the pinned authority is not made of certificates of authorities');
}
