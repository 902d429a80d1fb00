/**
 * The client's configuration file. Strict on purpose: a misspelt `final` or `anchor` must stop the
 * command, not loosen it. Keys that this version cannot honour are refused, never ignored.
 */
import { compileGlob } from '@vidimus/reference';
import { z } from 'zod';

const durationPattern = /^\d+[smhd]$/;
const durationUnits: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90d` in milliseconds. The text must match `^\d+[smhd]$`. */
export function durationToMs(text: string): number {
  return Number(text.slice(0, -1)) * (durationUnits[text.slice(-1)] ?? Number.NaN);
}

const duration = z.string().regex(durationPattern, 'a duration is a number and one of s m h d, like 24h');

const ids = z
  .array(z.string().regex(/^[0-9a-f]{64}$/, 'a key id is 64 lower-case hex digits'))
  .min(1)
  .max(64);

const keyIds = z
  .strictObject({ keyIds: ids, threshold: z.int().min(1).max(64) })
  .refine(
    (anchor) => anchor.threshold <= new Set(anchor.keyIds).size,
    'the threshold exceeds the number of keys',
  );

const anchor = z.union(
  [
    z.strictObject({ root: z.string().min(1) }),
    keyIds,
    z.strictObject({ certIds: ids }),
    z.strictObject({ ca: z.string().min(1) }),
    z.literal('directory'),
    z.literal('firstUse'),
  ],
  { error: ({ input }) => anchorError(input) },
);
type AnchorEntry = z.infer<typeof anchor>;

const token = z.union(
  [z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })],
  {
    error: 'a token is {env: NAME} or {file: FILE}',
  },
);

const glob = z.string().refine(isGlob, 'not a pattern: use *, ** and name components');

const notYet = 'not available in this version, so it is refused, not ignored';

/** A key of the documented format that nothing here would honour. */
const later = z.never({ error: notYet }).optional();

const entry = z.strictObject({
  match: glob,
  trustServer: z.url({ protocol: /^https?$/, error: 'a trust server is an http or https URL' }).optional(),
  dialect: z.enum(['tuf', 'notary']).optional(),
  anchor: anchor.optional(),
  policies: z.array(z.string().min(1)).min(1).optional(),
  unavailable: z.enum(['closed', 'warn', 'open']).optional(),
  foreign: z.boolean().optional(),
  maxTimestampLifetime: duration.optional(),
  staleFor: duration.optional(),
  ca: z.string().min(1).optional(),
  token: token.optional(),
  final: z.boolean().optional(),
  policyServer: later,
  requirePolicies: later,
  maxOffline: later,
  mode: later,
});

const repository = entry.refine(({ anchor: named, dialect }) => !isCertified(named) || dialect === 'notary', {
  path: ['anchor'],
  error: 'certIds and ca are anchors of the dialect notary: say dialect: notary beside it',
});

const registry = z.strictObject({ plainHttp: z.boolean().optional(), ca: z.string().min(1).optional() });

export const clientConfigSchema = z.strictObject({
  version: z.literal(1),
  repositories: z.array(repository).max(10_000).default([]),
  registries: z.record(z.string().min(1).max(255), registry).default({}),
  /** The organisation's directory: where its anchor file is, and a token for its server. */
  directory: z.strictObject({ anchor: z.string().min(1), token: token.optional() }).optional(),
  outside: later,
  /** The service's part of a shared file; clients do not look inside. */
  service: z.unknown().optional(),
});

export type ClientConfig = z.infer<typeof clientConfigSchema>;
export type RepositoryEntry = z.infer<typeof repository>;
export type DirectoryEntry = NonNullable<ClientConfig['directory']>;
export type RegistryEntry = z.infer<typeof registry>;

/** The forms there are, and which of them are not here yet. */
function anchorError(input: unknown): string {
  const names = typeof input === 'object' && input !== null ? input : {};
  if ('certIds' in names) return 'certIds are key ids of certificates, 64 lower-case hex digits each';
  if ('keyIds' in names)
    return 'keyIds are 64 lower-case hex digits each, with a threshold from 1 to their number';
  return 'an anchor is {root: FILE}, {keyIds: [...], threshold: N}, {certIds: [...]}, {ca: FILE}, directory or firstUse';
}

function isCertified(named: AnchorEntry | undefined): boolean {
  return typeof named === 'object' && ('certIds' in named || 'ca' in named);
}

function isGlob(pattern: string): boolean {
  try {
    compileGlob(pattern);
    return true;
  } catch {
    return false;
  }
}
