/** What an event says, held against the files that were signed with it. */
import {
  REVOCATIONS_ROLE,
  type RoleKeys,
  type Targets,
  TufError,
  type Verified,
  type Workflow,
} from '@vidimus/tuf';
import type { JsonRecord, LoggedEvent } from './logged-event.ts';
import { namedTags, namesIn, recordOf, textOf } from './logged-event.ts';
import {
  AuditBudget,
  namedDelegation,
  roleKeysOf,
  type SignedState,
  type SignedStates,
  type Vouched,
} from './signed-states.ts';

/**
 * - `signed` the signed files say the same
 * - `word` nothing signed says so, or not otherwise: the server's word alone
 * - `contradicted` the signed files say otherwise
 */
export type Standing = 'signed' | 'word' | 'contradicted';

/** Who signed what an event says. */
export interface SignedBy {
  readonly role: string;
  readonly version: number;
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

export interface Judgement {
  readonly standing: Standing;
  /** Of anything but `signed`. */
  readonly why?: string;
  /** From targets to the role that listed the tag. */
  readonly signedBy?: readonly SignedBy[];
  /** The files that were signed with it say the same time. */
  readonly isTimeSigned: boolean;
  /** What clients found for the tag asked about, once this had happened. */
  readonly left?: Vouched;
}

/** One claim of an event; undefined: the signed files can say nothing of it. */
type Finding =
  | { readonly holds: true; readonly chain?: readonly Verified<Targets>[] }
  | { readonly holds: false; readonly why: string }
  | undefined;

const holds: Finding = { holds: true };

/**
 * Judges one event.
 * @param tags those to look at: of which no later event was published together with this one
 * @param asked the tag that is audited; its state after the event is looked up, too
 */
export function* judgeEvent(
  states: SignedStates,
  event: LoggedEvent,
  tags: ReadonlySet<string>,
  asked: string | undefined,
): Workflow<Judgement> {
  const version = event.versions?.['snapshot'];
  if (event.result === 'refused') return word('what was refused left no signed file');
  if (version === undefined) return word('nothing was signed with it');
  try {
    const state = yield* states.at(version);
    const isTimeSigned = state.snapshot.document.binding.issued === Date.parse(event.at);
    const findings = yield* examine(states, state, event, tags);
    const left = asked === undefined ? {} : { left: yield* states.lookUp(state, asked) };
    return { ...sum(findings), isTimeSigned, ...left };
  } catch (error) {
    if (error instanceof AuditBudget) return word(error.message);
    if (error instanceof TufError) return word(`its files cannot be had: ${error.code}`);
    throw error;
  }
}

function* examine(
  states: SignedStates,
  state: SignedState,
  event: LoggedEvent,
  tags: ReadonlySet<string>,
): Workflow<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [tag, digest] of claimedTags(event)) {
    if (tags.has(tag)) findings.push(yield* checkTag(states, state, event, tag, digest));
  }
  findings.push(...checkRoles(states, state, event));
  findings.push(checkDelegation(state, event));
  if (event.action === 'role.resign') findings.push(...(yield* checkSigned(states, state, event)));
  findings.push(yield* checkDigest(states, state, event));
  const root = event.versions?.['root'];
  // That there is such a root backs an event that says nothing more.
  if (/^(root\.renew|repository\.create)$/.test(event.action) && root !== undefined) {
    if (states.root(root) !== undefined) findings.push(holds);
  }
  return findings;
}

/** What each tag is afterwards, as the event says it; undefined: gone. */
export function claimedTags({ action, before, after }: LoggedEvent): ReadonlyMap<string, string | undefined> {
  const claims = new Map<string, string | undefined>();
  for (const { tag } of namedTags(before)) claims.set(tag, undefined);
  if (action === 'digest.revoke') for (const tag of namesIn(after?.['tags'])) claims.set(tag, undefined);
  for (const { tag, digest } of namedTags(after)) claims.set(tag, digest);
  return claims;
}

function* checkTag(
  states: SignedStates,
  state: SignedState,
  event: LoggedEvent,
  tag: string,
  digest: string | undefined,
): Workflow<Finding> {
  const vouched = yield* states.lookUp(state, tag);
  if (vouched.digest === digest && !('because' in vouched && vouched.because !== undefined)) {
    return { holds: true, ...('chain' in vouched ? { chain: vouched.chain } : {}) };
  }
  // A role of lower priority: clients do not see what it lists, but it was signed.
  const path = pathOf(event, tag);
  if (path.length > 0) {
    const role = yield* states.role(state, path);
    const listed = role.document.targets.get(tag)?.hashes.get('sha256');
    if ((listed === undefined ? undefined : `sha256:${listed}`) === digest)
      return { holds: true, chain: [role] };
  }
  const because = 'because' in vouched ? vouched.because : undefined;
  if (because?.code === 'MISSING') return undefined;
  const found = vouched.digest ?? because?.code ?? 'no such tag';
  return { holds: false, why: `${tag}: the signed files have ${found}` };
}

function checkRoles(states: SignedStates, state: SignedState, event: LoggedEvent): readonly Finding[] {
  const { versions, before, after } = event;
  const version = versions?.['root'];
  const root = version === undefined ? undefined : states.root(version);
  return [...claimedRoles(event)].map(([role, claimed]): Finding => {
    const isTop = Object.hasOwn(state.root.document.roles, role);
    // Another root than that of the event may list other keys.
    if (isTop && root === undefined) return undefined;
    const at = isTop && root !== undefined ? { ...state, root } : state;
    const found = roleKeysOf(at, state.targets, role);
    // A role that top-level targets does not delegate: the document that does may be another one by now.
    if (found === undefined) return undefined;
    const taken = textOf(after, 'keyId');
    if (taken !== undefined && before !== undefined && found.keyIds.includes(taken)) {
      return { holds: false, why: `role ${role} still lists the key` };
    }
    return saysSame(claimed, found) ? holds : { holds: false, why: `role ${role} lists other keys` };
  });
}

