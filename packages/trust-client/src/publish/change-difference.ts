/** What a document says otherwise than the one that it follows: computed here, never taken from the asking server. */
import type { Delegation, DialectName, Key, RoleKeys, Root, Target, Targets } from '@vidimus/tuf';
import type { PresentState } from '../present-state.ts';

/** One thing that differs; what is absent before is new, what is absent after is gone. */
export interface Difference {
  readonly dialect: DialectName;
  /** The role that it is about. */
  readonly role: string;
  readonly what:
    | 'key'
    | 'threshold'
    | 'tag'
    | 'revocation'
    | 'entry'
    | 'delegation'
    | 'paths'
    | 'terminating'
    | 'version'
    | 'expires';
  /** The tag, digest, delegation or pattern of the directory. */
  readonly name?: string;
  /** A key id, digest, number, list of patterns, time (RFC 3339), or an entry of the directory with its pattern. */
  readonly before?: string;
  readonly after?: string;
  /** A root key that the anchor of this client rests on. */
  readonly anchored?: true;
  /** It is there now, and too few of the role's present keys vouch for it: whoever signs, vouches for it anew. */
  readonly unvouched?: true;
  /** Said by the edit alone: the service signs the document that says it. */
  readonly byService?: true;
}

type Line = Omit<Difference, 'dialect'>;

/** Differences of one document, the most important first. */
export function differenceOf(
  present: PresentState,
  role: string,
  next: Root | Targets,
): readonly Difference[] {
  const lines =
    next.kind === 'root'
      ? rootLines(present, next)
      : [...unvouchedLines(role, present, next), ...targetsLines(role, present.targets.get(role), next)];
  return [...lines, ...termLines(role, present, next)].map((line) => ({ dialect: present.dialect, ...line }));
}

function rootLines({ root, anchorKeyIds }: PresentState, next: Root): readonly Line[] {
  const anchored = new Set(anchorKeyIds);
  return (['root', 'targets', 'snapshot', 'timestamp'] as const).flatMap((role) =>
    roleLines(role, root.roles[role], next.roles[role]).map((line) =>
      role === 'root' && line.after === undefined && anchored.has(line.before ?? '')
        ? { ...line, anchored: true as const }
        : line,
    ),
  );
}

function roleLines(role: string, before: RoleKeys | undefined, after: RoleKeys | undefined): readonly Line[] {
  const was = new Set(before?.keyIds);
  const is = new Set(after?.keyIds);
  return [
    ...[...is].filter((keyId) => !was.has(keyId)).map((after): Line => ({ role, what: 'key', after })),
    ...[...was].filter((keyId) => !is.has(keyId)).map((before): Line => ({ role, what: 'key', before })),
    ...changed(role, 'threshold', before && of(before), after && of(after)),
  ];
}

/** `2 of 3`: a threshold alone says little. */
function of({ threshold, keyIds }: RoleKeys): string {
  return `${threshold} of ${keyIds.length}`;
}

function targetsLines(role: string, before: Targets | undefined, after: Targets): readonly Line[] {
  const was = before?.targets ?? new Map<string, Target>();
  const paths = new Set([...after.targets.keys(), ...was.keys()]);
  return [
    ...delegationLines(before?.delegations?.roles ?? [], after.delegations?.roles ?? []),
    ...bins(before, after),
    ...[...paths].flatMap((path) => entryLines(role, path, was.get(path), after.targets.get(path))),
  ];
}

/** A file that lost its threshold may say what only a thief signed: all that stays in it is shown. */
function unvouchedLines(role: string, { below, targets }: PresentState, next: Targets): readonly Line[] {
  const before = targets.get(role)?.targets;
  if (!below.has(role) || before === undefined) return [];
  return [...next.targets.values()].flatMap((target): Line[] => {
    const was = before.get(target.path);
    if (was === undefined || !sameEntry(was, target)) return [];
    const digest = digestOf(target);
    return [{ role, what: 'tag', name: target.path, before: digest, after: digest, unvouched: true }];
  });
}

function delegationLines(before: readonly Delegation[], after: readonly Delegation[]): readonly Line[] {
  const was = new Map(before.map((each) => [each.name, each]));
  const is = new Map(after.map((each) => [each.name, each]));
  const roles = new Set([...is.keys(), ...was.keys()]);
  return [...roles].flatMap((role) => authorityDifference(role, was.get(role), is.get(role)));
}

