/** Collects an audit from a server: its log, page by page, and the files that the audit asks for. Believes nothing. */
import { parseFile, readArray, readObject, TufError } from '@vidimus/tuf';
import { drive } from '../drive.ts';
import { TrustClientError, unusable } from '../errors.ts';
import type { HttpClient } from '../http/http-client.ts';
import { MAX_ANSWER_BYTES } from '../http/http-limits.ts';
import { createHttpSource, isHtml, unauthorized } from '../http/metadata-source.ts';
import { trustPath } from '../publish/trust-path.ts';
import { metadataUrl } from '../repository-trust.ts';
import { type AuditReport, auditHistory } from './audit-history.ts';
import { type AuditBundle, type AuditFile, MAX_AUDIT_EVENTS } from './bundle.ts';
import { type Json, type LoggedEvent, parseEvent } from './logged-event.ts';

const eventsPerPage = 1_000;

/** What the client has verified before the log is read: it is the log that is held against it. */
export interface AuditEvidence {
  readonly repository: string;
  readonly tag?: string;
  /** How the first root is trusted. */
  readonly anchor: string;
  readonly roots: readonly Uint8Array[];
  readonly timestamp: Uint8Array;
  readonly kept?: Uint8Array;
}

export interface CollectOptions {
  readonly http: HttpClient;
  readonly evidence: AuditEvidence;
  /** Hears what is being read, for people. */
  readonly progress?: (what: string) => void;
}

/**
 * The audit, and the bundle with which anybody can repeat it.
 * @throws TrustClientError UNREACHABLE, UNUSABLE, UNAUTHORIZED, REFUSED, AUDIT_INVALID, AUDIT_TAMPERED; TufError
 */
export async function collectAudit({
  http,
  evidence,
  progress,
}: CollectOptions): Promise<{ readonly report: AuditReport; readonly bundle: AuditBundle }> {
  const { repository } = evidence;
  const events = await readLog(http, repository, progress);
  const source = createHttpSource(http, metadataUrl(http.server, repository));
  const files: AuditFile[] = [];
  const report = await drive(auditHistory({ ...evidence, events }), {
    cache: nothingCached,
    source: {
      async fetch(role, version, maxBytes) {
        if (version === undefined) return undefined;
        progress?.(`reading ${role} ${version}`);
        const bytes = await source.fetch(role, version, maxBytes);
        if (bytes !== undefined) files.push({ role, version, bytes });
        return bytes;
      },
    },
    warn: () => undefined,
    whenSuperseded: 'keep',
  });
  return { report, bundle: { ...evidence, files, events } };
}

/** Every file comes from the server: what is current in the cache says nothing about the past. */
const nothingCached = {
  load: async () => undefined,
  store: async () => 'stored' as const,
  discard: async () => 'discarded' as const,
};

/** The log of the present incarnation, in ascending order. */
async function readLog(
  http: HttpClient,
  repository: string,
  progress: CollectOptions['progress'],
): Promise<readonly LoggedEvent[]> {
  const newestFirst: LoggedEvent[] = [];
  for (let cursor = ''; ; ) {
    progress?.(`reading the log of ${repository}: ${newestFirst.length} events`);
    const page = await readPage(http, repository, cursor);
    for (const event of page.items.map((item) => readEvent(http, item))) {
      if (event.incarnation !== (newestFirst[0] ?? event).incarnation) return newestFirst.reverse();
      newestFirst.push(event);
    }
    if (page.next === undefined) return newestFirst.reverse();
    // A server that gives pages without end, or of nothing, ends here.
    if (page.items.length === 0 || newestFirst.length > MAX_AUDIT_EVENTS) {
      throw new TrustClientError('AUDIT_INVALID', `the log has more than ${MAX_AUDIT_EVENTS} events`);
    }
    cursor = page.next;
  }
}

function readEvent(http: HttpClient, item: Json): LoggedEvent {
  try {
    return parseEvent(item);
  } catch (cause) {
    if (!(cause instanceof TrustClientError)) throw cause;
    throw unusable('body', `${http.server}: ${cause.message}`, {}, { cause });
  }
}

interface LogPage {
  readonly items: readonly Json[];
  readonly next?: string;
}

async function readPage(http: HttpClient, repository: string, cursor: string): Promise<LogPage> {
  const query = `limit=${eventsPerPage}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
  const url = `${http.server}${trustPath(repository)}/audit?${query}`;
  const answer = await http.request({ method: 'GET', url, maxBytes: MAX_ANSWER_BYTES });
  const { status } = answer;
  if (status === 401) throw unauthorized(http.server);
  if (status === 403) {
    throw new TrustClientError('REFUSED', 'the token does not permit to read the log', {
      detail: { status, serverCode: 'DENIED' },
      hint: 'vidimus token create --role auditor makes one that does',
    });
  }
  if (status !== 200) throw unusable('status', `${http.server} answers ${status}`, { status });
  if (isHtml(answer)) throw unusable('html', `${http.server} answers with a web page`);
  try {
    const page = readObject(parseFile(answer.body, MAX_ANSWER_BYTES), 'page');
    const { next } = page;
    return { items: readArray(page['items'], 'items'), ...(typeof next === 'string' ? { next } : {}) };
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw unusable('body', `${http.server} answers in another shape than agreed`, {}, { cause });
  }
}
