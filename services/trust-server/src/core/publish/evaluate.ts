/** Judges one intent against the board and, if it may be, carries it out there. An intent is whole or refused. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import { isJsonObject } from '@vidimus/canonical-json';
import { assertTagTarget, toRevocationTarget } from '@vidimus/tuf';
import type { DiffEntry } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { TAG_ROLE, type TagRow } from '../store/tags.ts';
import { toTrustError } from '../trust-errors.ts';
import type { Board } from './board.ts';
import type { Intent, IntentRequest, TagEdit, Verdict } from './intents.ts';
import { assertTagEdit, saysTheSame, toTagTarget } from './tag-target.ts';

/** More tags than this are told in several events, so that no event grows without bound. */
const maxTagsPerEvent = 100;

type Event = Verdict['events'][number];

/**
 * The verdict on one intent; the board has changed only if nothing was refused.
 * Errors come back in `refused`: other intents of the same publish go on.
 */
export function evaluate(board: Board, request: IntentRequest, nowMs: number): Verdict {
  try {
    return evaluateIntent(board, request, nowMs);
  } catch (error) {
    const refused = toTrustError(error);
    // An attempt to bring back a revoked image is worth remembering; a typing error is not.
    const events = refused.code === 'WOULD_BREAK' ? [refusal(request, refused)] : [];
    return { tags: [], events, diff: [], refused };
  }
}

function evaluateIntent(board: Board, { call, intent }: IntentRequest, nowMs: number): Verdict {
  if (intent.kind === 'tags') return editTags(board, call, intent, nowMs);
  if (intent.kind === 'revokeDigest') return revokeDigest(board, call, intent, nowMs);
  return liftDigest(board, call, intent.digest);
}

function editTags(
  board: Board,
  call: Call,
  intent: Extract<Intent, { kind: 'tags' }>,
  nowMs: number,
): Verdict {
  if (board.isMirrored) throw othersSign();
  for (const tag of intent.revoke) {
    if (board.tag(tag) === undefined) throw new TrustError('TAG_UNKNOWN', `there is no tag ${tag}`, { tag });
  }
  for (const edit of intent.sign) assertSignable(board, edit, nowMs);

  const signed = intent.sign.flatMap((edit): Moved[] => {
    const before = board.tag(edit.tag);
    if (before !== undefined && saysTheSame(before, edit)) return [];
    const after = toRow(edit, before, call, nowMs);
    board.setTag(edit.tag, after);
    return [{ tag: edit.tag, before, after }];
  });
  const revoked = intent.revoke.map((tag): Moved => {
    const before = board.tag(tag);
    board.setTag(tag, undefined);
    return { tag, before, after: undefined };
  });
  return {
    tags: [...intent.sign.map(({ tag }) => tag), ...intent.revoke],
    events: [...tagEvents('tag.sign', call, signed), ...tagEvents('tag.revoke', call, revoked)],
    diff: [...signed, ...revoked].map(tagDiff),
  };
}

/** Why the service signs no tags of a repository whose Notary clients hold the keys. */
function othersSign(): TrustError {
  return new TrustError(
    'CUSTODY_INVALID',
    'its Notary clients hold the keys of this repository: sign and revoke with notary or docker trust',
    { role: TAG_ROLE, custody: 'client' },
  );
}

/** @throws TrustError BODY_INVALID or WOULD_BREAK; TufError EDIT_INVALID */
function assertSignable(board: Board, edit: TagEdit, nowMs: number): void {
  assertTagEdit(edit);
  assertTagTarget(toTagTarget({ ...toPlain(edit), sinceMs: nowMs }));
  if (board.revocation(edit.digest) === undefined) return;
  throw new TrustError('WOULD_BREAK', `${edit.digest} is revoked: lift its revocation first`, {
    tag: edit.tag,
    digest: edit.digest,
    reason: 'DIGEST_REVOKED',
  });
}

