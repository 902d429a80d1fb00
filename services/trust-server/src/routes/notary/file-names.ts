/** Names of files on the Notary wire: `<role>.json`, `<role>.<sha256>.json`, `<n>.<role>.json`, `<role>.key`. */
import { isSha256Hex } from '@vidimus/crypto';
import { NotaryError, toModelRole } from '@vidimus/notary';
import type { NotaryQuestion, ServedKeyRole } from '../../notary-service.ts';

export type FileName =
  | { readonly kind: 'file'; readonly question: NotaryQuestion }
  | { readonly kind: 'key'; readonly role: ServedKeyRole }
  /** A name of the right form whose file nobody can have. */
  | { readonly kind: 'missing' };

/** The name as decoded, slashes of delegations included; undefined for what is no name of this wire. */
export function parseFileName(name: string): FileName | undefined {
  if (name === 'timestamp.key') return { kind: 'key', role: 'timestamp' };
  if (name === 'snapshot.key') return { kind: 'key', role: 'snapshot' };
  const [, digits, role = '', checksum] =
    /^(?:([0-9]+)\.)?((?:root|snapshot|timestamp|targets)(?:\/[^\s/.]+)*)(?:\.([0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}))?\.json$/.exec(
      name,
    ) ?? [];
  if (role === '' || (digits !== undefined && checksum !== undefined)) return undefined;
  if (role.includes('/') && !role.startsWith('targets/')) return undefined;
  const modelRole = toRole(role);
  if (modelRole === undefined) return { kind: 'missing' };
  if (checksum !== undefined) {
    // SHA-384, SHA-512 and upper case have the form, and match nothing: as at the peer.
    return isSha256Hex(checksum)
      ? { kind: 'file', question: { role: modelRole, sha256: checksum } }
      : { kind: 'missing' };
  }
  if (digits === undefined) return { kind: 'file', question: { role: modelRole } };
  const version = Number(digits);
  return Number.isSafeInteger(version) && version > 0
    ? { kind: 'file', question: { role: modelRole, version } }
    : { kind: 'missing' };
}

function toRole(role: string): string | undefined {
  try {
    return toModelRole(role);
  } catch (error) {
    if (error instanceof NotaryError) return undefined;
    throw error;
  }
}
