/** Roles as the wire names them and as the model does: `targets/qa/nightly` is the model's `qa/nightly`. */
import { NotaryError } from './errors.ts';

const topLevel: ReadonlySet<string> = new Set(['root', 'targets', 'snapshot', 'timestamp']);
const PREFIX = 'targets/';
/** Longest name on the wire, characters. */
const MAX_LENGTH = 255;
/** What the clients accept: no dots, so no name leaves its directory (attack T19), and no empty segments. */
const delegation = /^targets(\/[-a-z0-9_]+)+$/;

/**
 * The wire name of a role.
 * @throws NotaryError INVALID_ROLE for a name that these clients would refuse
 */
export function toNotaryRole(role: string): string {
  if (topLevel.has(role)) return role;
  const name = PREFIX + role;
  if (!isDelegation(name)) throw invalidRole(name);
  return name;
}

/**
 * The model's name of a role; `name` may come from anybody.
 * @throws NotaryError INVALID_ROLE; also for `targets/root` and the like, which the model would take for another role
 */
export function toModelRole(name: string): string {
  if (topLevel.has(name)) return name;
  if (!isDelegation(name)) throw invalidRole(name);
  return name.slice(PREFIX.length);
}

/** Whether a role may be delegated by another (model names): `qa` by targets, `qa/nightly` by `qa`. */
export function isDirectChild(parent: string, role: string): boolean {
  const prefix = parent === 'targets' ? '' : `${parent}/`;
  return role.startsWith(prefix) && /^[^/]+$/.test(role.slice(prefix.length));
}

function isDelegation(name: string): boolean {
  return name.length <= MAX_LENGTH && delegation.test(name) && !topLevel.has(name.slice(PREFIX.length));
}

function invalidRole(name: string): NotaryError {
  const shown = name.slice(0, MAX_LENGTH);
  return new NotaryError('INVALID_ROLE', `not the name of a role: ${shown}`, { role: shown });
}
