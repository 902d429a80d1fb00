/** The versions of a history by role, and their bytes checked against what the source says of them. */
import { sha256Hex } from '@vidimus/crypto';
import { NotaryError, toModelRole } from '@vidimus/notary';
import { TufError } from '@vidimus/tuf';
import type { HistoryVersion, LeftOut, RepositoryHistory } from './history.ts';

/** PostgreSQL's and MySQL's `integer`: Notary cannot have stored more. */
const maxVersion = 2 ** 31 - 1;

/** A version under the model's name of its role. */
export interface StoredVersion extends HistoryVersion {
  readonly modelRole: string;
}

export interface StoredVersions {
  /** Ascending; no version twice. */
  readonly byRole: ReadonlyMap<string, readonly StoredVersion[]>;
  readonly leftOut: readonly LeftOut[];
}

/** One name for a version of a role (the model's). */
export function versionName(role: string, version: number): string {
  return `${role} ${version}`;
}

/** Sorts a history; rows that name no role, or no version that could be, are left out. */
export function sortVersions({ versions }: RepositoryHistory): StoredVersions {
  const byRole = new Map<string, Map<number, StoredVersion>>();
  const leftOut: LeftOut[] = [];
  for (const row of versions) {
    const { role, version } = row;
    const modelRole = tryModelRole(role);
    if (modelRole === undefined) leftOut.push({ role, version, code: 'INVALID_ROLE' });
    else if (!Number.isSafeInteger(version) || version < 1 || version > maxVersion)
      leftOut.push({ role, version, code: 'VERSION' });
    else {
      const known = byRole.get(modelRole) ?? new Map<number, StoredVersion>();
      byRole.set(modelRole, known);
      if (known.has(version)) leftOut.push({ role, version, code: 'VERSION' });
      else known.set(version, { ...row, modelRole });
    }
  }
  const sorted = Array.from(
    byRole,
    ([role, known]) => [role, [...known.values()].sort((a, b) => a.version - b.version)] as const,
  );
  return { byRole: new Map(sorted), leftOut };
}

/**
 * The bytes of a version.
 * @throws TufError MISSING when the source does not give them, HASH_MISMATCH when it lists another SHA-256 for them
 */
export async function readVersion(
  history: RepositoryHistory,
  row: StoredVersion,
): Promise<{ readonly bytes: Uint8Array; readonly sha256: string }> {
  const { modelRole: role, version, sha256 } = row;
  const bytes = await history.read(row);
  if (bytes === undefined) {
    throw new TufError('MISSING', `role ${role}: the bytes of version ${version} are not there`, {
      role,
      version,
    });
  }
  const found = sha256Hex(bytes);
  if (sha256 !== undefined && sha256.toLowerCase() !== found) {
    throw new TufError(
      'HASH_MISMATCH',
      `role ${role}: version ${version} has another SHA-256 than is stored beside it`,
      {
        role,
        version,
      },
    );
  }
  return { bytes, sha256: found };
}

function tryModelRole(role: string): string | undefined {
  try {
    return toModelRole(role);
  } catch (error) {
    if (error instanceof NotaryError) return undefined;
    throw error;
  }
}
