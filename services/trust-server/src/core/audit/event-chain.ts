/**
 * The audit log of a repository is a hash chain: hash = SHA-256(previous hash || canonical event). Its head is
 * signed into every timestamp (`x-vidimus-log`), so that whoever has a timestamp can tell when history was changed.
 */
import { encodeCanonical, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { fromHex, sha256Hex } from '@vidimus/crypto';
import type { LogHead } from '../store/repositories.ts';

/** Head of a log without events. */
export const EMPTY_LOG: LogHead = { size: 0, hash: '0'.repeat(64) };

/** What happened; the chain adds id, place and hash. */
export interface EventDraft {
  readonly action: string;
  readonly actor: string;
  readonly requestId: string;
  readonly result: 'done' | 'refused';
  readonly change?: string;
  readonly versions?: Readonly<Record<string, number>>;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
  /** Tags whose history this event belongs to: those that move with it. A revoked digest stands here, too. */
  readonly tags?: readonly string[];
  /** Roles whose keys, threshold or paths it is about: it belongs to the history of every tag they vouched for. */
  readonly roles?: readonly string[];
}

/** An event as `GET /audit` prints it, apart from its hash: exactly what is hashed. */
export interface EventBody {
  readonly id: string;
  /** RFC 3339 UTC, seconds. */
  readonly at: string;
  readonly action: string;
  readonly actor: string;
  readonly repository: string;
  readonly requestId: string;
  readonly change?: string;
  readonly versions?: Readonly<Record<string, number>>;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
  readonly result: 'done' | 'refused';
}

/** An event in its place. */
export interface ChainedEvent {
  readonly body: EventBody;
  /** Counts from 1 in each incarnation. */
  readonly seq: number;
  readonly prevHash: string;
  readonly hash: string;
  readonly tags: readonly string[];
  readonly roles: readonly string[];
}

/** Where and when events happen. */
export interface ChainPlace {
  readonly repository: string;
  /** As printed: RFC 3339, seconds. */
  readonly at: string;
  readonly newId: () => string;
}

/** Appends events to a log. */
export function chainEvents(
  head: LogHead,
  drafts: readonly EventDraft[],
  place: ChainPlace,
): { readonly events: readonly ChainedEvent[]; readonly head: LogHead } {
  let { size, hash } = head;
  const events = drafts.map((draft): ChainedEvent => {
    const body = toBody(draft, place);
    const prevHash = hash;
    size += 1;
    hash = hashEvent(prevHash, body);
    const tags = [...new Set(draft.tags)];
    return { body, seq: size, prevHash, hash, tags, roles: [...new Set(draft.roles)] };
  });
  return { events, head: { size, hash } };
}

/** The hash of an event after one with `prevHash`; both hex. An auditor recomputes it from what `/audit` printed. */
export function hashEvent(prevHash: string, body: EventBody): string {
  const json: JsonObject = {
    id: body.id,
    at: body.at,
    action: body.action,
    actor: body.actor,
    repository: body.repository,
    requestId: body.requestId,
    ...(body.change === undefined ? {} : { change: body.change }),
    ...(body.versions === undefined ? {} : { versions: body.versions }),
    ...(body.before === undefined ? {} : { before: body.before }),
    ...(body.after === undefined ? {} : { after: body.after }),
    result: body.result,
  };
  return sha256Hex(Buffer.concat([fromHex(prevHash), encodeCanonical(json)]));
}

function toBody(draft: EventDraft, { repository, at, newId }: ChainPlace): EventBody {
  return {
    id: newId(),
    at,
    action: draft.action,
    actor: draft.actor,
    repository,
    requestId: draft.requestId,
    ...(draft.change === undefined ? {} : { change: draft.change }),
    ...(draft.versions === undefined ? {} : { versions: draft.versions }),
    ...(draft.before === undefined ? {} : { before: draft.before }),
    ...(draft.after === undefined ? {} : { after: draft.after }),
    result: draft.result,
  };
}
