/** The two-person rule: which calls on which repositories another person must agree to first. */
import { compileGlob } from '@vidimus/reference';

/**
 * - `delete` ends a repository
 * - `root` changes whom its root names: keys and thresholds of root, targets, snapshot, timestamp; another dialect; in
 *   the directory whose root keys clients take, too
 * - `force` does what would leave something unusable
 */
export type DangerousCall = 'delete' | 'root' | 'force';

export interface ApprovalRule {
  /** A glob over repository names. */
  readonly repositories: string;
  readonly calls: readonly DangerousCall[];
  /** How many, beside the author. */
  readonly approvers: number;
}

export interface ApprovalRules {
  /** How many people beside the author must agree; of several rules, the one that asks for most. */
  needed(repository: string, calls: readonly DangerousCall[]): number;
}

/** What the service does by itself at its own times; no caller has this name. */
const serviceActor = 'service';

/** @throws ReferenceFormatError GLOB_INVALID */
export function createApprovalRules(rules: readonly ApprovalRule[]): ApprovalRules {
  const compiled = rules.map(({ repositories, ...rule }) => ({
    ...rule,
    matches: compileGlob(repositories),
  }));
  return {
    needed: (repository, calls) =>
      compiled
        .filter((rule) => rule.matches(repository) && calls.some((call) => rule.calls.includes(call)))
        .reduce((most, { approvers }) => Math.max(most, approvers), 0),
  };
}

/** What a planned edit does, as far as the rule speaks of it. */
export interface JudgedEdit {
  readonly kind?: string;
  readonly parts: readonly { readonly edit: { readonly roles?: object } }[];
  readonly request: { readonly body: unknown };
}

/** Approvals that an edit of keys needs. Renewing a root without changing whom it names is nobody's call. */
export function approvalsFor(
  rules: ApprovalRules,
  repository: string,
  actor: string,
  { kind, parts, request }: JudgedEdit,
): number {
  if (actor === serviceActor) return 0;
  const namesOthers =
    kind === 'directory' || parts.some(({ edit }) => Object.keys(edit.roles ?? {}).length > 0);
  return rules.needed(repository, [
    ...(namesOthers ? (['root'] as const) : []),
    ...(isForced(request.body) ? (['force'] as const) : []),
  ]);
}

function isForced(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'force' in body && body.force === true;
}
