/** `GET …/_trust/changefeed`: what became current and what ended, oldest first. */
import { catalogScope } from '@vidimus/access';
import type { Context, Handler } from 'hono';
import { maxChangefeedRecords } from '../../http/limits.ts';
import type { ChangefeedPage, ChangeRecord } from '../../notary-service.ts';
import { toWireResponse, wireError } from './wire-errors.ts';
import { isServed, missing, pullScope, repositoryOf, type WireParts, wireHandler } from './wire-parts.ts';

const defaultRecords = 100;
/** The peer's type for it has 32 bits; ids have more here. */
const maxRecordsNumber = 2 ** 31 - 1;
const integer = /^[+-]?[0-9]+$/;

/** Of one repository: whoever may read it. */
export function changefeedHandler(parts: WireParts): Handler {
  return wireHandler(
    parts,
    'Changefeed',
    async (context) => {
      const repository = repositoryOf(context);
      if (!isServed(parts, repository)) return missing();
      const open = parts.publicReads || parts.access === 'open';
      if (!open) {
        const visitor = await parts.door.admit(context, pullScope(repository), false);
        if (visitor instanceof Response) return visitor;
      }
      return await answerFeed(parts, context, { repository });
    },
    (context) => pullScope(repositoryOf(context)),
  );
}

/** Of all repositories: it tells their names, which reading them does not. */
export function fleetChangefeedHandler(parts: WireParts): Handler {
  return wireHandler(
    parts,
    'Changefeed',
    async (context) => {
      const visitor = await parts.door.admit(context, catalogScope, parts.access === 'open');
      return visitor instanceof Response ? visitor : await answerFeed(parts, context, {});
    },
    () => catalogScope,
  );
}

async function answerFeed(
  parts: WireParts,
  context: Context,
  scope: { readonly repository?: string },
): Promise<Response> {
  const page = parsePage(new URL(context.req.url).searchParams);
  if ('problem' in page) return toWireResponse(wireError('INVALID_PARAMETERS', page.problem));
  const records = await parts.gates.run('read', () => parts.service.readChangefeed(scope, page));
  const body = JSON.stringify({ count: records.length, records: records.map(toWireRecord) });
  return new Response(body, {
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  });
}

/** `records` is required, 0 is the default of 100, an empty id is the beginning; the peer's words for what is no number. */
function parsePage(query: URLSearchParams): ChangefeedPage | { readonly problem: unknown } {
  const records = query.get('records') ?? '';
  const count = parseInteger(records);
  if (count === undefined || Math.abs(count) > maxRecordsNumber) {
    const text = JSON.stringify(records.slice(0, 100));
    const why = integer.test(records) ? 'value out of range' : 'invalid syntax';
    return { problem: `invalid records parameter: strconv.ParseInt: parsing ${text}: ${why}` };
  }
  const after = parseInteger(query.get('change_id') || '0');
  if (after === undefined) return { problem: {} };
  // Nothing lies before the beginning: backwards from there is from the end.
  const from = after < 0 || (after === 0 && count < 0) ? -1 : after;
  return { after: from, count: toCount(from, count) };
}

/** -1 is the end of the feed: what is wanted from there lies before it. */
function toCount(after: number, count: number): number {
  const bounded = Math.min(Math.abs(count === 0 ? defaultRecords : count), maxChangefeedRecords);
  return after < 0 || count < 0 ? -bounded : bounded;
}

function parseInteger(text: string): number | undefined {
  if (!integer.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function toWireRecord(record: ChangeRecord): object {
  return {
    ID: String(record.id),
    CreatedAt: new Date(record.createdAtMs).toISOString(),
    GUN: record.repository,
    Version: record.version,
    SHA256: record.sha256,
    Category: record.category,
  };
}
