/** Which redirects are followed. Whoever answers chooses where they lead, so everything not needed is refused. */
import { isLoopback } from './endpoint.ts';
import { OciError } from './errors.ts';

/** Manifests stay on the registry's origin; blobs usually lie in an object store elsewhere. */
export type RedirectRule = 'none' | 'same-origin' | 'anywhere';

/** Tells whether a status is a redirect that repeats the method. 303 and 300 are not. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 307 || status === 308;
}

/**
 * The URL to go on with.
 * @param isPlainAllowed whether the configuration allows plain HTTP to that `host[:port]`
 * @throws OciError UNUSABLE with `detail.reason` `redirect`
 */
export function redirectTarget(
  from: URL,
  location: string | undefined,
  rule: RedirectRule,
  isPlainAllowed: (host: string) => boolean,
): URL {
  const refuse = (why: string): OciError =>
    new OciError('UNUSABLE', `${from.host} redirects, and ${why}`, { host: from.host, reason: 'redirect' });
  if (rule === 'none') throw refuse('no redirect is allowed here');
  if (location === undefined || !URL.canParse(location, from.href)) throw refuse('does not say where to');
  const target = new URL(location, from);
  target.hash = '';
  const sameOrigin = target.origin === from.origin;
  if (target.username !== '' || target.password !== '') throw refuse('the target carries credentials');
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refuse('the target is not HTTP');
  if (from.protocol === 'https:' && target.protocol === 'http:') throw refuse('the target is not HTTPS');
  if (rule === 'same-origin' && !sameOrigin) throw refuse('the target is another host');
  if (target.protocol === 'http:' && !sameOrigin) {
    const bothLoopback = isLoopback(from) && isLoopback(target);
    if (!bothLoopback && !isPlainAllowed(target.host))
      throw refuse('the target is another host in the clear');
  }
  return target;
}
