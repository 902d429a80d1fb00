/** The targets roles of a repository as its clients read them: each under its delegator, what does not verify passed over. */
import { type Authority, type Root, type Targets, TufError, verifyRole } from '@vidimus/tuf';
import { contextOf, type StateFile } from './stored-state.ts';

/** Documents by model role, delegators first. Expired ones are among them. */
export function readTree(
  repository: string,
  root: Root,
  files: ReadonlyMap<string, StateFile>,
): ReadonlyMap<string, Targets> {
  const context = contextOf(repository);
  const documents = new Map<string, Targets>();
  const places: { readonly role: string; readonly authority: Authority }[] = [
    { role: 'targets', authority: { keys: root.keys, roleKeys: root.roles.targets } },
  ];
  // Grows while it is read. A role is a direct child of its delegator, so there is no circle.
  for (const { role, authority } of places) {
    const file = files.get(role);
    const document = file && verified(() => verifyRole(context, 'targets', role, file.bytes, authority));
    if (document === undefined) continue;
    documents.set(role, document.document);
    const { keys, roles } = document.document.delegations ?? { keys: new Map(), roles: [] };
    for (const roleKeys of roles) places.push({ role: roleKeys.name, authority: { keys, roleKeys } });
  }
  return documents;
}

function verified<T>(verify: () => T): T | undefined {
  try {
    return verify();
  } catch (error) {
    if (error instanceof TufError) return undefined;
    throw error;
  }
}
