/**
 * Who may sign a role by the edit alone: where the service signs what delegates to it, no document of the change says
 * so. Its holders sign their own documents, and see what is said of them.
 */
import type { DialectName, Key } from '@vidimus/tuf';
import { dialectOf } from '../dialects.ts';
import { type AuthorityLike, authorityDifference, type Difference } from './change-difference.ts';
import type { DescribedEdit, DescribedKey } from './described-edit.ts';
import { delegatorOf, type EditContext } from './edit-context.ts';
import { delegationIn } from './resolve-delegation.ts';

/** How a key is shown that the service will make, or has made. */
const OF_THE_SERVICE = 'of the service';

/** Client keys that an edit names for a role, in one dialect, by id. @throws TufError MALFORMED */
export function describedKeys(
  edit: DescribedEdit,
  dialect: DialectName,
  role?: string,
): ReadonlyMap<string, Key> {
  const isOfRole = role === undefined || edit.kind === 'revokeKey' || roleOf(edit) === role;
  const keys = isOfRole ? entriesOf(edit).flatMap((entry) => clientKey(entry, dialect) ?? []) : [];
  return new Map(keys.map((key) => [key.keyId, key]));
}

/** What the edit says of a role above which no document is offered. */
export function describedDifference(context: EditContext, edit: DescribedEdit): readonly Difference[] {
  const { dialect, present, offered } = context;
  const role = roleOf(edit);
  if (role === undefined) return [];
  const top = role === 'targets' || role === 'root' || role === 'snapshot' || role === 'timestamp';
  const above = top ? 'root' : delegatorOf(context, role);
  if (offered.has(above)) return [];
  const before = top ? present.root.roles[role] : delegationIn(present.targets.get(above), role);
  const after = toAuthority(edit, dialect, before);
  return authorityDifference(role, before, after).map((line) => ({ dialect, ...line, byService: true }));
}

/**
 * Keys of a delegation that stay in the places that the edit leaves to the service. Nothing signed says whose they are:
 * a key that was to go could stay as one of these, so each is told.
 */
export function keptDifference(context: EditContext, edit: DescribedEdit): readonly Difference[] {
  if (edit.kind !== 'delegate') return [];
  const { dialect, present, offered } = context;
  const { role } = edit;
  const above = delegatorOf(context, role);
  const document = offered.get(above);
  if (document?.kind !== 'targets') return [];
  const was = new Set(delegationIn(present.targets.get(above), role)?.keyIds);
  const named = describedKeys(edit, dialect);
  const kept = delegationIn(document, role)?.keyIds.filter((id) => was.has(id) && !named.has(id)) ?? [];
  return kept.map((keyId) => ({ dialect, role, what: 'key', before: keyId, after: keyId }));
}

function toAuthority(
  edit: DescribedEdit,
  dialect: DialectName,
  before: AuthorityLike | undefined,
): AuthorityLike | undefined {
  if (edit.kind === 'undelegate') return undefined;
  if (edit.kind !== 'delegate' && edit.kind !== 'rotation' && edit.kind !== 'terms') return before;
  const threshold = edit.body.threshold ?? before?.threshold ?? 1;
  const keyIds = edit.kind === 'terms' ? (before?.keyIds ?? []) : keyIdsOf(edit, dialect);
  if (edit.kind !== 'delegate') return { ...before, keyIds, threshold };
  const { paths, terminating = false } = edit.body;
  return { keyIds, threshold, paths, terminating };
}

function keyIdsOf(edit: DescribedEdit, dialect: DialectName): readonly string[] {
  return entriesOf(edit).flatMap((entry) =>
    entry.custody === 'managed' ? [OF_THE_SERVICE] : (clientKey(entry, dialect)?.keyId ?? []),
  );
}

function roleOf(edit: DescribedEdit): string | undefined {
  return edit.kind === 'rotation' ||
    edit.kind === 'terms' ||
    edit.kind === 'delegate' ||
    edit.kind === 'undelegate'
    ? edit.role
    : undefined;
}

function entriesOf(edit: DescribedEdit): readonly DescribedKey[] {
  if (edit.kind === 'rotation') return edit.body.to;
  if (edit.kind === 'delegate') return edit.body.signers.flatMap(({ keys }) => keys);
  if (edit.kind === 'revokeKey') return edit.body.replacement === undefined ? [] : [edit.body.replacement];
  return [];
}

function clientKey(entry: DescribedKey, dialect: DialectName): Key | undefined {
  if (entry.custody !== 'client' || (entry.dialect ?? 'tuf') !== dialect) return undefined;
  return dialectOf(dialect).toKey(entry.key);
}
