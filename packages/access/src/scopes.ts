/**
 * What a registry's token server gives out: actions on repositories (`repository:<name>:pull,push`) and the
 * right to see all of them (`registry:catalog:*`). Docker's distribution protocol, "Token Scope".
 */
import { isRepositoryName } from '@vidimus/reference';
import { z } from 'zod';

/** `*` includes the others. */
export type RegistryAction = 'pull' | 'push' | '*';

const maxScopes = 100;
const maxActions = 16;
const maxNameLength = 512;

/** One entry of a token's `access` list; the members are the protocol's. */
export const resourceAccessSchema = z.object({
  type: z.string().max(64),
  name: z.string().max(maxNameLength),
  actions: z.array(z.string().max(64)).max(maxActions),
});
export type ResourceAccess = z.infer<typeof resourceAccessSchema>;
export const accessListSchema = z.array(resourceAccessSchema).max(maxScopes);

/** The scope that shows the names of all repositories. */
export const catalogScope: ResourceAccess = { type: 'registry', name: 'catalog', actions: ['*'] };

export function repositoryScope(repository: string, actions: readonly RegistryAction[]): ResourceAccess {
  return { type: 'repository', name: repository, actions: [...actions] };
}

/** `repository:<name>:push,pull`, as challenges and requests spell it. */
export function formatScope({ type, name, actions }: ResourceAccess): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/**
 * Reads the `scope` parameters of a token request, each of which may hold several with blanks between. What is
 * not understood is left out: a token of less is the protocol's answer to that. Undefined: too many.
 */
export function parseScopes(parameters: readonly string[]): readonly ResourceAccess[] | undefined {
  const texts = parameters.flatMap((parameter) => parameter.split(' ')).filter((text) => text !== '');
  if (texts.length > maxScopes) return undefined;
  return texts.flatMap((text) => parseScope(text) ?? []);
}

/** The name may hold colons, of a port: the type ends at the first, the actions begin after the last. */
function parseScope(text: string): ResourceAccess | undefined {
  const [, type, name, list] = /^([a-z]+):(.+):([a-z*,]*)$/.exec(text) ?? [];
  if (type === undefined || name === undefined || list === undefined) return undefined;
  const actions = list.split(',').filter((action) => action !== '');
  if (actions.length > maxActions) return undefined;
  if (type === 'repository') return isRepositoryName(name) ? { type, name, actions } : undefined;
  return type === 'registry' && name === 'catalog' ? { type, name, actions } : undefined;
}

/** Whether a list grants every action that `wanted` names. */
export function grants(list: readonly ResourceAccess[], wanted: ResourceAccess): boolean {
  const held = new Set(
    list.filter(({ type, name }) => type === wanted.type && name === wanted.name).flatMap((e) => e.actions),
  );
  return held.has('*') || wanted.actions.every((action) => held.has(action));
}

/** What remains of a request for scopes: of each, the actions that `may` admits; empty ones are left out. */
export function limitScopes(
  requested: readonly ResourceAccess[],
  may: (scope: ResourceAccess) => boolean,
): readonly ResourceAccess[] {
  return requested.flatMap((scope) => {
    const actions = scope.actions.filter((action) => may({ ...scope, actions: [action] }));
    return actions.length === 0 ? [] : [{ ...scope, actions }];
  });
}