/** Who may sign which role afterwards, as the event says it. */
function claimedRoles({ action, after }: LoggedEvent): ReadonlyMap<string, JsonRecord> {
  const claims = new Map<string, JsonRecord>();
  const add = (role: string, claim: JsonRecord | undefined): void => {
    if (claim !== undefined && namesIn(claim['keyIds']).length > 0) claims.set(role, claim);
  };
  for (const [role, claim] of Object.entries(recordOf(after?.['roles']) ?? {})) add(role, recordOf(claim));
  const role = textOf(after, 'role');
  if (role !== undefined && action.endsWith('.rotate')) add(role, after);
  return claims;
}

function checkDelegation(state: SignedState, { action, before, after }: LoggedEvent): Finding {
  if (!action.startsWith('delegation.')) return undefined;
  const said = after ?? before;
  const role = textOf(said, 'role') ?? textOf(said, 'name');
  // Only what top-level targets delegates: of deeper ones the document that delegates may be another one by now.
  if (role === undefined || (textOf(said, 'by') ?? 'targets') !== 'targets') return undefined;
  const found = namedDelegation(state.targets, role);
  if (action === 'delegation.remove') {
    return found === undefined ? holds : { holds: false, why: `targets still delegates to ${role}` };
  }
  if (found === undefined || after === undefined)
    return { holds: false, why: `targets does not delegate to ${role}` };
  const paths = after['paths'] === undefined ? found.paths : namesIn(after['paths']);
  const keyIds = after['keyIds'] ?? Object.values(recordOf(after['signers']) ?? {}).flatMap(namesIn);
  const same = saysSame({ ...after, keyIds }, found) && isSame(paths, found.paths);
  return same ? holds : { holds: false, why: `targets delegates to ${role} in another way` };
}

/** That delegated roles were signed anew: their files stand there, in these versions, and verify. */
function* checkSigned(
  states: SignedStates,
  state: SignedState,
  event: LoggedEvent,
): Workflow<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const role of Object.keys(recordOf(event.after?.['roles']) ?? {})) {
    const version = event.versions?.[role];
    if (version === undefined || Object.hasOwn(state.root.document.roles, role)) continue;
    if (namedDelegation(state.targets, role) === undefined) continue;
    const signed = yield* states.role(state, [role]);
    if (signed.document.version === version) findings.push({ holds: true, chain: [state.targets, signed] });
    else findings.push({ holds: false, why: `role ${role} has version ${signed.document.version}` });
  }
  return findings;
}

function* checkDigest(states: SignedStates, state: SignedState, event: LoggedEvent): Workflow<Finding> {
  const { action, before, after } = event;
  if (action !== 'digest.revoke' && action !== 'digest.lift') return undefined;
  const digest = textOf(after, 'digest') ?? textOf(before, 'digest');
  if (digest === undefined) return undefined;
  const role = yield* states.role(state, [REVOCATIONS_ROLE]);
  const isListed = role.document.targets.has(digest);
  if (isListed === (action === 'digest.revoke')) return { holds: true, chain: [role] };
  return { holds: false, why: `the list of revoked digests ${isListed ? 'still has' : 'does not have'} it` };
}

/** The delegated roles that lead to the one that lists a tag; none for top-level targets. */
export function pathOf({ before, after }: LoggedEvent, tag: string): readonly string[] {
  const side = after ?? before;
  const path = namesIn(side?.['path']).filter((role) => role !== 'root' && role !== 'targets');
  if (path.length > 0) return path;
  const listed = [...namedTags(after), ...namedTags(before)].find((entry) => entry.tag === tag)?.role;
  const role = listed ?? textOf(side, 'role');
  return role === undefined || role === 'targets' ? [] : [role];
}

function saysSame(claimed: JsonRecord, found: RoleKeys | undefined): boolean {
  if (found === undefined) return false;
  const { threshold } = claimed;
  return (
    isSame(namesIn(claimed['keyIds']), found.keyIds) &&
    (threshold === undefined || threshold === found.threshold)
  );
}

function isSame(some: readonly string[] | undefined, others: readonly string[] | undefined): boolean {
  return JSON.stringify([...(some ?? [])].sort()) === JSON.stringify([...(others ?? [])].sort());
}

function sum(findings: readonly Finding[]): Pick<Judgement, 'standing' | 'why' | 'signedBy'> {
  for (const finding of findings) {
    if (finding?.holds === false) return { standing: 'contradicted', why: finding.why };
  }
  const [chain] = findings.flatMap((finding) =>
    finding?.holds === true && finding.chain ? [finding.chain] : [],
  );
  const signedBy = chain === undefined ? {} : { signedBy: chain.map(toSignedBy) };
  if (findings.some((finding) => finding?.holds === true)) return { standing: 'signed', ...signedBy };
  return { standing: 'word', why: 'the signed files do not speak of it' };
}

export function toSignedBy({ role, document, keyIds, threshold }: Verified): SignedBy {
  return { role, version: document.version, keyIds, threshold };
}

function word(why: string): Judgement {
  return { standing: 'word', why, isTimeSigned: false };
}
