/** `If-Match`: an edit that names its base must not be carried out on another one. */
import { type RoleVersion, TrustError } from '../../service.ts';
import type { Head } from '../store/metadata.ts';

/** A role that is not there has no version that could match. @throws TrustError VERSION_CONFLICT */
export function assertBase(heads: ReadonlyMap<string, Head>, base: RoleVersion | undefined): void {
  if (base === undefined) return;
  const current = heads.get(base.role)?.version;
  if (current === base.version) return;
  throw new TrustError('VERSION_CONFLICT', `${base.role} is at version ${current ?? 'none'} now`, {
    role: base.role,
    ...(current === undefined ? {} : { version: current }),
  });
}
