/**
 * Answers a Notary server's 401: the token flow of registries, or Basic. A password goes only where it belongs:
 * that of `NOTARY_AUTH` to the server the person named, that of Docker's files where the server is the registry's.
 */
import {
  agentOf,
  authorize,
  type Credential,
  credentialsFromFiles,
  DEFAULT_TIMEOUTS,
  exchange,
} from '@vidimus/oci';
import { parseRepository } from '@vidimus/reference';
import { CliError } from '../../cli-error.ts';
import { foreignEnvironment } from '../../client/foreign-environment.ts';
import type { Environment } from '../../context.ts';
import { exitCodes } from '../../exit-codes.ts';

/** Docker Hub's trust server is another host than its registry, and takes the same account. */
const hubServer = 'notary.docker.io';
const hubRegistry = 'docker.io';

export interface LoginParts {
  readonly environment: Environment;
  readonly origin: URL;
  /** PEM certificates trusted beside the usual ones, for the server's own host. */
  readonly ca: string | undefined;
}

/**
 * The `Authorization` header that answers a challenge for one repository.
 * @throws OciError DENIED, UNUSABLE, UNREACHABLE, CREDENTIALS_INVALID; CliError NOTARY_AUTH_INVALID
 */
export async function login(
  { environment, origin, ca }: LoginParts,
  challenge: string | undefined,
  repository: string,
  actions: 'pull' | 'push,pull',
): Promise<string> {
  const credential = await findCredential(environment, origin, repository);
  const scope = `repository:${repository}:${actions}`;
  return await authorize({ origin, challenge, scope, credential }, async (request) => {
    // The realm may be any host; the CA file speaks for the server's own.
    const agent = agentOf(request.url, request.url.hostname === origin.hostname ? ca : undefined);
    const totalMs = DEFAULT_TIMEOUTS.connectMs + DEFAULT_TIMEOUTS.idleMs;
    return await exchange({ ...request, agent, timeouts: DEFAULT_TIMEOUTS, totalMs });
  });
}

async function findCredential(
  environment: Environment,
  origin: URL,
  repository: string,
): Promise<Credential | undefined> {
  const given = environment['NOTARY_AUTH'];
  if (given !== undefined && given !== '') return parseNotaryAuth(given);
  const find = credentialsFromFiles({ environment: foreignEnvironment(environment) });
  const { registry, path } = parseRepository(repository);
  const isRegistrys = origin.host === registry || (origin.hostname === hubServer && registry === hubRegistry);
  return (isRegistrys ? await find(registry, path) : undefined) ?? (await find(origin.host, ''));
}

/** base64 of `user:password`, as the `notary` program takes it. */
function parseNotaryAuth(text: string): Credential {
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon > 0)
    return { kind: 'password', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  throw new CliError(
    'NOTARY_AUTH_INVALID',
    exitCodes.usage,
    'NOTARY_AUTH is not base64 of user:password',
    'export NOTARY_AUTH=$(printf %s "user:password" | base64)',
  );
}
