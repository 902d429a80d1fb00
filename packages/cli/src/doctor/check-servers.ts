/** Checks of the outside: trust servers, the clock against theirs, the metadata of every repository pinned here. */
import { DIRECTORY_NAME } from '@vidimus/reference';
import {
  createHttpClient,
  listAnchors,
  type RepositorySettings,
  TrustClientError,
} from '@vidimus/trust-client';
import { TufError } from '@vidimus/tuf';
import { type Client, openClient } from '../client/open-client.ts';
import { readingSettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { formatDay, formatDistance } from '../output/times.ts';
import type { DoctorFinding } from './finding.ts';

const answerMs = 5000;
const maxAnswerBytes = 65_536;
const maxSkewMs = 5 * 60_000;
const soonMs = 14 * 86_400_000;

/** Reachability of every trust server in use, and its clock. */
export async function checkServers(context: Context): Promise<readonly DoctorFinding[]> {
  const client = openClient(context, true);
  try {
    const anchors = await listAnchors(client.cache);
    const { server } = context.options;
    const inUse: readonly Server[] = [
      ...(server === undefined ? [] : [{ server }]),
      ...anchors.map(({ repository, dialect, server: own }) => ({
        dialect,
        ...readingSettings(context, repository, true),
        ...(repository === DIRECTORY_NAME && own !== undefined ? { server: own } : {}),
      })),
    ];
    // One that has repositories of both dialects is ours.
    const ours = inUse.filter(({ dialect }) => dialect !== 'notary');
    const servers = new Map([...inUse, ...ours].map((settings) => [settings.server, settings]));
    if (servers.size === 0) return [{ group: 'server', state: 'ok', text: 'none in use yet' }];
    return (await Promise.all([...servers.values()].map((one) => checkServer(context, one)))).flat();
  } finally {
    client.close();
  }
}

type Server = Pick<RepositorySettings, 'server' | 'ca' | 'dialect'>;

async function checkServer(
  context: Context,
  { server, ca, dialect }: Server,
): Promise<readonly DoctorFinding[]> {
  const start = context.world.now();
  try {
    const http = createHttpClient({
      server,
      limits: { connectTimeoutMs: answerMs, idleTimeoutMs: answerMs, totalTimeoutMs: answerMs },
      ...(ca === undefined ? {} : { ca }),
    });
    // Somebody else's Notary server has no other; ours has it, too.
    const url = dialect === 'notary' ? '_notary_server/health' : 'healthz';
    const ask = http.request({ method: 'GET', url, maxBytes: maxAnswerBytes });
    const { status, headers } = await ask.finally(() => http.close());
    if (status !== 200) return [fail(`${server} answers ${status}`)];
    const skew = clockSkew(headers.date, context.world.now());
    return [
      { group: 'server', state: 'ok', text: `${server} ${context.world.now() - start} ms` },
      ...(skew === undefined ? [] : [skew]),
    ];
  } catch (error) {
    if (!(error instanceof TrustClientError)) throw error;
    return [fail(error.message)];
  }
}

function fail(text: string): DoctorFinding {
  return { group: 'server', state: 'FAIL', text, fix: 'check VIDIMUS_SERVER, trustServer and the network' };
}

function clockSkew(date: string | undefined, now: number): DoctorFinding | undefined {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return undefined;
  const skew = Math.abs(now - theirs);
  const text = `${(skew / 1000).toFixed(1)} s from the server`;
  if (skew <= maxSkewMs) return { group: 'clock', state: 'ok', text };
  return { group: 'clock', state: 'FAIL', text, fix: 'set the clock: freshness is judged by it' };
}

/** What expires soon, and how long pulls go on without the server. */
export async function checkMetadata(context: Context): Promise<readonly DoctorFinding[]> {
  const client = openClient(context, false);
  try {
    const anchors = await listAnchors(client.cache);
    const all = await Promise.all(
      anchors.map(({ repository }) => checkRepository(context, client, repository)),
    );
    return all.flat();
  } finally {
    client.close();
  }
}

async function checkRepository(
  context: Context,
  client: Client,
  repository: string,
): Promise<readonly DoctorFinding[]> {
  const now = context.world.now();
  try {
    const facts = await client.trust.open(repository).refresh();
    const until = Math.min(...Object.values(facts.expires));
    const soon = (['root', 'targets'] as const).filter((role) => facts.expires[role] - now < soonMs);
    const metadata: readonly DoctorFinding[] =
      soon.length === 0
        ? [{ group: 'metadata', state: 'ok', text: `${repository} root v${facts.versions.root}` }]
        : soon.map((role) => ({
            group: 'metadata',
            state: 'warn',
            text: `${role} of ${repository} expires ${formatDay(facts.expires[role])}`,
            fix: 'whoever holds its key signs it again',
          }));
    const outage: DoctorFinding = {
      group: 'outage',
      state: 'ok',
      text: `${repository}: without the server, known images run ${formatDistance(until - now)}, then are refused`,
    };
    return [...metadata, outage];
  } catch (error) {
    if (!(error instanceof TufError) && !(error instanceof TrustClientError)) throw error;
    return [{ group: 'metadata', state: 'FAIL', text: `${repository}: ${error.code} ${error.message}` }];
  }
}
