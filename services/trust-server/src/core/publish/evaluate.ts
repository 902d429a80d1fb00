/** Judges one intent against the board and, if it may be, carries it out there. An intent is whole or refused. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import { isJsonObject } from '@vidimus/canonical-json';
import { assertTagTarget, REVOCATIONS_ROLE, toRevocationTarget } from '@vidimus/tuf';
import type { DiffEntry } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { TAG_ROLE, type TagRow } from '../store/tags.ts';
import { toTrustError } from '../trust-errors.ts';
import { type Board, placeOf } from './board.ts';
import {
  type IntentRequest,
  type LiftIntent,
  othersSign,
  type RevokeIntent,
  type TagEdit,
  type TagsIntent,
  type Verdict,
} from './intents.ts';
import { assertTagEdit, saysTheSame, toTagTarget } from './tag-target.ts';

/** More tags than this are told in several events, so that no event grows without bound. */
const maxTagsPerEvent = 100;

type Event = Verdict['events'][number];

/**
 * The verdict on one intent; the board has changed only if nothing was refused. `othersSign`: a role that it edits
 * cannot be signed here alone, and nothing was done.
 * Errors come back in `refused`: other intents of the same publish go on.
 */
export function evaluate(board: Board, request: IntentRequest, nowMs: number): Verdict | typeof othersSign {
  try {
    return evaluateIntent(board, request, nowMs);
  } catch (error) {
    const refused = toTrustError(error);
    // An attempt to bring back a revoked image is worth remembering; a typing error is not.
    const events = refused.detail['reason'] === 'DIGEST_REVOKED' ? [refusal(request, refused)] : [];
    return { tags: [], events, diff: [], refused };
  }
}

function evaluateIntent(
  board: Board,
  { call, intent }: IntentRequest,
  nowMs: number,
): Verdict | typeof othersSign {
  if (intent.kind === 'tags') return editTags(board, call, intent, nowMs);
  if (intent.kind === 'revokeDigest') return revokeDigest(board, call, intent, nowMs);
  return liftDigest(board, call, intent);
}

function editTags(board: Board, call: Call, intent: TagsIntent, nowMs: number): Verdict | typeof othersSign {
  if (board.isMirrored) throw notOurs();
  const role = intent.role ?? TAG_ROLE;
  board.assertRole(role);
  const removed = intent.revoke.map((tag) => listedRow(board, intent.role, tag));
  for (const edit of intent.sign) assertSignable(board, role, edit, nowMs);
  const roles = [...(intent.sign.length > 0 ? [role] : []), ...removed.map((row) => placeOf(row).role)];
  if (!roles.every((each) => board.isOwn(each))) return othersSign;

  const signed = intent.sign.flatMap((edit): Moved[] => {
    const before = board.tag(role, edit.tag);
    if (before !== undefined && saysTheSame(before, edit)) return [];
    const after = toRow(role, edit, before, call, nowMs);
    board.setTag(role, edit.tag, after);
    return [{ role, tag: edit.tag, before, after }];
  });
  const revoked = removed.map((before): Moved => {
    const place = placeOf(before);
    board.setTag(place.role, place.tag, undefined);
    return { ...place, before, after: undefined };
  });
  return {
    tags: [...intent.sign.map(({ tag }) => tag), ...intent.revoke],
    // What another role says comes to light once this one is silent.
    stillServed: intent.revoke.flatMap((tag) => {
      const row = board.answerFor(tag);
      return row === undefined ? [] : [placeOf(row)];
    }),
    events: [...tagEvents('tag.sign', call, signed), ...tagEvents('tag.revoke', call, revoked)],
    diff: [...signed, ...revoked].map(tagDiff),
  };
}

/** The entry that is to go: of the role that was named, else of the one that answers. @throws TrustError TAG_UNKNOWN */
function listedRow(board: Board, role: string | undefined, tag: string): TagRow {
  const answer = board.answerFor(tag);
  const row = role === undefined ? (answer ?? board.tag(TAG_ROLE, tag)) : board.tag(role, tag);
  if (row !== undefined) return row;
  const other = answer === undefined ? undefined : placeOf(answer).role;
  const why = other === undefined ? '' : `: role ${other} lists it`;
  throw new TrustError(
    'TAG_UNKNOWN',
    `there is no tag ${tag}${role === undefined ? '' : ` in ${role}`}${why}`,
    {
      tag,
      ...(role === undefined ? {} : { role }),
      ...(other === undefined ? {} : { listedBy: other }),
    },
  );
}

/** Why the service signs no tags of a repository whose Notary clients hold the keys. */
function notOurs(): TrustError {
  return new TrustError(
    'CUSTODY_INVALID',
    'its Notary clients hold the keys of this repository: sign and revoke with notary or docker trust',
    { role: TAG_ROLE, custody: 'client' },
  );
}

