/** Our service on the Notary wire: keys for what it will sign, and what it serves. */
import { isJsonObject, parseJson } from '@vidimus/canonical-json';
import { notaryDialect } from '@vidimus/notary';
import type { RepositorySettings } from '@vidimus/trust-client';
import { createHttpClient, TrustClientError } from '@vidimus/trust-client';
import type { Key } from '@vidimus/tuf';
import type { Environment } from '../../context.ts';
import type { DocumentSource } from './document-source.ts';
import { openNotaryWire } from './notary-wire.ts';

export interface OurServer {
  /** Ending in `/`. */
  readonly url: string;
  open(repository: string): DocumentSource;
  /**
   * The key that the service signs a role of this repository with; the same again until it was used.
   * @throws TrustClientError UNREACHABLE, UNAUTHORIZED, UNUSABLE
   */
  key(repository: string, role: 'timestamp' | 'snapshot'): Promise<Key>;
  close(): void;
}

const maxKeyBytes = 65_536;

export function openOurServer(
  { server, token, ca }: Pick<RepositorySettings, 'server' | 'token' | 'ca'>,
  environment: Environment,
): OurServer {
  const trust = ca === undefined ? {} : { ca };
  const http = createHttpClient({ server, ...trust, ...(token === undefined ? {} : { token }) });
  // Without a login of the old server's.
  const wire = openNotaryWire({
    server,
    ...trust,
    ...(token === undefined ? {} : { token }),
    environment: { ...environment, NOTARY_AUTH: undefined },
  });
  return {
    url: http.server,
    open: wire.open,
    close() {
      http.close();
      wire.close();
    },
    async key(repository, role) {
      const url = `v2/${repository}/_trust/tuf/${role}.key`;
      const { status, body } = await http.request({ method: 'GET', url, maxBytes: maxKeyBytes });
      if (status === 401 || status === 403) {
        throw new TrustClientError(
          'UNAUTHORIZED',
          `${http.server} gives this token no key for ${repository}`,
          {
            detail: { server: http.server, status },
            hint: 'bringing a repository over needs a token of an administrator: --token-file FILE or VIDIMUS_TOKEN',
          },
        );
      }
      const key = status === 200 ? toKey(body) : undefined;
      if (key?.usable !== undefined) return key;
      throw new TrustClientError(
        'UNUSABLE',
        `${http.server} answers ${status} where its ${role} key should be`,
        {
          detail: { server: http.server, status, reason: 'body' },
          hint: 'is it a Vidimus server, of a version that speaks the Notary wire?',
        },
      );
    },
  };
}

function toKey(body: Uint8Array): Key | undefined {
  try {
    const declared = parseJson(body, { maxBytes: maxKeyBytes, maxDepth: 8 });
    return isJsonObject(declared) ? notaryDialect.toKey(declared) : undefined;
  } catch {
    // Whatever it was, it was no key.
    return undefined;
  }
}
