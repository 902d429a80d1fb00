/** Names in the `/metadata/` space (CONTRACTS C3): TUF 1.0 with consistent snapshots. */
import { roleNameSchema } from '../schemas/index.ts';
import type { MetadataName } from '../service.ts';

/**
 * Reads `timestamp.json` or `<version>.<role>.json`; undefined for anything else. The text is decoded: a
 * delegated role's slash arrives as `%2F`.
 */
export function parseMetadataName(file: string): MetadataName | undefined {
  if (file === 'timestamp.json') return { role: 'timestamp' };
  const [, digits, role] = /^([1-9][0-9]{0,15})\.(.{1,512})\.json$/.exec(file) ?? [];
  if (digits === undefined || role === undefined) return undefined;
  const version = Number(digits);
  // timestamp has no versioned name (TUF 6.2): one name, one file.
  if (!Number.isSafeInteger(version) || role === 'timestamp') return undefined;
  return roleNameSchema.safeParse(role).success ? { role, version } : undefined;
}