/** Keys, threshold and paths of a role as something says them; without paths it is one that root names. */
export interface AuthorityLike extends RoleKeys {
  readonly paths?: readonly string[];
  readonly pathPrefixes?: readonly string[];
  readonly terminating?: boolean;
}

/** What differs in who may sign a role. */
export function authorityDifference(
  role: string,
  before: AuthorityLike | undefined,
  after: AuthorityLike | undefined,
): readonly Omit<Difference, 'dialect'>[] {
  const isOne = before === undefined || after === undefined;
  const isNone = before === undefined && after === undefined;
  return [
    ...(isOne && !isNone
      ? [{ role, what: 'delegation' as const, ...sides(before && role, after && role) }]
      : []),
    ...roleLines(role, before, after),
    ...changed(role, 'paths', pathsOf(before), pathsOf(after)),
    ...changed(role, 'terminating', said(before), said(after)),
  ];
}

/** Not to be terminating is the rule, and not worth a line. */
function said(authority: AuthorityLike | undefined): string | undefined {
  return authority?.terminating === true ? 'true' : undefined;
}

function pathsOf(delegation: AuthorityLike | undefined): string | undefined {
  const { paths, pathPrefixes } = delegation ?? {};
  return (paths ?? pathPrefixes?.map((prefix) => `${prefix}*`))?.join(' ');
}

function bins(before: Targets | undefined, after: Targets): readonly Line[] {
  return roleLines('bins', before?.delegations?.succinct, after.delegations?.succinct);
}

function entryLines(
  role: string,
  path: string,
  before: Target | undefined,
  after: Target | undefined,
): readonly Line[] {
  if (before !== undefined && after !== undefined && sameEntry(before, after)) return [];
  if (path.startsWith('sha256:')) {
    return [{ role, what: 'revocation', name: path, ...sides(before && path, after && reasonOf(after)) }];
  }
  // No tag holds a slash, every pattern of the directory does: a hash alone would have people sign blindly.
  if (path.includes('/')) {
    const said = (entry: Target | undefined): string | undefined =>
      entry && `${path} ${JSON.stringify(entry.custom ?? null)}`;
    return [{ role, what: 'entry', name: path, ...sides(said(before), said(after)) }];
  }
  return [{ role, what: 'tag', name: path, ...sides(before && digestOf(before), after && digestOf(after)) }];
}

function sameEntry(one: Target, other: Target): boolean {
  return (
    digestOf(one) === digestOf(other) &&
    one.length === other.length &&
    JSON.stringify(one.custom) === JSON.stringify(other.custom)
  );
}

function digestOf({ hashes }: Target): string {
  return `sha256:${hashes.get('sha256') ?? ''}`;
}

function reasonOf({ custom }: Target): string {
  return typeof custom === 'object' && custom !== null && 'reason' in custom ? String(custom['reason']) : '';
}

function termLines(role: string, { root, targets }: PresentState, next: Root | Targets): readonly Line[] {
  const before = next.kind === 'root' ? root : targets.get(role);
  return [
    ...changed(role, 'version', before && String(before.version), String(next.version)),
    ...changed(role, 'expires', before && timeOf(before.expires), timeOf(next.expires)),
  ];
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

function changed(
  role: string,
  what: Difference['what'],
  before: string | undefined,
  after: string | undefined,
): readonly Line[] {
  return before === after ? [] : [{ role, what, ...sides(before, after) }];
}

function sides(before: string | undefined, after: string | undefined): Pick<Difference, 'before' | 'after'> {
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

/** Key ids that a difference names, with the keys themselves where the documents hold them. */
export function keysNamed(
  present: PresentState,
  documents: Iterable<Root | Targets>,
): ReadonlyMap<string, Key> {
  const keys = new Map<string, Key>(present.root.keys);
  const add = (more: Iterable<readonly [string, Key]>): void => {
    for (const [keyId, key] of more) keys.set(keyId, key);
  };
  for (const { delegations } of present.targets.values()) add(delegations?.keys ?? []);
  for (const document of documents) {
    add(document.kind === 'root' ? document.keys : (document.delegations?.keys ?? []));
  }
  return keys;
}
