/** Pages (CONTRACTS C2): `?limit=&cursor=` -> `{"items":[…],"next":"…"|null}`. */
import { z } from '@hono/zod-openapi';
import { type Page, type PageRequest, TrustError } from '../service.ts';
import { defaultPageSize, maxCursorLength, maxPageSize } from './limits.ts';

/** The query members of every list. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,3}$/, 'expected a whole number')
    .optional()
    .openapi({ description: `1 to ${maxPageSize}; ${defaultPageSize} when absent`, example: '100' }),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, 'expected the "next" of the page before')
    .max(maxCursorLength)
    .optional()
    .openapi({ description: '`next` of the page before' }),
} as const;

/** @throws TrustError BODY_INVALID */
export function toPageRequest(query: {
  readonly limit?: string | undefined;
  readonly cursor?: string | undefined;
}): PageRequest {
  const limit = query.limit === undefined ? defaultPageSize : Number(query.limit);
  if (limit > maxPageSize) throw new TrustError('BODY_INVALID', `query, limit: at most ${maxPageSize}`);
  return query.cursor === undefined ? { limit } : { limit, after: decodeCursor(query.cursor) };
}

/** The page as answered; members beside `items` and `next` are kept. */
export function toPageBody<Item>(page: Page<Item>): object {
  return { ...page, next: page.next === undefined ? null : Buffer.from(page.next).toString('base64url') };
}

export const pageSchema = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable() });

function decodeCursor(cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // A cursor goes into a query as a value, never as text; NUL would still be refused by the database.
    if (text === '' || text.includes('\u0000')) throw new TypeError('empty or with NUL');
    return text;
  } catch (cause) {
    throw new TrustError(
      'BODY_INVALID',
      'query, cursor: expected the "next" of the page before',
      {},
      { cause },
    );
  }
}
