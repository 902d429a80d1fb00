/**
 * From the raw request target to the path that is routed (CONTRACTS C2). Repository names hold slashes:
 * `/v2/<name>/_trust<rest>` becomes `/v2/<encoded name>/_trust<rest>`, so that routes are plain templates.
 *
 * The target is in the attacker's hands, and URL parsing would already have resolved `/../`: a proxy that
 * reads it otherwise than we do must never see another repository than we see. Hence refusals, never repairs.
 */
import { DIRECTORY_NAME, isRepositoryName } from '@vidimus/reference';
import { maxTargetBytes } from './limits.ts';

/** Where a refused target is routed; a space cannot come in a target. */
export const refusedPath = '/ refused';
/**
 * Where `/v2/_trust` is routed: a place of its own, because hono's fast router takes no fixed segment beside a
 * parameter.
 */
export const fleetPath = '/ fleet';

export type TargetReading = { readonly path: string } | { readonly problem: string };

/** Segments whose value is a role name, or a pattern over repositories, and may hold an encoded slash. */
const rolesFollow: ReadonlySet<string> = new Set(['roles', 'metadata', 'delegations', 'entries']);
/** Notary clients encode the slashes of names, here alone (CONTRACTS C2). */
const notaryWire: ReadonlySet<string> = new Set(['tuf', 'changefeed']);

/**
 * Reads an origin-form request target as received: the rewritten path without the query, or why it is
 * refused (400 NAME_INVALID).
 */
export function readTarget(target: string): TargetReading {
  const problem = refuseTarget(target);
  if (problem !== undefined) return { problem };
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const segments = path.slice(1).split('/');
  const at = segments.indexOf('_trust', 1);
  if (segments[0] !== 'v2' || at < 0) return readPlain(path, segments);

  const tail = segments.slice(at + 1);
  const tailProblem = tail.length === 1 && tail[0] === '' ? undefined : refuseTail(tail);
  if (tailProblem !== undefined) return { problem: tailProblem };
  const rest =
    tail.length === 0 || tail[0] === '' ? '' : `/${foldTail(tail, segments.slice(1, at)).join('/')}`;
  if (at === 1) return { path: `${fleetPath}${rest}` };

  const name = decodeName(segments.slice(1, at).join('/'), notaryWire.has(tail[0] ?? ''));
  if (!isRepositoryName(name)) {
    return { problem: 'the repository is not a normalised name: host[:port]/path in lower case' };
  }
  return { path: `/v2/${encodeURIComponent(name)}/_trust${rest}` };
}

function refuseTarget(target: string): string | undefined {
  if (target.length > maxTargetBytes) return `the request target is longer than ${maxTargetBytes} bytes`;
  // Control characters, spaces, raw bytes beyond ASCII, fragments and backslashes are no URL.
  if (!/^\/[!-~]*$/.test(target) || /[\\#]/.test(target)) return 'the request target is not a path';
  if (/%(?![0-9A-Fa-f]{2})/.test(target)) return 'bad percent-encoding';
  if (target.includes('%00')) return 'NUL in the request target';
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  if (path.includes('//')) return 'empty path segment';
  if (/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) return 'dot segment in the path';
  return undefined;
}

/** Whether a target, refused or not, was meant for the Notary wire: its clients can read no other answers. */
export function isNotaryTarget(target: string): boolean {
  return /^\/v2\/[^?]*\/_trust\/(?:tuf|changefeed)(?:[/?]|%2f|$)|^\/v2\/_trust\/changefeed(?:[/?]|$)|^\/_notary_server\//i.test(
    target.slice(0, maxTargetBytes),
  );
}

/** Health, documents and what is not ours: nothing there needs an escape. */
function readPlain(path: string, segments: readonly string[]): TargetReading {
  return segments.some((segment) => segment.includes('%'))
    ? { problem: 'percent-encoding in a path that has none' }
    : { path };
}

function refuseTail(tail: readonly string[]): string | undefined {
  for (const [index, segment] of tail.entries()) {
    const value = decodeSegment(segment);
    if (value === undefined) return 'bad percent-encoding';
    // A second `%` would be decoded by somebody else; none of our names holds one.
    if (/[\x00-\x1f\x7f\\%]/.test(value)) return 'forbidden character in the path';
    const pieces = value.split('/');
    const slashes = rolesFollow.has(tail[index - 1] ?? '') || notaryWire.has(tail[0] ?? '');
    if (pieces.length > 1 && !slashes) return 'encoded slash in the path';
    if (pieces.some((piece) => piece === '.' || piece === '..')) return 'dot segment in the path';
    if (pieces.includes('_trust')) return 'a second /_trust/ in the path';
    if (pieces.length > 1 && pieces.includes('')) return 'empty path segment';
  }
  return undefined;
}

/**
 * Names of files on the Notary wire hold slashes, raw or encoded, and so do targets of the directory, which are
 * patterns: one segment here, as roles are elsewhere.
 */
function foldTail(tail: readonly string[], name: readonly string[]): readonly string[] {
  const [first = ''] = tail;
  const folds = first === 'tuf' || (first === 'targets' && name.length === 1 && name[0] === DIRECTORY_NAME);
  if (!folds || tail.length < 2) return tail;
  return [first, encodeURIComponent(decodeURIComponent(tail.slice(1).join('/')))];
}

function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Only the colon and the brackets of a host may be encoded; any escape left over is no name. */
function decodeName(text: string, slashes: boolean): string {
  if (!text.includes('%')) return text;
  return text.replace(slashes ? /%3a|%5b|%5d|%2f/gi : /%3a|%5b|%5d/gi, decodeURIComponent);
}
