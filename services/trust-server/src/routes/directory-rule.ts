/** Whose tags the directory's are: policy is published by policy's people, the map of root keys by administrators. */
import type { Permission } from '@vidimus/access';
import { DIRECTORY_NAME } from '@vidimus/reference';

const policyRoles: ReadonlySet<string> = new Set(['policies', 'exceptions']);

/** What an edit of tags in this role needs beside the route's own permission. @param role - targets when absent */
export function neededInDirectory(repository: string, role: string | undefined): Permission | undefined {
  return repository === DIRECTORY_NAME && !policyRoles.has(role ?? '') ? 'manage' : undefined;
}