function revokeDigest(
  board: Board,
  call: Call,
  intent: Extract<Intent, { kind: 'revokeDigest' }>,
  nowMs: number,
): Verdict {
  const { digest, reason, link } = intent;
  if (`${reason}${link ?? ''}`.includes('\0')) {
    throw new TrustError('BODY_INVALID', 'a reason must not hold NUL characters');
  }
  const named = board.tagsOf(digest);
  const before = board.revocation(digest);
  const length = named[0]?.size ?? before?.length ?? 0;
  const target = toRevocationTarget({
    digest,
    length,
    reason,
    ...(link === undefined ? {} : { link }),
    atMs: nowMs,
  });
  // In a mirrored repository the tags stay, in both dialects alike: readers refuse them by the revocation.
  const [taken, left] = board.isMirrored ? [[], named] : [named, []];
  const stillServed = left.map(({ tag, listedBy }) => ({ role: listedBy ?? TAG_ROLE, tag }));
  const isSame = before !== undefined && saidAlike(before.custom, target.custom);
  if (isSame && taken.length === 0) return { tags: [], stillServed, events: [], diff: [] };
  if (!isSame) board.setRevocation(digest, target);
  for (const row of taken) board.setTag(row.tag, undefined);
  const tags = taken.map(({ tag }) => tag);
  const after: JsonObject = {
    digest,
    reason,
    ...(link === undefined ? {} : { link }),
    tags,
    ...(left.length === 0 ? {} : { stillServed: left.slice(0, maxTagsPerEvent).map(({ tag }) => tag) }),
  };
  return {
    tags,
    stillServed,
    events: [
      { ...by(call), action: 'digest.revoke', result: 'done', after, tags: named.map(({ tag }) => tag) },
    ],
    diff: [
      { role: 'revocations', what: `revoke ${digest}`, after: reason },
      ...taken.map((row) => tagDiff({ tag: row.tag, before: row, after: undefined })),
    ],
  };
}

function liftDigest(board: Board, call: Call, digest: string): Verdict {
  const before = board.revocation(digest);
  if (before === undefined) {
    throw new TrustError('METADATA_UNKNOWN', `${digest} is not revoked here`, { digest });
  }
  board.setRevocation(digest, undefined);
  return {
    tags: [],
    events: [
      {
        ...by(call),
        action: 'digest.lift',
        result: 'done',
        before: { digest, ...(before.custom === undefined ? {} : { custom: before.custom }) },
      },
    ],
    diff: [{ role: 'revocations', what: `lift the revocation of ${digest}` }],
  };
}

interface Moved {
  readonly tag: string;
  readonly before: TagRow | undefined;
  readonly after: TagRow | undefined;
}

function tagEvents(action: string, call: Call, moved: readonly Moved[]): readonly Event[] {
  const events: Event[] = [];
  for (let at = 0; at < moved.length; at += maxTagsPerEvent) {
    const lot = moved.slice(at, at + maxTagsPerEvent);
    const before = lot.flatMap(({ before: row }) => (row === undefined ? [] : [toJson(row)]));
    const after = lot.flatMap(({ after: row }) => (row === undefined ? [] : [toJson(row)]));
    events.push({
      ...by(call),
      action,
      result: 'done',
      ...(before.length === 0 ? {} : { before: { tags: before } }),
      ...(after.length === 0 ? {} : { after: { tags: after } }),
      tags: lot.map(({ tag }) => tag),
    });
  }
  return events;
}

function refusal({ call, intent }: IntentRequest, error: TrustError): Event {
  const tags = intent.kind === 'tags' ? intent.sign.slice(0, maxTagsPerEvent).map(({ tag }) => tag) : [];
  const detail: Record<string, JsonValue> = { code: error.code };
  for (const name of ['tag', 'digest', 'reason']) {
    const value = error.detail[name];
    if (typeof value === 'string') detail[name] = value;
  }
  return { ...by(call), action: 'tag.sign', result: 'refused', after: detail, tags };
}

function by(call: Call): Pick<Event, 'actor' | 'requestId'> {
  return { actor: call.actor, requestId: call.requestId };
}

function tagDiff({ tag, before, after }: Moved): DiffEntry {
  return {
    role: TAG_ROLE,
    what: after === undefined ? `revoke tag ${tag}` : `sign tag ${tag}`,
    ...(before === undefined ? {} : { before: before.digest }),
    ...(after === undefined ? {} : { after: after.digest }),
  };
}

function toJson({ tag, digest, size }: TagRow): JsonObject {
  return { tag, digest, size };
}

/** `since` and `actor` are about the digest, not about what stands beside it. */
function toRow(edit: TagEdit, before: TagRow | undefined, call: Call, nowMs: number): TagRow {
  const isSameDigest = before?.digest === edit.digest;
  return {
    ...toPlain(edit),
    sinceMs: isSameDigest ? before.sinceMs : nowMs,
    // Version 0 stands for the version that is about to be made.
    sinceVersion: isSameDigest ? before.sinceVersion : 0,
    actor: isSameDigest ? before.actor : call.actor,
  };
}

function toPlain({ tag, digest, size, mediaType, platforms, custom }: TagEdit) {
  return {
    tag,
    digest,
    size,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(platforms === undefined ? {} : { platforms }),
    ...(custom === undefined ? {} : { custom }),
  };
}

/** The same reason and link; the time of the first revocation stays. */
function saidAlike(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  return a['reason'] === b['reason'] && a['link'] === b['link'];
}
