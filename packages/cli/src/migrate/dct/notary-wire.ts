/** A Notary server of somebody else, read. Its answers are bytes to be judged; only 404 means "not there". */
import { isSha256Hex } from '@vidimus/crypto';
import { createHttpClient, type HttpAnswer, type HttpClient, TrustClientError } from '@vidimus/trust-client';
import { DEFAULT_LIMITS, type Limits } from '@vidimus/tuf';
import type { Environment } from '../../context.ts';
import type { DocumentSource } from './document-source.ts';
import { login } from './notary-login.ts';

/** What the Go clients read of a timestamp; other caps are those of our own client. */
export const readLimits: Limits = { ...DEFAULT_LIMITS, timestampBytes: 1_048_576 };

export interface NotaryWireOptions {
  readonly server: string;
  readonly ca?: string;
  /** Bearer token for a server of ours. */
  readonly token?: string;
  readonly environment: Environment;
}

export interface NotaryWire {
  /** The server's URL, ending in `/`. */
  readonly server: string;
  /** Whether anybody is there; a server that wants a login is. @throws TrustClientError UNREACHABLE, UNUSABLE */
  ping(): Promise<void>;
  /** @param repository normalised name */
  open(repository: string): DocumentSource;
  close(): void;
}

const maxPingBytes = 65_536;

/** @throws TrustClientError OPTIONS_INVALID */
export function openNotaryWire({ server, ca, token, environment }: NotaryWireOptions): NotaryWire {
  const http = createHttpClient({
    server,
    ...(ca === undefined ? {} : { ca }),
    ...(token === undefined ? {} : { token }),
  });
  const origin = new URL(http.server);
  return {
    server: http.server,
    close: http.close,
    async ping() {
      const answer = await http.request({ method: 'GET', url: 'v2/', maxBytes: maxPingBytes });
      if (answer.status !== 200 && answer.status !== 401) throw unusable(http.server, answer.status);
    },
    open(repository) {
      let authorization: string | undefined;
      const get = async (name: string, maxBytes: number): Promise<Uint8Array | undefined> => {
        const url = `v2/${repository}/_trust/tuf/${name}.json`;
        const ask = (): Promise<HttpAnswer> => request(http, url, maxBytes, authorization);
        let answer = await ask();
        // A token of ours that is refused is no reason to offer somebody's password.
        if (answer.status === 401 && token === undefined) {
          const challenge = answer.headers['www-authenticate'];
          authorization = await login({ environment, origin, ca }, challenge, repository, 'pull');
          answer = await ask();
        }
        return bytesOf(answer, http.server);
      };
      return {
        root: (version) => get(version === undefined ? 'root' : `${version}.root`, readLimits.rootBytes),
        current: (role) => get(role, maxBytesFor(role)),
        listed: async (role, sha256) =>
          isSha256Hex(sha256) ? await get(`${role}.${sha256}`, maxBytesFor(role)) : undefined,
      };
    },
  };
}

function request(
  http: HttpClient,
  url: string,
  maxBytes: number,
  authorization: string | undefined,
): Promise<HttpAnswer> {
  return http.request({
    method: 'GET',
    url,
    maxBytes,
    headers: authorization === undefined ? {} : { authorization },
  });
}

function bytesOf({ status, body }: HttpAnswer, server: string): Uint8Array | undefined {
  if (status === 200) return body;
  if (status === 404) return undefined;
  if (status === 401 || status === 403) {
    throw new TrustClientError('UNAUTHORIZED', `${server} lets nobody read this without a login`, {
      detail: { server, status },
      hint: 'docker login to its registry, or set NOTARY_AUTH to base64 of user:password',
    });
  }
  throw unusable(server, status);
}

function unusable(server: string, status: number): TrustClientError {
  return new TrustClientError('UNUSABLE', `${server} answers ${status}`, {
    detail: { server, status, reason: 'status' },
  });
}

function maxBytesFor(role: string): number {
  if (role === 'timestamp') return readLimits.timestampBytes;
  return role === 'snapshot' ? readLimits.snapshotBytes : readLimits.targetsBytes;
}
