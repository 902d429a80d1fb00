/** Connections, logins, redirects and statuses: how one question reaches a registry and comes back as an answer. */
import { authorize } from './authorization.ts';
import { parseChallenge } from './challenge.ts';
import { anonymous, type FindCredential } from './credential.ts';
import { agentOf, type Endpoint, endpointsOf, type RegistryOptions } from './endpoint.ts';
import { OciError } from './errors.ts';
import { type Answer, discard, exchange } from './http-exchange.ts';
import { MAX_REDIRECTS, type Timeouts } from './limits.ts';
import { bareMediaType } from './media-type.ts';
import { isRedirect, type RedirectRule, redirectTarget } from './redirects.ts';

export interface RegistryClientOptions {
  /** Keyed by `host[:port]` as in normalised repository names (`docker.io` for Docker Hub). */
  readonly registries?: ReadonlyMap<string, RegistryOptions>;
  /** Anonymous when absent. */
  readonly credentials?: FindCredential;
  readonly timeouts?: Partial<Timeouts>;
}

export interface RegistryPing {
  readonly url: string;
  readonly authentication: 'none' | 'basic' | 'bearer' | 'unknown';
}

/** One question to a registry. */
export interface Ask {
  readonly method: 'GET' | 'HEAD';
  /** Below `/v2/`. */
  readonly path: string;
  readonly registry: string;
  /** Repository path that a token must allow to pull; undefined for the registry itself. */
  readonly repositoryPath?: string;
  readonly accept?: string;
  readonly redirects: RedirectRule;
  readonly totalMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Wire {
  ping(registry: string): Promise<RegistryPing>;
  /** An answer with status 200, unread. */
  ask(ask: Ask): Promise<Answer>;
  close(): void;
}

/** The maps are this client's own and live as long as it does. */
export function createWire(options: RegistryClientOptions, timeouts: Timeouts): Wire {
  const registries = options.registries ?? new Map<string, RegistryOptions>();
  const findCredential = options.credentials ?? anonymous;
  const endpoints = new Map<string, Promise<Endpoint>>();
  const agents = new Set<Endpoint['agent']>();
  /** Authorization headers by registry and scope; each is only ever sent to its registry's origin. */
  const authorizations = new Map<string, string>();
  const isPlainAllowed = (host: string): boolean => registries.get(host)?.plainHttp === true;

  const keep = <A extends Endpoint['agent']>(agent: A): A => {
    agents.add(agent);
    return agent;
  };
  /** Agents for where blobs are redirected to, one per origin. */
  const foreign = new Map<string, Endpoint['agent']>();
  const agentFor = (url: URL, endpoint: Endpoint): Endpoint['agent'] => {
    if (url.origin === endpoint.origin.origin) return endpoint.agent;
    const known = foreign.get(url.origin);
    if (known !== undefined) return known;
    const made = agentOf(url, registries.get(url.host)?.ca);
    foreign.set(url.origin, keep(made));
    return made;
  };

  const sendOnce = (endpoint: Endpoint, ask: Ask, url: URL, headers: Readonly<Record<string, string>>) =>
    exchange({
      url,
      method: ask.method,
      headers,
      agent: agentFor(url, endpoint),
      timeouts,
      totalMs: ask.totalMs,
      signal: ask.signal,
    });

  /** Follows redirects; the Authorization header stays behind at the first other origin and never comes back. */
  const send = async (endpoint: Endpoint, ask: Ask, authorization: string | undefined): Promise<Answer> => {
    let url = new URL(`/v2/${ask.path}`, endpoint.origin);
    let atHome = true;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const answer = await sendOnce(endpoint, ask, url, {
        'user-agent': 'vidimus',
        accept: ask.accept ?? '*/*',
        ...(authorization === undefined || !atHome ? {} : { authorization }),
      });
      if (!isRedirect(answer.status)) return answer;
      discard(answer);
      url = redirectTarget(url, answer.headers.location, ask.redirects, isPlainAllowed);
      atHome &&= url.origin === endpoint.origin.origin;
    }
    throw new OciError('UNUSABLE', `${endpoint.origin.host} redirects without end`, {
      host: endpoint.origin.host,
      reason: 'redirect',
    });
  };

