/**
 * Reading values that anybody may have written: each reader gives the type it promises or throws MALFORMED with
 * the place. Small fixed shapes are zod schemas; maps that can be large are read by loops over these.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { z } from 'zod';
import { TufError } from '../errors.ts';

const MAX_PLACE = 200;

/** Versions and thresholds: 1 to 2^53 - 1 (attack T6: 0, negative, fraction, text). */
export const positive = z.number().refine((n) => Number.isSafeInteger(n) && n >= 1, 'not an integer from 1');

/** Any JSON object, members untouched. */
export const object = z.custom<JsonObject>((value) => isObject(value), 'not an object');

/** The error for a value of the wrong shape; `at` is its place, like `roles.root.threshold`. */
export function malformed(at: string, what: string): TufError {
  const place = at.slice(0, MAX_PLACE);
  return new TufError('MALFORMED', `${place}: ${what}`, { at: place });
}

/** Reads an object by a schema of its known members; unknown ones are ignored here and live on in `fields`. */
export function read<T>(schema: z.ZodType<T>, value: JsonValue | undefined, at: string): T {
  // zod would take an array for an object without members.
  const result = schema.safeParse(readObject(value, at));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw malformed([at, ...(issue?.path ?? [])].map(String).join('.'), issue?.message ?? 'wrong shape');
}

export function readObject(value: JsonValue | undefined, at: string): JsonObject {
  if (!isJsonObject(value)) throw malformed(at, 'not an object');
  return value;
}

export function readArray(value: JsonValue | undefined, at: string): readonly JsonValue[] {
  if (!Array.isArray(value)) throw malformed(at, 'not an array');
  return value;
}

export function readString(value: JsonValue | undefined, at: string): string {
  if (typeof value !== 'string') throw malformed(at, 'not a string');
  return value;
}

/** An integer from `least` to 2^53 - 1. */
export function readInteger(value: JsonValue | undefined, at: string, least: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw malformed(at, `not an integer from ${least}`);
  }
  return value;
}

/** @throws TufError LIMIT when a collection has more than `most` entries */
export function assertCount(count: number, most: number, at: string): void {
  if (count > most) throw new TufError('LIMIT', `${at}: more than ${most} entries`, { at, most });
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
