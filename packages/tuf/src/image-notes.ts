/**
 * What a tag's target says of its image besides digest and length: signed with it, under `custom.vidimus`, so
 * that a client learns type, platforms and since when without asking the server.
 */
import { isJsonObject, type JsonObject } from '@vidimus/canonical-json';
import type { Target } from './model.ts';
import { formatTime, parseTime } from './tuf-dialect/time.ts';

const MEMBER = 'vidimus';

export interface ImageNotes {
  readonly mediaType?: string;
  /** `os/architecture[/variant]` each. */
  readonly platforms?: readonly string[];
  /** Since when the tag means this digest, milliseconds since 1970. */
  readonly since?: number;
}

/** The publisher's own `custom` with the notes added; a member of that name is replaced. */
export function withImageNotes(custom: JsonObject | undefined, notes: ImageNotes): JsonObject {
  const { mediaType, platforms, since } = notes;
  return {
    ...custom,
    [MEMBER]: {
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(platforms === undefined || platforms.length === 0 ? {} : { platforms }),
      ...(since === undefined ? {} : { since: formatTime(since) }),
    },
  };
}

/** The notes of a target; whatever is absent or of another form is left out. */
export function imageNotesOf(target: Target): ImageNotes {
  const { custom } = target;
  const notes = isJsonObject(custom) ? custom[MEMBER] : undefined;
  if (!isJsonObject(notes)) return {};
  const { mediaType, platforms, since } = notes;
  const at = typeof since === 'string' ? parseTime(since) : undefined;
  return {
    ...(typeof mediaType === 'string' ? { mediaType } : {}),
    ...(Array.isArray(platforms) ? { platforms: platforms.filter((name) => typeof name === 'string') } : {}),
    ...(at === undefined ? {} : { since: at }),
  };
}
