/** What the trust servers see coming: metadata and certificates that end, renewals that are late, changes that wait. */
import { isRepositoryName } from '@vidimus/reference';
import { type Attention, createPublishClient } from '@vidimus/trust-client';
import { type ServerInUse, serversInUse } from '../change/servers-in-use.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { toCliError } from '../failures.ts';
import { formatDay, formatDistance } from '../output/times.ts';
import type { DoctorFinding } from './finding.ts';

/** What people must renew is told this long before. */
const ahead = '30d';
/** Lines about one server. */
const maxShown = 20;
const maxNamed = 5;

/** A choice somebody made, or news for nobody: not what a doctor is asked about. */
const passedOver: ReadonlySet<string> = new Set(['ROOT_ONLINE', 'TARGET_NOT_MIRRORED', 'CHANGE_OPEN']);
/** Clients refuse already. */
const failing: ReadonlySet<string> = new Set(['ROLE_EXPIRED', 'VERSION_UNCERTAIN']);

/** Asks each server of which a token is known; without one nobody is told. */
export async function checkAttention(context: Context): Promise<readonly DoctorFinding[]> {
  const servers = (await serversInUse(context)).filter(({ settings }) => settings.token !== undefined);
  return (await Promise.all(servers.map((server) => askServer(context, server)))).flat();
}

async function askServer(context: Context, { settings }: ServerInUse): Promise<readonly DoctorFinding[]> {
  const publisher = createPublishClient(settings);
  try {
    return toFindings(context, settings.server, await publisher.attention(ahead));
  } catch (error) {
    const failure = toCliError(error);
    if (failure.code === 'UNAUTHORIZED') {
      const text = `${settings.server} takes the token for none, or for one that has ended`;
      return [{ group: 'server', state: 'warn', text, fix: 'check VIDIMUS_TOKEN and --token-file' }];
    }
    // One that cannot be reached is told of already; one of another kind, or that may not tell, says nothing.
    if (failure.exit === exitCodes.internal) throw error;
    return [];
  } finally {
    publisher.close();
  }
}

type Problem = Attention['items'][number]['problems'][number];

function toFindings(
  context: Context,
  server: string,
  { items, next, summary }: Attention,
): readonly DoctorFinding[] {
  const found = items
    .filter(({ repository }) => isRepositoryName(repository))
    .flatMap(({ repository, problems }) =>
      problems
        .filter(({ code }) => !passedOver.has(code))
        .map((problem) => toFinding(repository, problem, context.world.now())),
    )
    .sort((one, other) => Number(other.state === 'FAIL') - Number(one.state === 'FAIL'));
  const rest = found.length - maxShown;
  const more = rest > 0 || next ? [warn(`${server}: more repositories have problems than are shown`)] : [];
  const waiting =
    summary.pendingChanges === 0
      ? []
      : [
          warn(
            `${server}: ${summary.pendingChanges} open changes wait for somebody`,
            'vidimus change list --mine',
          ),
        ];
  if (found.length + more.length + waiting.length > 0)
    return [...found.slice(0, maxShown), ...more, ...waiting];
  const text = `${server}: ${summary.repositories} repositories, nothing ends within ${ahead}, no change waits`;
  return [{ group: 'server', state: 'ok', text }];
}

function toFinding(repository: string, problem: Problem, now: number): DoctorFinding {
  const { code, role = '', dialect, expires, heldBy } = problem;
  const state = failing.has(code) ? 'FAIL' : 'warn';
  const ends = expires === undefined ? Number.NaN : Date.parse(expires);
  const what = `${role}${dialect === undefined ? '' : ` (${dialect})`} of ${repository}`;
  if (Number.isNaN(ends)) return { group: 'server', state, text: `${repository}: ${code}`, fix: problem.fix };
  const when = `${ends <= now ? 'ended' : 'ends'} ${formatDay(ends)}, ${formatDistance(ends - now)}${ends <= now ? ' ago' : ''}`;
  if (code === 'KEY_EXPIRING') {
    return { group: 'server', state, text: `a certificate of ${what} ${when}`, fix: problem.fix };
  }
  if (heldBy === undefined) {
    return { group: 'server', state, text: `${what} ${when}: its server is late`, fix: problem.fix };
  }
  const who = heldBy
    .slice(0, maxNamed)
    .map((name) => (/^[0-9a-f]{64}$/.test(name) ? name.slice(0, 12) : name));
  const text = `${what} ${when}; held by ${who.join(', ')}${heldBy.length > maxNamed ? ' and others' : ''}`;
  return { group: 'server', state, text, fix: `vidimus change list ${repository} --expiring ${ahead}` };
}

function warn(text: string, fix?: string): DoctorFinding {
  return { group: 'server', state: 'warn', text, ...(fix === undefined ? {} : { fix }) };
}
