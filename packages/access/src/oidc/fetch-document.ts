/** Gets a small JSON document over https: one request, no redirects, bounded in size and time. */

const timeoutMs = 5_000;
const maxBytes = 262_144;

/** Undefined for anything but a 200 with JSON within the bounds. Never throws. */
export type FetchDocument = (url: string) => Promise<Uint8Array | undefined>;

/** @param request - the process's `fetch`, or a test's */
export function createFetchDocument(request: typeof fetch): FetchDocument {
  return async (url) => {
    if (new URL(url).protocol !== 'https:') return undefined;
    try {
      const response = await request(url, {
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
        headers: { accept: 'application/json' },
        credentials: 'omit',
      });
      const type = response.headers.get('content-type') ?? '';
      if (response.status !== 200 || !/^application\/([a-z.-]+\+)?json(;|$)/i.test(type.trim())) {
        await response.body?.cancel();
        return undefined;
      }
      return await readBounded(response);
    } catch {
      // Unreachable, slow, redirecting: the keys that were known go on for a while, and that is all.
      return undefined;
    }
  };
}

async function readBounded(response: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
