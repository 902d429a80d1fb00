/** The use cases behind the routes that change roles. */
import type { PatchRole, RoleRotated, RotateRole } from './schemas/index.ts';
import type { Call, Outcome } from './service.ts';

export interface RoleService {
  /**
   * Gives a role other keys, in every dialect that has it: published where the service can sign all of it, else a change.
   * @throws TrustError ROLE_UNKNOWN, CUSTODY_INVALID, KEY_INVALID, THRESHOLD_INVALID, CHANGE_CONFLICT, SIGNER_UNAVAILABLE
   */
  rotateRole(call: Call, repository: string, role: string, body: RotateRole): Promise<Outcome<RoleRotated>>;
  /** Another threshold or lifetime; nothing happens where it is so already. */
  patchRole(call: Call, repository: string, role: string, body: PatchRole): Promise<Outcome<RoleRotated>>;
}
