/** Where metadata files come from: a URL space as TUF or Notary lays it out, read through the HTTP client. */
import { toNotaryRole } from '@vidimus/notary';
import type { DialectName } from '@vidimus/tuf';
import { TrustClientError, unusable } from '../errors.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';

/** Gets metadata files by role and version; the workflow's `fetch` step goes here. */
export interface MetadataSource {
  /**
   * The bytes of `[version.]role.json`, or of `role.sha256.json` where files go by hash, at most `maxBytes`;
   * undefined for 404 and 403 and nothing else.
   * @throws TrustClientError UNREACHABLE, UNUSABLE or UNAUTHORIZED
   */
  fetch(
    role: string,
    version: number | undefined,
    maxBytes: number,
    sha256?: string,
  ): Promise<Uint8Array | undefined>;
}

/** A source below `base`, an absolute URL on the client's origin that ends in `/`. */
export function createHttpSource(
  client: HttpClient,
  base: string,
  dialect: DialectName = 'tuf',
): MetadataSource {
  return {
    async fetch(role, version, maxBytes, sha256) {
      const file = dialect === 'notary' ? notaryFileName : metadataFileName;
      const url = base + file(role, version, sha256);
      const answer = await client.request({ method: 'GET', url, maxBytes });
      return metadataOf(answer, client.server);
    },
  };
}

/** `3.targets.json`; every character a URL could read as structure is percent-encoded (conformance: quoting). */
export function metadataFileName(role: string, version: number | undefined): string {
  const name = `${encodeURIComponent(role)}.json`;
  return version === undefined ? name : `${version}.${name}`;
}

/** `targets/releases.<sha256>.json`, as Notary servers have it: the slashes of a role are the URL's. */
function notaryFileName(role: string, version: number | undefined, sha256: string | undefined): string {
  const name = toNotaryRole(role);
  if (version !== undefined) return `${version}.${name}.json`;
  return sha256 === undefined ? `${name}.json` : `${name}.${sha256}.json`;
}

function metadataOf(answer: HttpAnswer, server: string): Uint8Array | undefined {
  const { status } = answer;
  if (status === 404 || status === 403) return undefined;
  if (status === 401) throw unauthorized(server);
  if (status !== 200) throw unusable('status', `${server} answers ${status}`, { server, status });
  // A login page or a captive portal answers 200 with HTML: say so instead of calling it bad metadata.
  if (isHtml(answer)) throw unusable('html', `${server} answers with a web page`, { server });
  return answer.body;
}

/** 401, with what to do about it. */
export function unauthorized(server: string): TrustClientError {
  return new TrustClientError('UNAUTHORIZED', `${server} wants a token`, {
    detail: { server },
    hint: 'give a token with --token-file FILE or VIDIMUS_TOKEN',
  });
}

/** Whether an answer is a web page and not JSON: by its media type, or by its first character. */
export function isHtml(answer: HttpAnswer): boolean {
  const type = answer.headers['content-type'] ?? '';
  if (/^\s*(text\/html|application\/xhtml)/i.test(type)) return true;
  const head = Buffer.from(answer.body.subarray(0, 64)).toString('latin1');
  return /^(\xef\xbb\xbf)?\s*</.test(head);
}
