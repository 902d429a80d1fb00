/**
 * An audit to take along: one JSON file with the roots, the timestamp, the log and every file that it takes to check
 * them anywhere, with no network. Nothing in it is believed because it stands there: see verify-bundle.ts.
 */
import { CryptoError, fromBase64, sha256Hex, toBase64 } from '@vidimus/crypto';
import { isRepositoryName } from '@vidimus/reference';
import { parseFile, readArray, readObject, TufError } from '@vidimus/tuf';
import { z } from 'zod';
import { TrustClientError } from '../errors.ts';
import { type Json, type LoggedEvent, parseEvent } from './logged-event.ts';
import { MAX_AUDIT_FILES } from './signed-states.ts';

/** A bundle, bytes. */
export const MAX_BUNDLE_BYTES = 128 * 1024 * 1024;
/** Events of one bundle, and of one audit. */
export const MAX_AUDIT_EVENTS = 100_000;
const MAX_ROOTS = 1_024;

/** A metadata file as it was served. */
export interface AuditFile {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

export interface AuditBundle {
  readonly repository: string;
  readonly tag?: string;
  /** How whoever exported it trusted the first of `roots`. */
  readonly anchor: string;
  readonly roots: readonly Uint8Array[];
  readonly timestamp: Uint8Array;
  /** An older timestamp, where one was kept. */
  readonly kept?: Uint8Array;
  readonly files: readonly AuditFile[];
  readonly events: readonly LoggedEvent[];
}

const base64 = z.string().transform((text, context) => {
  try {
    return fromBase64(text);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    context.addIssue({ code: 'custom', message: 'not base64' });
    return z.NEVER;
  }
});

const BundleSchema = z.strictObject({
  format: z.literal('vidimus.audit/1'),
  repository: z.string().refine(isRepositoryName, 'not a repository name'),
  tag: z.string().min(1).max(255).optional(),
  anchor: z.string().min(1).max(64),
  roots: z.array(base64).min(1).max(MAX_ROOTS),
  timestamp: base64,
  kept: base64.optional(),
  files: z
    .array(z.strictObject({ role: z.string().min(1).max(255), version: z.int().min(1), bytes: base64 }))
    .max(MAX_AUDIT_FILES),
  events: z.array(z.unknown()).max(MAX_AUDIT_EVENTS),
  sha256: z.string(),
});

/** The file, one line. */
export function formatBundle(bundle: AuditBundle): Uint8Array {
  const { repository, tag, anchor, roots, timestamp, kept, files, events } = bundle;
  const plain = {
    format: 'vidimus.audit/1',
    repository,
    ...(tag === undefined ? {} : { tag }),
    anchor,
    roots: roots.map(toBase64),
    timestamp: toBase64(timestamp),
    ...(kept === undefined ? {} : { kept: toBase64(kept) }),
    files: files.map(({ role, version, bytes }) => ({ role, version, bytes: toBase64(bytes) })),
    events: events.map(({ raw }) => raw),
  };
  return encode({ ...plain, sha256: checksumOf(plain) });
}

/**
 * Reads a bundle. Its bytes must be exactly those that `formatBundle` writes, so that there is no byte that nobody
 * looks at; the checksum tells a damaged file from a forged one, it keeps no forger out.
 * @throws TrustClientError AUDIT_INVALID
 */
export function parseBundle(bytes: Uint8Array): AuditBundle {
  const value = parse(bytes);
  const plain = readObject(value, 'bundle');
  if (!same(encode(plain), bytes)) throw invalid('it is not written as it was exported');
  const { sha256: _, ...rest } = plain;
  const parsed = BundleSchema.safeParse(plain);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error).split('\n')[0] ?? 'wrong shape');
  const { format, sha256, tag, kept, events, ...members } = parsed.data;
  if (sha256 !== checksumOf(rest)) throw invalid('it was damaged or changed: its checksum is another one');
  return {
    ...members,
    ...(tag === undefined ? {} : { tag }),
    ...(kept === undefined ? {} : { kept }),
    events: readArray(plain['events'], 'events').map(parseEvent),
  };
}

function parse(bytes: Uint8Array): Json {
  if (bytes.length > MAX_BUNDLE_BYTES) throw invalid(`it has more than ${MAX_BUNDLE_BYTES} bytes`);
  try {
    const value = parseFile(bytes, MAX_BUNDLE_BYTES);
    readObject(value, 'bundle');
    return value;
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw invalid(cause.message, cause);
  }
}

function checksumOf(plain: object): string {
  return sha256Hex(new TextEncoder().encode(JSON.stringify(plain)));
}

function encode(plain: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(plain)}\n`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function invalid(why: string, cause?: unknown): TrustClientError {
  return new TrustClientError('AUDIT_INVALID', `this is no whole audit bundle: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'take a file that vidimus audit --export wrote, unchanged',
  });
}
