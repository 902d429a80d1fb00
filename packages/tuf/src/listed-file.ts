/** One file that a parent lists: from the cache if that is it, else from the server (TUF 5.5, 5.6). */
import { loadCached } from './cached-file.ts';
import type { Dialect } from './dialect.ts';
import { TufError } from './errors.ts';
import { assertFileMeta } from './file-meta.ts';
import { assertNotExpired, isExpired } from './freshness.ts';
import type { FileMeta, TufDocument } from './model.ts';
import { assertFileUpdate, assertVersion } from './rollback.ts';
import type { Verified } from './verify-document.ts';
import type { Workflow } from './workflow.ts';

export interface ListedFile<D extends TufDocument> {
  readonly role: string;
  /** What the parent says. */
  readonly meta: FileMeta;
  /** Our own cap, bytes; a listed length can only lower it. */
  readonly maxBytes: number;
  /** As the dialect says. */
  readonly filesBy: Dialect['filesBy'];
  /** Versioned file names, where files go by version. */
  readonly consistentSnapshot: boolean;
  readonly now: number;
  /** Type, signatures and binding under the delegator at hand. */
  readonly verify: (bytes: Uint8Array) => Verified<D>;
  /** Compares with the cached one, whatever its hash, version and expiry are now. */
  readonly assertUpdate?: (trusted: D, next: D) => void;
}

/**
 * The verified file; persisted only after all its checks.
 * @throws TufError MALFORMED (the parent lists neither version nor hash, as the dialect needs it), MISSING, LIMIT, LENGTH_MISMATCH, HASH_MISMATCH, VERSION, ROLLBACK, EXPIRED, or as `verify`
 */
export function* obtainListed<D extends TufDocument>(file: ListedFile<D>): Workflow<Verified<D>> {
  const { role, meta, now } = file;
  const name = nameOf(file);
  const cached = yield* loadCached(role, file.verify);
  if (cached !== undefined && isListed(cached, meta) && !isExpired(cached.document, now)) return cached;
  const bytes = yield* fetchListed(file, name);
  // 5.5.2, 5.6.2: hashes and length before the bytes are parsed.
  assertFileMeta(role, meta, bytes);
  // 5.5.3, 5.6.3: type and signatures.
  const next = file.verify(bytes);
  // 5.5.4, 5.6.4
  if (meta.version !== undefined) assertVersion(role, meta.version, next.document.version);
  // 5.5.5
  if (cached !== undefined) {
    if (file.filesBy === 'hash') assertFileUpdate(role, cached.document, next.document);
    file.assertUpdate?.(cached.document, next.document);
  }
  // 5.5.6, 5.6.5
  assertNotExpired(role, next.document, now);
  // 5.5.7, 5.6.6: persisted as received (CVE-2020-15163: and never before).
  yield { do: 'store', file: { role }, bytes };
  return next;
}

/** What identifies the wanted file. */
type ListedName = { readonly version: number } | { readonly sha256: string };

/** Without what the dialect goes by there would be nothing that holds the server to one file. */
function nameOf({ role, meta, filesBy }: Pick<ListedFile<never>, 'role' | 'meta' | 'filesBy'>): ListedName {
  const sha256 = meta.hashes?.get('sha256');
  if (filesBy === 'hash' && sha256 !== undefined) return { sha256 };
  if (filesBy === 'version' && meta.version !== undefined) return { version: meta.version };
  const what = filesBy === 'hash' ? 'SHA-256' : 'version';
  throw new TufError('MALFORMED', `role ${role}: its parent lists no ${what}`, { role });
}

/** 5.5.1, 5.6.1: endless data stops at the listed length, or at our cap where that is lower or nothing is listed. */
function* fetchListed<D extends TufDocument>(file: ListedFile<D>, name: ListedName): Workflow<Uint8Array> {
  const { role, meta, consistentSnapshot } = file;
  const maxBytes = meta.length ?? file.maxBytes;
  if (maxBytes > file.maxBytes) {
    throw new TufError('LIMIT', `role ${role}: the listed length is over the limit`, { role, maxBytes });
  }
  const bytes = yield {
    do: 'fetch',
    role,
    maxBytes,
    ...('sha256' in name || consistentSnapshot ? name : {}),
  };
  if (bytes !== undefined) return bytes;
  throw new TufError('MISSING', `role ${role}: the repository does not have the file it lists`, {
    role,
    ...name,
  });
}

function isListed(cached: Verified, meta: FileMeta): boolean {
  if (meta.version !== undefined && cached.document.version !== meta.version) return false;
  try {
    assertFileMeta(cached.role, meta, cached.envelope.bytes);
    return true;
  } catch (error) {
    if (error instanceof TufError) return false;
    throw error;
  }
}
