/** Paths of the REST API below one repository. */
import { isRepositoryName } from '@vidimus/reference';
import { TrustClientError } from '../errors.ts';

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * `v2/<repository>/_trust/<segment>…`; the repository goes raw, each segment percent-encoded.
 * @throws TrustClientError OPTIONS_INVALID for what would become another path (T20)
 */
export function trustPath(repository: string, ...segments: readonly string[]): string {
  if (!isRepositoryName(repository)) {
    throw new TrustClientError('OPTIONS_INVALID', 'not a normalised repository name');
  }
  if (segments.some((segment) => ['', '.', '..'].includes(segment) || LONE_SURROGATE.test(segment))) {
    throw new TrustClientError('OPTIONS_INVALID', 'not a tag, digest or id');
  }
  return ['v2', repository, '_trust', ...segments.map(encodeURIComponent)].join('/');
}
