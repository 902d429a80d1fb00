/** An event of a repository's log as the server printed it: every member is hashed, a few are understood. */
import type { parseFile, readObject } from '@vidimus/tuf';
import { z } from 'zod';
import { TrustClientError } from '../errors.ts';

export type Json = ReturnType<typeof parseFile>;
export type JsonRecord = ReturnType<typeof readObject>;

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const EventSchema = z.object({
  at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  action: z.string().min(1).max(64),
  actor: z.string().max(512),
  repository: z.string().max(255),
  change: z.string().max(64).optional(),
  versions: z.record(z.string(), z.int().min(1)).optional(),
  result: z.enum(['done', 'refused']),
  hash,
  prevHash: hash,
  seq: z.int().min(1),
  incarnation: z.int().min(1),
});

/** What an audit understands of an event. */
export interface LoggedEvent extends Readonly<z.infer<typeof EventSchema>> {
  readonly before: JsonRecord | undefined;
  readonly after: JsonRecord | undefined;
  /** As printed, unknown members included: this is what the log's hash is over. */
  readonly raw: JsonRecord;
}

/** A tag as an event names it before or after. */
export interface NamedTag {
  readonly tag: string;
  readonly digest: string;
  /** The delegated role that lists it, where top-level targets does not. */
  readonly role?: string;
}

/** @throws TrustClientError AUDIT_INVALID */
export function parseEvent(value: Json): LoggedEvent {
  const parsed = EventSchema.safeParse(value);
  if (!parsed.success || !isRecord(value)) {
    throw new TrustClientError('AUDIT_INVALID', 'an event of the log has another shape than agreed');
  }
  return { ...parsed.data, before: recordOf(value['before']), after: recordOf(value['after']), raw: value };
}

/** The tags with their digests that one side of an event lists. */
export function namedTags(side: JsonRecord | undefined): readonly NamedTag[] {
  return listOf(side?.['tags']).flatMap((entry) => {
    if (!isRecord(entry)) return [];
    const { tag, digest } = entry;
    const role = textOf(entry, 'role');
    if (typeof tag !== 'string' || typeof digest !== 'string') return [];
    return [{ tag, digest, ...(role === undefined ? {} : { role }) }];
  });
}

/** The names in a list of names. */
export function namesIn(value: Json | undefined): readonly string[] {
  return listOf(value).filter((entry) => typeof entry === 'string');
}

export function textOf(side: JsonRecord | undefined, member: string): string | undefined {
  const value = side?.[member];
  return typeof value === 'string' ? value : undefined;
}

export function recordOf(value: Json | undefined): JsonRecord | undefined {
  return isRecord(value) ? value : undefined;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: Json | undefined): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
