/** What bodies and answers are made of: ids, names, times, durations, keys. */
import { z } from '@hono/zod-openapi';
import type { JsonObject } from '@vidimus/canonical-json';
import { durationToMs } from '../duration.ts';

const maxTextLength = 1024;
export const maxKeysPerRole = 64;
/** Beyond it milliseconds leave the integers, and times the calendar. */
const maxDurationMs = 36_500 * 86_400_000;
/** A JSON object kept exactly as parsed: unknown members, `__proto__` included, survive. */
export const jsonObject = z
  .custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'expected an object',
  })
  .openapi({ type: 'object', additionalProperties: true });
/** Whole seconds, minutes, hours or days; at most nine digits. See `durationToMs`. */
export const durationSchema = z
  .string()
  .regex(/^[0-9]{1,9}[smhd]$/, { error: 'expected a duration such as 90d', abort: true })
  .refine((text) => durationToMs(text) <= maxDurationMs, 'is longer than 100 years')
  .openapi({ example: '90d' });
export const lifetimeSchema = durationSchema.refine(
  (text) => !/^0+[smhd]$/.test(text),
  'must be more than zero',
);
export const timeSchema = z.string().openapi({ format: 'date-time', example: '2026-11-21T09:00:00Z' });
export const keyIdSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits')
  .openapi({ example: '7c1e09ab42d1'.padEnd(64, '0') });
export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 lower-case hex digits')
  .openapi({ example: `sha256:${'9f'.repeat(32)}` });
/** Docker's rule for tags. */
export const tagSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'expected a tag')
  .openapi({ example: '1.4.2' });
/** A role as the model spells it; delegated names may hold slashes. */
export const roleNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}$/,
    'expected a role name',
  )
  .openapi({ example: 'targets' });
export const versionSchema = z.int().min(1);
export const thresholdSchema = z.int().min(1).max(maxKeysPerRole);
export const dialectSchema = z.enum(['tuf', 'notary']);
export const reasonSchema = z.string().min(1).max(maxTextLength);
/** Role name to version: what one publish made current. */
export const versionsSchema = z.record(z.string(), versionSchema).openapi('Versions');
export type Versions = z.infer<typeof versionsSchema>;
/** Who holds a key of a role: the service makes and keeps it, or only a client can use it. */
export const keyEntrySchema = z
  .discriminatedUnion('custody', [
    z.strictObject({ custody: z.literal('managed'), algorithm: z.enum(['ed25519']).optional() }),
    z.strictObject({
      custody: z.literal('client'),
      dialect: dialectSchema.optional(),
      /** The key object of that dialect; the core refuses what is not one (KEY_INVALID). */
      key: jsonObject,
    }),
  ])
  .openapi('KeyEntry');
export type KeyEntry = z.infer<typeof keyEntrySchema>;
