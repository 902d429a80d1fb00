/** `state`: what a client remembers beside the metadata. A broken one is as good as none. */
import { z } from 'zod';
import type { RepositoryCache } from './client-cache.ts';

/** Most digests remembered for `staleFor`. */
const MAX_VERIFIED = 1_000;
/** Longest pair, in characters: a tag and two hashes take less. */
const MAX_VERIFIED_LENGTH = 512;

const CacheStateSchema = z.object({
  /** Latest time (ms) at which a complete refresh held: a clock set back does not go below it (T40). */
  lastSeen: z.int().nonnegative().default(0),
  /** Time (ms) of the last refresh against the server. */
  refreshedAt: z.int().nonnegative().optional(),
  /** Time (ms) at which the newest timestamp ever accepted says it was issued. */
  lastIssued: z.int().nonnegative().optional(),
  /** `tag digest` pairs this client found vouched for, oldest first; only these are served beyond expiry. */
  verified: z.array(z.string().max(MAX_VERIFIED_LENGTH)).max(MAX_VERIFIED).default([]),
});

export type CacheState = z.infer<typeof CacheStateSchema>;

export async function readState(cache: RepositoryCache): Promise<CacheState> {
  return parseState(await cache.read('state'));
}

/** After a refresh that held at `now`: times move forward, never back. */
export async function rememberRefresh(
  cache: RepositoryCache,
  { now, issued }: { readonly now: number; readonly issued: number | undefined },
): Promise<void> {
  await edit(cache, (state) => {
    const lastIssued = Math.max(state.lastIssued ?? 0, issued ?? 0);
    return {
      ...state,
      lastSeen: Math.max(state.lastSeen, now),
      refreshedAt: Math.max(state.refreshedAt ?? 0, now),
      ...(lastIssued > 0 ? { lastIssued } : {}),
    };
  });
}

/** After a look-up in fresh metadata: `tag` may be answered with `digest` for `staleFor` beyond expiry. */
export async function rememberVerified(cache: RepositoryCache, tag: string, digest: string): Promise<void> {
  const entry = verifiedEntry(tag, digest);
  // What could not be read back would take the whole file with it, the last time seen included.
  if (entry.length > MAX_VERIFIED_LENGTH) return;
  const { verified } = await readState(cache);
  if (verified.at(-1) === entry) return;
  await edit(cache, (state) => ({
    ...state,
    verified: [...state.verified.filter((each) => each !== entry), entry].slice(-MAX_VERIFIED),
  }));
}

export function wasVerified(state: CacheState, tag: string, digest: string): boolean {
  return state.verified.includes(verifiedEntry(tag, digest));
}

function verifiedEntry(tag: string, digest: string): string {
  return `${tag} ${digest}`;
}

async function edit(cache: RepositoryCache, change: (state: CacheState) => CacheState): Promise<void> {
  await cache.update('state', (before) => Buffer.from(`${JSON.stringify(change(parseState(before)))}\n`));
}

function parseState(bytes: Uint8Array | undefined): CacheState {
  const empty = CacheStateSchema.parse({});
  if (bytes === undefined) return empty;
  try {
    return CacheStateSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return empty;
    throw error;
  }
}
