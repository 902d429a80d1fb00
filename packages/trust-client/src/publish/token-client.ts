/** Access tokens over the REST API (CONTRACTS C3, `/v2/_trust/tokens`). */
import { z } from 'zod';
import { TrustClientError } from '../errors.ts';
import { createHttpClient, type HttpClientOptions } from '../http/http-client.ts';
import { call, read } from './rest-call.ts';

const MAX_PAGES = 100;

const TokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  role: z.string(),
  repositories: z.array(z.string()),
  createdAt: z.string(),
  createdBy: z.string().optional(),
  expiresAt: z.string().optional(),
  lastUsedAt: z.string().optional(),
  revokedAt: z.string().optional(),
});
/** A token as it is listed: never its secret. */
export type AccessToken = z.infer<typeof TokenSchema>;

const CreatedSchema = TokenSchema.extend({ token: z.string().regex(/^[A-Za-z0-9._~+/=-]{1,512}$/) });
/** The one answer with the secret. */
export type CreatedAccessToken = z.infer<typeof CreatedSchema>;

const RevokedSchema = TokenSchema.extend({ made: z.array(z.string()) });
/** `made`: ids of tokens that it made and that still count. */
export type RevokedAccessToken = z.infer<typeof RevokedSchema>;

const PageSchema = z.object({ items: z.array(TokenSchema).max(1_000), next: z.string().nullish() });

export interface TokenRequest {
  readonly name: string;
  readonly role: string;
  /** Globs over repository names. */
  readonly repositories: readonly string[];
  /** A duration such as `90d`. */
  readonly expiresAfter?: string;
}

export interface TokenClient {
  /** The server's URL, ending in `/`. */
  readonly server: string;
  create(request: TokenRequest): Promise<CreatedAccessToken>;
  list(): Promise<readonly AccessToken[]>;
  /** Again, it answers the same. */
  revoke(id: string): Promise<RevokedAccessToken>;
  close(): void;
}

/** Errors are those of `createPublishClient`. */
export function createTokenClient(options: HttpClientOptions): TokenClient {
  const http = createHttpClient(options);
  const { server } = http;
  const path = 'v2/_trust/tokens';
  return {
    server,
    close: http.close,
    create: async (body) =>
      read(CreatedSchema, (await call(http, { method: 'POST', path, body })).body, server),
    async list() {
      const items: AccessToken[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages < MAX_PAGES; pages += 1) {
        const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const { body } = await call(http, { method: 'GET', path: `${path}?limit=1000${query}` });
        const page = read(PageSchema, body, server);
        items.push(...page.items);
        cursor = page.next ?? undefined;
        if (cursor === undefined) return items;
      }
      const detail = { reason: 'too-large' } as const;
      throw new TrustClientError('UNUSABLE', `${server} never ends its list`, { detail });
    },
    revoke: async (id) => {
      const { body } = await call(http, { method: 'DELETE', path: `${path}/${encodeURIComponent(id)}` });
      return read(RevokedSchema, body, server);
    },
  };
}
