/** The same delegations as tuf-js reads them: the other opinion in differential tests. */
import { Targets } from '@tufjs/models';

type Json = Parameters<typeof Targets.fromJSON>[0];

/** Names of the roles that a path falls under, in order, terminating ones not yet obeyed. */
export function tufJsRolesFor(delegations: Json, path: string): string[] {
  return [...read(delegations).rolesForTarget(path)].map((found) => found.role);
}

/** Names of all bins. */
export function tufJsBins(succinct: Json): string[] {
  return [...(read({ keys: {}, succinct_roles: succinct }).succinctRoles?.getRoles() ?? [])];
}

function read(delegations: Json) {
  const signed = {
    _type: 'targets',
    version: 1,
    spec_version: '1.0.31',
    expires: '2030-01-01T00:00:00Z',
    targets: {},
  };
  const parsed = Targets.fromJSON({ ...signed, delegations }).delegations;
  if (parsed === undefined) throw new Error('tuf-js sees no delegations');
  return parsed;
}
