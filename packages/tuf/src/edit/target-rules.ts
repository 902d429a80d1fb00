/** What may stand in a targets document that we make. */
import { encodeCanonical, isJsonObject, type JsonObject } from '@vidimus/canonical-json';
import { isSha256Hex } from '@vidimus/crypto';
import { isTag } from '@vidimus/reference';
import type { Target } from '../model.ts';
import { editInvalid } from './edit-error.ts';

/** Longest `custom` part of one target, canonical bytes. */
export const MAX_CUSTOM_BYTES = 16_384;
/** Longest reason and link of a revocation, UTF-16 units. */
export const MAX_REASON_LENGTH = 1_024;
export const MAX_LINK_LENGTH = 2_048;

/**
 * Checks a tag's entry: path a tag, sha256 present, custom an object.
 * @throws TufError EDIT_INVALID (TARGET)
 */
export function assertTagTarget(target: Target): void {
  if (!isTag(target.path)) refuse('not a tag', target.path);
  assertEntry(target);
}

/**
 * Checks an entry of role `revocations`: path `sha256:<hex>` and that very hash.
 * @throws TufError EDIT_INVALID (TARGET)
 */
export function assertRevocationTarget(target: Target): void {
  assertEntry(target);
  if (target.path !== `sha256:${target.hashes.get('sha256') ?? ''}`) {
    refuse('a revocation is named after the digest it lists', target.path);
  }
}

/** What is said about a revoked digest. */
export interface RevocationEntry {
  /** `sha256:<64 lower-case hex>` */
  readonly digest: string;
  /** Size of the manifest as far as known, bytes. */
  readonly length?: number;
  readonly reason: string;
  readonly link?: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/**
 * The signed entry of a revoked digest.
 * @throws TufError EDIT_INVALID (TARGET)
 */
export function toRevocationTarget(entry: RevocationEntry): Target {
  if (entry.reason === '' || entry.reason.length > MAX_REASON_LENGTH) {
    refuse(`a revocation has a reason of at most ${MAX_REASON_LENGTH} characters`, entry.digest);
  }
  if (entry.link !== undefined && entry.link.length > MAX_LINK_LENGTH) refuse('link too long', entry.digest);
  const custom: JsonObject = {
    reason: entry.reason,
    ...(entry.link === undefined ? {} : { link: entry.link }),
    at: new Date(Math.floor(entry.atMs / 1000) * 1000).toISOString().replace('.000Z', 'Z'),
  };
  const target: Target = {
    path: entry.digest,
    length: entry.length ?? 0,
    hashes: new Map([['sha256', entry.digest.replace(/^sha256:/, '')]]),
    custom,
  };
  assertRevocationTarget(target);
  return target;
}

function assertEntry(target: Target): void {
  if (!Number.isSafeInteger(target.length) || target.length < 0) {
    refuse('the length is an integer from 0', target.path);
  }
  const sha256 = target.hashes.get('sha256');
  if (sha256 === undefined || !isSha256Hex(sha256)) refuse('a sha256 hash is required', target.path);
  if (target.custom === undefined) return;
  // tuf-js and python-tuf refuse anything but an object here.
  if (!isJsonObject(target.custom)) refuse('custom must be an object', target.path);
  if (customBytes(target) > MAX_CUSTOM_BYTES) refuse('custom is too large', target.path);
}

function customBytes(target: Target): number {
  try {
    return encodeCanonical(target.custom ?? null).length;
  } catch {
    // Floats, lone surrogates and the like have no canonical form: no client could check the signature.
    return refuse('custom has no canonical form', target.path);
  }
}

function refuse(why: string, path: string): never {
  throw editInvalid('TARGET', why, { path: path.slice(0, 200) });
}
