/** Reading the client's cache. What it holds was verified once, but under which root, and by whom since? */
import { TufError } from './errors.ts';
import type { TufDocument } from './model.ts';
import type { Verified } from './verify-document.ts';
import type { CacheFile, Workflow } from './workflow.ts';

/**
 * A cached file that still verifies; undefined when there is none, or, with a warning, when it does not.
 * Nothing is lost by ignoring it: the next good file takes its place.
 */
export function* loadCached<D extends TufDocument>(
  role: string,
  verify: (bytes: Uint8Array) => Verified<D>,
): Workflow<Verified<D> | undefined> {
  const bytes = yield { do: 'load', file: { role } };
  if (bytes === undefined) return undefined;
  try {
    return verify(bytes);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    // Rotated keys do that to every file below root: nothing a person should hear about.
    if (error.code === 'THRESHOLD' && role !== 'root') return undefined;
    yield { do: 'warn', code: 'CACHED_FILE_IGNORED', detail: { role, reason: error.code } };
    return undefined;
  }
}

/** Forgets a cached root that does not chain from the anchor, aloud: somebody may have planted it. */
export function* discardRoot(file: CacheFile, version: number, reason: string): Workflow<void> {
  yield { do: 'warn', code: 'CACHED_ROOT_DISCARDED', detail: { version, reason } };
  yield { do: 'discard', file };
}
