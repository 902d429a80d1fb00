/** A tag as the signed metadata lists it, and as a caller described it. */
import { encodeCanonical, isJsonObject, type JsonValue } from '@vidimus/canonical-json';
import { type Target, withImageNotes } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { toWholeSecond } from '../instants.ts';
import type { TagRow } from '../store/tags.ts';
import type { TagEdit } from './intents.ts';

/** The member of `custom` that the service writes itself. */
const own = 'vidimus';

/** The signed entry: type, platforms and since when stand under `custom.vidimus` beside what the caller put there. */
export function toTagTarget({ mediaType, platforms, ...row }: TagContent): Target {
  return {
    path: row.tag,
    length: row.size,
    hashes: new Map([['sha256', row.digest.replace(/^sha256:/, '')]]),
    custom: withImageNotes(row.custom, {
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(platforms === undefined ? {} : { platforms }),
      since: toWholeSecond(row.sinceMs),
    }),
  };
}

type TagContent = Pick<TagRow, 'tag' | 'digest' | 'size' | 'mediaType' | 'platforms' | 'custom' | 'sinceMs'>;

/**
 * Refuses what could be signed but not stored or not read back alike.
 * @throws TrustError BODY_INVALID
 */
export function assertTagEdit(edit: TagEdit): void {
  if (edit.custom === undefined) return;
  if (Object.hasOwn(edit.custom, own)) {
    throw new TrustError('BODY_INVALID', `custom must not hold ${own}: the service writes it`, {
      tag: edit.tag,
    });
  }
  if (holdsNul(edit.custom)) {
    throw new TrustError('BODY_INVALID', 'custom must not hold NUL characters', { tag: edit.tag });
  }
}

/** Whether signing this would change anything that clients see. */
export function saysTheSame(row: TagRow, edit: TagEdit): boolean {
  const seen = (what: TagRow | TagEdit): string => {
    const { mediaType = null, platforms = null, custom = null } = what;
    const value: JsonValue = [what.digest, what.size, mediaType, platforms && [...platforms], custom];
    return Buffer.from(encodeCanonical(value)).toString('base64');
  };
  return seen(row) === seen(edit);
}

/** PostgreSQL's jsonb has no NUL. */
function holdsNul(value: JsonValue): boolean {
  if (typeof value === 'string') return value.includes('\0');
  if (Array.isArray(value)) return value.some(holdsNul);
  if (!isJsonObject(value)) return false;
  return Object.entries(value).some(([key, member]) => key.includes('\0') || holdsNul(member));
}
