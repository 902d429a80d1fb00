/**
 * What a described edit changes in one dialect, every key resolved: as far as the documents of the change go. A
 * document that the service signs alone is not among them, and is not recomputed.
 */
import { type DialectEdit, layoutOf, roleOfTag, type TopLevelRole } from '@vidimus/tuf';
import type { DescribedEdit } from './described-edit.ts';
import {
  chooseKeys,
  delegatorOf,
  type EditContext,
  keysOf,
  presentDocument,
  rootIn,
} from './edit-context.ts';
import { mismatch } from './offered-document.ts';
import { resolveDelegation, resolveUndelegation, rotateDelegated } from './resolve-delegation.ts';
import { resolveDigest, resolveTags } from './resolve-entries.ts';
import { resolveEntry } from './resolve-entry.ts';
import { resolveKeyRevocation } from './resolve-key-revocation.ts';

/** @throws TrustClientError CHANGE_MISMATCH; TufError for keys and entries that no document may hold */
export function resolveEdit(context: EditContext, edit: DescribedEdit): DialectEdit {
  switch (edit.kind) {
    case 'rotation':
      return isTopLevel(edit.role)
        ? rotateTopLevel(context, edit.role, edit.body)
        : rotateDelegated(context, edit.role, edit.body);
    case 'terms':
      return isTopLevel(edit.role)
        ? changeTopLevel(context, edit.role, edit.body)
        : rotateDelegated(context, edit.role, edit.body);
    case 'delegate':
      return resolveDelegation(context, edit.role, edit.body);
    case 'undelegate':
      return resolveUndelegation(context, edit.role);
    case 'tags':
      return resolveTags(context, listingRole(context, edit.role), edit);
    case 'revokeDigest':
      return resolveDigest(context, edit.digest, edit.body);
    case 'liftDigest':
      return resolveDigest(context, edit.digest, undefined);
    case 'revokeKey':
      return resolveKeyRevocation(context, edit);
    case 'entry':
      return resolveEntry(context, edit);
    case 'resign':
      return resign(context, [...context.offered.keys()]);
  }
}

type Rotation = Extract<DescribedEdit, { kind: 'rotation' }>['body'];
type Terms = Extract<DescribedEdit, { kind: 'terms' }>['body'];

function isTopLevel(role: string): role is TopLevelRole {
  return role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp';
}

function rotateTopLevel(context: EditContext, role: TopLevelRole, body: Rotation): DialectEdit {
  const root = rootIn(context);
  const below = role === 'targets' ? signedByTargets(context) : [];
  if (root === undefined) return resign(context, below);
  const present = context.present.root.roles[role];
  const set = chooseKeys(context, {
    role,
    entries: body.to,
    threshold: body.threshold ?? present.threshold,
    listed: root.roles[role],
    keys: root.keys,
  });
  return { ...resign(context, below), roles: { [role]: set } };
}

/** Another threshold is said by root; another lifetime by the next document of the role itself. */
function changeTopLevel(context: EditContext, role: TopLevelRole, body: Terms): DialectEdit {
  const { threshold, expiresAfter } = body;
  const { roles, keys } = context.present.root;
  if (threshold !== undefined) {
    const below = role === 'targets' ? signedByTargets(context) : [];
    const set = { keys: keysOf(role, roles[role], keys), threshold };
    return rootIn(context) === undefined
      ? resign(context, below)
      : { ...resign(context, below), roles: { [role]: set } };
  }
  if (expiresAfter === undefined) throw mismatch('its edit changes nothing');
  if (role === 'root') return { renewRoot: true };
  return role === 'targets' ? resign(context, signedByTargets(context)) : {};
}

/** The roles of the change that have the keys of targets. */
function signedByTargets(context: EditContext): readonly string[] {
  const { present, offered } = context;
  const layout = layoutOf(present.targets.get('targets') ?? missing(), present.targets.get('bins'));
  const isBin = (role: string): boolean =>
    role === 'bins' || (layout.kind === 'bins' && role.startsWith(`${layout.namePrefix}-`));
  return [...offered.keys()].filter((role) => role === 'targets' || isBin(role));
}

/** Signed anew with nothing changed: each document must be offered, and there already. */
function resign(context: EditContext, roles: readonly string[]): DialectEdit {
  for (const role of roles) {
    // A role whose holders sign for the first time has no document yet: it begins empty.
    if (role !== 'root') presentDocument(context, role);
  }
  const anew = roles.filter((role) => role !== 'root');
  return { ...(roles.includes('root') ? { renewRoot: true as const } : {}), resign: new Set(anew) };
}

/** Where the tags of a role stand: those of targets may be in bins. */
function listingRole(context: EditContext, role: string): (tag: string) => string {
  if (role !== 'targets') {
    if (delegatorOf(context, role) === role) throw mismatch(`${role} is no role for tags`);
    return () => role;
  }
  const layout = layoutOf(
    presentDocument(context, 'targets') ?? missing(),
    context.present.targets.get('bins'),
  );
  return (tag) => roleOfTag(layout, tag);
}

function missing(): never {
  throw mismatch('there is no present targets');
}
