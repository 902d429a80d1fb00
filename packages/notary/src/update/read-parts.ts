/** The files of an upload by role: the first look at what anybody may have sent. */
import { NotaryError } from '../errors.ts';
import { toModelRole } from '../role-name.ts';
import { MAX_PARTS, MAX_ROLE_DEPTH } from './limits.ts';

/** One file of an upload. */
export interface UpdatePart {
  /** Role as on the wire, `targets/releases`, with `.json` taken off. */
  readonly role: string;
  readonly bytes: Uint8Array;
}

/**
 * Files by model role. A timestamp is left out unread: the service makes it, whatever a client sends.
 * @throws NotaryError MALFORMED_UPLOAD or INVALID_ROLE
 */
export function readParts(parts: readonly UpdatePart[]): ReadonlyMap<string, Uint8Array> {
  if (parts.length > MAX_PARTS) {
    throw new NotaryError('MALFORMED_UPLOAD', `more than ${MAX_PARTS} files in one upload`);
  }
  const files = new Map<string, Uint8Array>();
  for (const { role: name, bytes } of parts) {
    if (name === 'timestamp') continue;
    const role = toModelRole(name);
    if (name.split('/').length - 1 > MAX_ROLE_DEPTH) {
      throw new NotaryError('INVALID_ROLE', `role ${name} is nested too deeply`, { role: name });
    }
    // The peer lets the last one win; another reader of the same body might take the first.
    if (files.has(role)) {
      throw new NotaryError('MALFORMED_UPLOAD', `role ${name} is in the upload twice`, { role: name });
    }
    files.set(role, bytes);
  }
  return files;
}
