/** A tag as the signed metadata lists it, and as a caller described it. */
import { encodeCanonical, isJsonObject, type JsonValue } from '@vidimus/canonical-json';
import type { Target } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import type { TagRow } from '../store/tags.ts';
import type { TagEdit } from './intents.ts';

/** Members of `custom` that the service writes itself. */
const own = ['mediaType', 'platforms'] as const;

/** The signed entry: media type and platforms stand in `custom` beside what the caller put there. */
export function toTagTarget(
  row: Pick<TagRow, 'tag' | 'digest' | 'size' | 'mediaType' | 'platforms' | 'custom'>,
): Target {
  const custom: Record<string, JsonValue> = Object.assign(Object.create(null), row.custom);
  if (row.mediaType !== undefined) custom['mediaType'] = row.mediaType;
  if (row.platforms !== undefined) custom['platforms'] = [...row.platforms];
  return {
    path: row.tag,
    length: row.size,
    hashes: new Map([['sha256', row.digest.replace(/^sha256:/, '')]]),
    ...(Object.keys(custom).length === 0 ? {} : { custom }),
  };
}

/**
 * Refuses what could be signed but not stored or not read back alike.
 * @throws TrustError BODY_INVALID
 */
export function assertTagEdit(edit: TagEdit): void {
  if (edit.custom === undefined) return;
  for (const name of own) {
    if (Object.hasOwn(edit.custom, name)) {
      throw new TrustError('BODY_INVALID', `custom must not hold ${name}: it is a field of its own`, {
        tag: edit.tag,
      });
    }
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