  const login = async (endpoint: Endpoint, ask: Ask, challenge: string | undefined): Promise<string> => {
    const { repositoryPath } = ask;
    const credential = await findCredential(ask.registry, repositoryPath ?? '');
    return authorize(
      {
        origin: endpoint.origin,
        challenge,
        scope: repositoryPath === undefined ? undefined : `repository:${repositoryPath}:pull`,
        credential,
      },
      (request) =>
        exchange({
          ...request,
          headers: { 'user-agent': 'vidimus', ...request.headers },
          agent: agentFor(request.url, endpoint),
          timeouts,
          totalMs: timeouts.documentMs,
        }),
    );
  };

  const ask = async (request: Ask): Promise<Answer> => {
    const endpoint = await connect(request.registry);
    const key = `${request.registry} ${request.repositoryPath ?? ''}`;
    let answer = await send(endpoint, request, authorizations.get(key));
    // A 401 from where a blob was redirected to is no challenge of the registry: it gets no credential.
    if (answer.status === 401 && answer.url.origin === endpoint.origin.origin) {
      discard(answer);
      const authorization = await login(endpoint, request, answer.headers['www-authenticate']);
      authorizations.set(key, authorization);
      answer = await send(endpoint, request, authorization);
      if (answer.status === 401) authorizations.delete(key);
    }
    if (answer.status === 200) return answer;
    discard(answer);
    throw refusedAnswer(answer, endpoint, request);
  };

  const pingAt = async (registry: string, endpoint: Endpoint): Promise<RegistryPing> => {
    const request: Ask = {
      method: 'GET',
      path: '',
      registry,
      redirects: 'none',
      totalMs: timeouts.documentMs,
    };
    const answer = await send(endpoint, request, undefined);
    discard(answer);
    const url = endpoint.origin.origin;
    const type = bareMediaType(answer.headers['content-type']);
    if (answer.status === 200 && type !== 'text/html') return { url, authentication: 'none' };
    if (answer.status !== 401) throw refusedAnswer(answer, endpoint, request);
    return { url, authentication: parseChallenge(answer.headers['www-authenticate'])?.scheme ?? 'unknown' };
  };

  /** The first endpoint that speaks; only loopback has a second one, and only a TLS failure leads to it. */
  const connect = (registry: string): Promise<Endpoint> => {
    const known = endpoints.get(registry);
    if (known !== undefined) return known;
    const connecting = (async (): Promise<Endpoint> => {
      const [first, second] = endpointsOf(registry, registries.get(registry));
      if (first === undefined) throw new OciError('CONFIGURATION_INVALID', 'no endpoint', { registry });
      keep(first.agent);
      if (second === undefined) return first;
      keep(second.agent);
      return pingAt(registry, first).then(
        () => first,
        (error: unknown) => {
          if (isPlainServer(error)) return second;
          // Nobody there: asked anew next time. Anything else the request itself will meet and tell.
          if (error instanceof OciError && error.code === 'UNREACHABLE') throw error;
          return first;
        },
      );
    })();
    endpoints.set(registry, connecting);
    connecting.catch(() => endpoints.delete(registry));
    return connecting;
  };

  return {
    ask,
    ping: async (registry) => pingAt(registry, await connect(registry)),
    close: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}

/** OpenSSL read `HTTP/1.1 400` where a TLS record was due; a bad certificate is something else. */
function isPlainServer(error: unknown): boolean {
  return (
    error instanceof OciError &&
    (error.detail['cause'] === 'EPROTO' || error.detail['cause'] === 'ERR_SSL_WRONG_VERSION_NUMBER')
  );
}

/** The one place where a registry's status becomes a code. */
function refusedAnswer(answer: Answer, endpoint: Endpoint, ask: Ask): OciError {
  const { status } = answer;
  const { host } = answer.url;
  const detail = { host, status };
  const page = bareMediaType(answer.headers['content-type']) === 'text/html';
  const isRegistry = answer.url.origin === endpoint.origin.origin;
  if (isRegistry && (status === 401 || status === 403)) {
    return new OciError(
      'DENIED',
      `${host} refuses to show ${ask.repositoryPath ?? 'itself'} (${status})`,
      detail,
    );
  }
  if (status === 404 && !page && ask.repositoryPath !== undefined) {
    return new OciError('NOT_FOUND', `${host} has no ${ask.path}`, detail);
  }
  const why = page ? 'a web page' : status === 429 ? 'that it has had too many requests' : 'nothing usable';
  return new OciError('UNUSABLE', `${host} answered ${why} (${status})`, detail);
}
