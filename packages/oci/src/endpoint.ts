/** Where a registry is spoken to: origin, plain or TLS, with which certificate authorities. */
import http, { type Agent } from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { OciError } from './errors.ts';

/** What a configuration may say about one registry host (`registries` of the client configuration). */
export interface RegistryOptions {
  /** True: plain HTTP. False: TLS even on loopback. Absent: TLS; on loopback plain HTTP if TLS is not spoken. */
  readonly plainHttp?: boolean;
  /** PEM certificates trusted for this host beside the usual ones. */
  readonly ca?: string;
}

/** One origin to try, first to last. */
export interface Endpoint {
  readonly origin: URL;
  readonly agent: Agent;
}

/** Docker's name for its own registry is not the host that answers. */
const HOSTS: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/**
 * The origins to try for a registry as it appears in a normalised repository name (`host[:port]`).
 * @throws OciError CONFIGURATION_INVALID when `ca` holds no usable certificate
 */
export function endpointsOf(registry: string, options: RegistryOptions = {}): readonly Endpoint[] {
  const host = HOSTS.get(registry) ?? registry;
  const secure = (): Endpoint => ({
    origin: originOf('https', host),
    agent: agentOf(originOf('https', host), options.ca),
  });
  const plain = (): Endpoint => ({
    origin: originOf('http', host),
    agent: agentOf(originOf('http', host), undefined),
  });
  if (options.plainHttp === true) return [plain()];
  const mayFallBack =
    options.plainHttp === undefined && options.ca === undefined && isLoopback(originOf('http', host));
  return mayFallBack ? [secure(), plain()] : [secure()];
}

/** Tells whether a URL names this machine itself by its usual loopback names. */
export function isLoopback(url: URL): boolean {
  const { hostname } = url;
  return (
    hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}

function originOf(scheme: 'http' | 'https', host: string): URL {
  const text = `${scheme}://${host}/`;
  if (!URL.canParse(text)) throw new OciError('CONFIGURATION_INVALID', 'not a registry host', { host });
  return new URL(text);
}

/**
 * Connections to one origin. TLS 1.2 and up, always verified: `NODE_TLS_REJECT_UNAUTHORIZED=0` does not reach it.
 * @throws OciError CONFIGURATION_INVALID when `ca` holds no usable certificate
 */
export function agentOf(url: URL, ca: string | undefined): Agent {
  if (url.protocol === 'http:') return new http.Agent({ keepAlive: true });
  const always = { keepAlive: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
  if (ca === undefined) return new https.Agent(always);
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw badCa(url.host);
  try {
    // Parsed once here, not at every connection.
    const secureContext = tls.createSecureContext({
      ca: [...tls.rootCertificates, ca],
      minVersion: always.minVersion,
    });
    return new https.Agent({ ...always, secureContext });
  } catch (cause) {
    throw badCa(url.host, cause);
  }
}

function badCa(registry: string, cause?: unknown): OciError {
  return new OciError(
    'CONFIGURATION_INVALID',
    `the CA file for ${registry} holds no usable certificate`,
    { registry },
    { cause },
  );
}