/** @throws TrustError BODY_INVALID or WOULD_BREAK; TufError EDIT_INVALID */
function assertSignable(board: Board, role: string, edit: TagEdit, nowMs: number): void {
  assertTagEdit(edit);
  assertTagTarget(toTagTarget({ ...toPlain(edit), sinceMs: nowMs }));
  if (board.revocation(edit.digest) === undefined) {
    board.assertSignable(role, edit);
    return;
  }
  throw new TrustError('WOULD_BREAK', `${edit.digest} is revoked: lift its revocation first`, {
    tag: edit.tag,
    digest: edit.digest,
    reason: 'DIGEST_REVOKED',
  });
}

function revokeDigest(board: Board, call: Call, intent: RevokeIntent, nowMs: number): Verdict {
  const { digest, reason, link } = intent;
  if (`${reason}${link ?? ''}`.includes('\0')) {
    throw new TrustError('BODY_INVALID', 'a reason must not hold NUL characters');
  }
  const named = board.tagsOf(digest);
  const before = board.revocation(digest);
  const told = { digest, reason, ...(link === undefined ? {} : { link }), atMs: nowMs };
  const target = toRevocationTarget({ ...told, length: named[0]?.size ?? before?.length ?? 0 });
  // In a mirrored repository the tags stay, in both dialects alike: readers refuse them by the revocation.
  const taken = named.filter((row) => !board.isMirrored && board.isOwn(placeOf(row).role));
  const left = named.filter((row) => !taken.includes(row));
  const stillServed = left.map(placeOf);
  const isSame = before !== undefined && saidAlike(before.custom, target.custom);
  const isListedHere = !isSame && board.isOwn(REVOCATIONS_ROLE);
  // Whoever is asked to sign it knows the size only from what is still there.
  const revocation = toRevocationTarget({ ...told, length: left[0]?.size ?? before?.length ?? 0 });
  const others = board.isMirrored
    ? {}
    : { others: { digest, reason, ...(isSame || isListedHere ? {} : { revocation }), left } };
  if (!isListedHere && taken.length === 0) return { tags: [], stillServed, events: [], diff: [], ...others };
  if (isListedHere) board.setRevocation(digest, target);
  for (const { role, tag } of taken.map(placeOf)) board.setTag(role, tag, undefined);
  const tags = [...new Set(taken.map(({ tag }) => tag))];
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
      {
        ...by(call),
        action: 'digest.revoke',
        result: 'done',
        after,
        // The digest, too: tags that named it once find the event by it.
        tags: [...new Set([digest, ...named.map(({ tag }) => tag)])],
      },
    ],
    diff: [
      ...(isListedHere ? [{ role: REVOCATIONS_ROLE, what: `revoke ${digest}`, after: reason }] : []),
      ...taken.map((row) => tagDiff({ ...placeOf(row), before: row, after: undefined })),
    ],
    ...others,
  };
}

function liftDigest(board: Board, call: Call, { digest }: LiftIntent): Verdict | typeof othersSign {
  const before = board.revocation(digest);
  if (before === undefined) {
    throw new TrustError('METADATA_UNKNOWN', `${digest} is not revoked here`, { digest });
  }
  if (!board.isOwn(REVOCATIONS_ROLE)) return othersSign;
  board.setRevocation(digest, undefined);
  return {
    tags: [],
    events: [
      {
        ...by(call),
        action: 'digest.lift',
        result: 'done',
        tags: [digest],
        before: { digest, ...(before.custom === undefined ? {} : { custom: before.custom }) },
      },
    ],
    diff: [{ role: REVOCATIONS_ROLE, what: `lift the revocation of ${digest}` }],
  };
}

interface Moved {
  readonly role: string;
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

function tagDiff({ role, tag, before, after }: Moved): DiffEntry {
  return {
    role,
    what: after === undefined ? `revoke tag ${tag}` : `sign tag ${tag}`,
    ...(before === undefined ? {} : { before: before.digest }),
    ...(after === undefined ? {} : { after: after.digest }),
  };
}

function toJson({ tag, digest, size, listedBy }: TagRow): JsonObject {
  return { tag, digest, size, ...(listedBy === undefined ? {} : { role: listedBy }) };
}

/** `since` and `actor` are about the digest, not about what stands beside it. */
function toRow(role: string, edit: TagEdit, before: TagRow | undefined, call: Call, nowMs: number): TagRow {
  const isSameDigest = before?.digest === edit.digest;
  return {
    ...toPlain(edit),
    sinceMs: isSameDigest ? before.sinceMs : nowMs,
    // Version 0 stands for the version that is about to be made.
    sinceVersion: isSameDigest ? before.sinceVersion : 0,
    actor: isSameDigest ? before.actor : call.actor,
    ...(isSameDigest && before.change !== undefined ? { change: before.change } : {}),
    ...(role === TAG_ROLE ? {} : { listedBy: role }),
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
