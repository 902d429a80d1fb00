/** Delegations as an edit describes them: new, changed, with other keys, or taken away. */
import { toPathPrefix } from '@vidimus/notary';
import type { Delegation, DelegationSpec, DialectEdit, RoleKeySet, Targets } from '@vidimus/tuf';
import type { DescribedDelegation, DescribedEdit } from './described-edit.ts';
import {
  chooseKeys,
  delegatorOf,
  type EditContext,
  keysOf,
  presentDocument,
  targetsIn,
} from './edit-context.ts';
import { mismatch } from './offered-document.ts';

type Terms = Extract<DescribedEdit, { kind: 'terms' }>['body'];
type Rotation = Extract<DescribedEdit, { kind: 'rotation' }>['body'];

/** A delegation that is new, or is to say something else. */
export function resolveDelegation(
  context: EditContext,
  role: string,
  { signers, threshold, paths, terminating = false }: DescribedDelegation,
): DialectEdit {
  const delegator = delegatorOf(context, role);
  const before = delegationIn(presentDocument(context, delegator), role);
  const offered = targetsIn(context, delegator);
  if (offered === undefined) return ownDocument(context, role);
  const set = chooseKeys(context, {
    role,
    entries: signers.flatMap(({ keys }) => keys),
    threshold,
    listed: listedIn(offered, role),
    keys: offered.delegations?.keys ?? new Map(),
    kept: before?.keyIds ?? [],
  });
  return written(delegator, { name: role, paths, terminating, ...prefixesOf(context, paths), ...set });
}

export function resolveUndelegation(context: EditContext, role: string): DialectEdit {
  const delegator = delegatorOf(context, role);
  if (delegationIn(presentDocument(context, delegator), role) === undefined) {
    throw mismatch(`there is no delegation ${role} to take away`);
  }
  return { delegations: new Map([[delegator, { remove: [role] }]]) };
}

/** Other keys, or another threshold, of a delegated role whose paths stay. */
export function rotateDelegated(context: EditContext, role: string, body: Rotation | Terms): DialectEdit {
  const delegator = delegatorOf(context, role);
  const present = presentDocument(context, delegator);
  const before = delegationIn(present, role);
  if (before === undefined || present === undefined) throw mismatch(`there is no delegation ${role}`);
  const offered = targetsIn(context, delegator);
  const isSaidAbove = 'to' in body || body.threshold !== undefined;
  if (!isSaidAbove || offered === undefined) return ownDocument(context, role);
  const threshold = body.threshold ?? before.threshold;
  const set: RoleKeySet =
    'to' in body
      ? chooseKeys(context, {
          role,
          entries: body.to,
          threshold,
          listed: listedIn(offered, role),
          keys: offered.delegations?.keys ?? new Map(),
        })
      : { keys: keysOf(role, before, present.delegations?.keys ?? new Map()), threshold };
  return written(delegator, asBefore(before, set));
}

/** The delegation with other keys and nothing else changed. */
export function asBefore(before: Delegation, set: RoleKeySet): DelegationSpec {
  const { name, terminating, paths, pathPrefixes } = before;
  if (paths === undefined && pathPrefixes === undefined) throw mismatch(`${name} is delegated by hash`);
  return {
    name,
    terminating,
    paths: paths ?? [],
    ...(pathPrefixes === undefined ? {} : { pathPrefixes }),
    ...set,
  };
}

/** The delegation to a role, in the document that delegates. */
export function delegationIn(document: Targets | undefined, role: string): Delegation | undefined {
  return document?.delegations?.roles.find(({ name }) => name === role);
}

function listedIn(offered: Targets, role: string): Delegation {
  const listed = delegationIn(offered, role);
  if (listed === undefined) throw mismatch(`it does not delegate to ${role}`);
  return listed;
}

function written(delegator: string, spec: DelegationSpec): DialectEdit {
  return { delegations: new Map([[delegator, { set: [spec] }]]) };
}

/** The service signs what delegates; what is left to others is the role's own document, as it is. */
function ownDocument(context: EditContext, role: string): DialectEdit {
  presentDocument(context, role);
  return { resign: new Set([role]) };
}

function prefixesOf(
  { dialect }: EditContext,
  paths: readonly string[],
): { readonly pathPrefixes?: readonly string[] } {
  if (dialect === 'tuf') return {};
  return {
    pathPrefixes: paths.map((glob) => {
      const prefix = toPathPrefix(glob);
      if (prefix === undefined) throw mismatch(`the dialect notary cannot say the paths ${glob}`);
      return prefix;
    }),
  };
}
