/**
 * The audit of a tag, or of a whole repository, without trusting the server: pure, and asking for one file at a time.
 * The same workflow collects a bundle (files come from the server and are kept) and verifies one (they come from it).
 */
import { sha256Hex } from '@vidimus/crypto';
import {
  DEFAULT_LIMITS,
  type Timestamp,
  TufError,
  tufDialect,
  type Verified,
  verifyTopLevel,
  type Workflow,
} from '@vidimus/tuf';
import { claimedTags, type Judgement, judgeEvent, pathOf, type SignedBy, toSignedBy } from './judge-event.ts';
import { type LoggedEvent, namesIn, recordOf, textOf } from './logged-event.ts';
import { SignedStates, verifyRoots } from './signed-states.ts';
import { assertOnChain, tampered, type VerifiedLog, verifyLog } from './verify-log.ts';

/** What is to be audited; nothing in it is believed but what signatures say under the roots. */
export interface AuditSubject {
  readonly repository: string;
  /** Absent: the whole repository. */
  readonly tag?: string;
  /** From the one that is trusted to the newest, without a gap. */
  readonly roots: readonly Uint8Array[];
  readonly timestamp: Uint8Array;
  /** An older timestamp that somebody kept. */
  readonly kept?: Uint8Array;
  /** Of the present incarnation, in ascending order. */
  readonly events: readonly LoggedEvent[];
}

/** An event with what was found out about it. */
export interface AuditLine extends Omit<Judgement, 'left'> {
  readonly event: LoggedEvent;
  /** Of a key event: the tag was vouched for before and is not afterwards, or by another digest. */
  readonly effect?: { readonly digest?: string; readonly code?: string };
  /** The tag was something before; `digest` is absent where it has not been named before. */
  readonly was?: { readonly digest?: string; readonly isAgain: boolean };
}

export interface AuditReport {
  readonly repository: string;
  readonly tag?: string;
  readonly roots: readonly (SignedBy & { readonly sha256: string })[];
  readonly timestamp: { readonly version: number; readonly issued: number; readonly expires: number };
  readonly log: VerifiedLog;
  /** The older timestamp lies on the chain; false: the events given begin after it; absent: none was given. */
  readonly keptIsOnChain?: boolean;
  /** Who vouches for the tag at the state of the timestamp. */
  readonly now?: {
    readonly digest?: string;
    readonly path: readonly SignedBy[];
    readonly code?: string;
  };
  readonly lines: readonly AuditLine[];
}

/**
 * Verifies roots, timestamp and log, and judges every event that touches the subject.
 * @throws TrustClientError AUDIT_TAMPERED; TufError when roots or timestamp do not verify
 */
export function* auditHistory(subject: AuditSubject): Workflow<AuditReport> {
  const { repository, tag, events } = subject;
  const context = { dialect: tufDialect, repository, foreign: false, limits: DEFAULT_LIMITS };
  const roots = verifyRoots(context, subject.roots);
  const newest = roots.at(-1);
  if (newest === undefined) throw new TufError('MISSING', 'no root', { role: 'root' });
  const timestamp = verifyTopLevel(context, newest.document, 'timestamp', subject.timestamp);
  const log = verifyLog(events, headOf(timestamp), repository);
  const kept = subject.kept === undefined ? {} : { keptIsOnChain: checkKept(subject, subject.kept, roots) };

  const states = new SignedStates(repository, false, roots);
  const present = yield* readPresent(states, timestamp, tag);
  const touching = tag === undefined ? events : touchingTag(events, tag);
  const judged = new Map<number, Judgement>();
  const last = lastInPublish(events);
  // The newest first: where an audit reads no further, it is the oldest that rest on the server's word.
  for (const event of touching.toReversed()) {
    const mine = [...claimedTags(event).keys()].filter(
      (name) => (tag === undefined || name === tag) && last.get(publishKey(event, name)) === event.seq,
    );
    const judgement = yield* judgeEvent(states, event, new Set(mine), tag);
    judged.set(event.seq, covered(event, judgement, log));
  }
  const lines = tell(touching, judged, tag);
  if (tag !== undefined) assertEndsNow(lines, present?.digest, tag);
  return {
    repository,
    ...(tag === undefined ? {} : { tag }),
    roots: roots.map((root) => ({ ...toSignedBy(root), sha256: sha256Hex(root.envelope.bytes) })),
    timestamp: {
      version: timestamp.document.version,
      issued: timestamp.document.binding.issued ?? 0,
      expires: timestamp.document.expires,
    },
    log,
    ...kept,
    ...(present === undefined ? {} : { now: present }),
    lines,
  };
}

function headOf({ document }: Verified<Timestamp>): { readonly size: number; readonly hash: string } {
  const { log } = document.binding;
  if (log !== undefined) return log;
  throw tampered('the timestamp signs no head of a log: it was not made by Vidimus');
}

/** An older timestamp is good under the root of its day. */
function checkKept(subject: AuditSubject, bytes: Uint8Array, roots: readonly Verified[]): boolean {
  const context = {
    dialect: tufDialect,
    repository: subject.repository,
    foreign: false,
    limits: DEFAULT_LIMITS,
  };
  let refusal: TufError | undefined;
  for (const { document } of roots.toReversed()) {
    if (document.kind !== 'root') continue;
    try {
      const head = headOf(verifyTopLevel(context, document, 'timestamp', bytes));
      return assertOnChain(subject.events, head, 'the timestamp that was kept');
    } catch (error) {
      if (!(error instanceof TufError)) throw error;
      refusal = error;
    }
  }
  throw refusal ?? new TufError('MISSING', 'no root', { role: 'root' });
}

function* readPresent(
  states: SignedStates,
  { document }: Verified<Timestamp>,
  tag: string | undefined,
): Workflow<AuditReport['now']> {
  const state = yield* states.at(document.snapshot.version ?? 0);
  if (tag === undefined) return undefined;
  const vouched = yield* states.lookUp(state, tag);
  if (vouched.digest === undefined) {
    return { path: [], ...(vouched.because === undefined ? {} : { code: vouched.because.code }) };
  }
  return { digest: vouched.digest, path: [state.root, ...vouched.chain].map(toSignedBy) };
}

/**
 * Events that touch a tag: what was done to it, to a digest that it ever named and, since it is there, to keys and
 * paths of the roles that ever vouched for it; the changes through which that happened.
 */
function touchingTag(events: readonly LoggedEvent[], tag: string): readonly LoggedEvent[] {
  const own = events.filter((event) => isAbout(event, tag));
  const since = own[0]?.seq ?? Number.POSITIVE_INFINITY;
  const roles = new Set(['root', 'targets', ...own.flatMap((event) => pathOf(event, tag))]);
  const digests = new Set(own.flatMap((event) => [...bothSides(event, tag)]));
  const touching = events.filter((event) => {
    if (isAbout(event, tag)) return true;
    const digest = textOf(event.after, 'digest') ?? textOf(event.before, 'digest');
    if (event.action.startsWith('digest.') && digest !== undefined && digests.has(digest)) return true;
    return event.seq >= since && rolesOf(event).some((role) => roles.has(role));
  });
  const changes = new Set(touching.flatMap(({ change }) => (change === undefined ? [] : [change])));
  const seqs = new Set(touching.map(({ seq }) => seq));
  return events.filter(
    ({ seq, change, action }) =>
      seqs.has(seq) || (change !== undefined && action.startsWith('change.') && changes.has(change)),
  );
}

function isAbout(event: LoggedEvent, tag: string): boolean {
  return (
    claimedTags(event).has(tag) ||
    namesIn(event.after?.['tags']).includes(tag) ||
    namesIn(event.after?.['stillServed']).includes(tag) ||
    (event.result === 'refused' && textOf(event.after, 'tag') === tag)
  );
}

function bothSides(event: LoggedEvent, tag: string): readonly string[] {
  return [event.before, event.after].flatMap((side) => {
    const digest = claimedTags({ ...event, action: '', before: undefined, after: side }).get(tag);
    return digest === undefined ? [] : [digest];
  });
}

/** Roles whose keys, threshold or paths an event is about. */
function rolesOf({ action, before, after }: LoggedEvent): readonly string[] {
  if (/^(tag|digest|change|call)\./.test(action)) return [];
  if (action === 'root.renew') return ['root'];
  return [before, after].flatMap((side) => [
    ...Object.keys(recordOf(side?.['roles']) ?? {}),
    ...namesIn(side?.['roles']),
    ...[textOf(side, 'role') ?? textOf(side, 'name') ?? []].flat(),
  ]);
}

/** Of events that were published together, only the last one about a tag shows in the signed files. */
function lastInPublish(events: readonly LoggedEvent[]): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const event of events) {
    for (const tag of claimedTags(event).keys()) last.set(publishKey(event, tag), event.seq);
  }
  return last;
}

function publishKey({ versions }: LoggedEvent, tag: string): string {
  return JSON.stringify([versions?.['snapshot'], tag]);
}

/** What the timestamp does not cover yet is the server's word, whatever the files say. */
function covered(event: LoggedEvent, judgement: Judgement, { signedTo }: VerifiedLog): Judgement {
  if (event.seq <= signedTo || judgement.standing === 'contradicted') return judgement;
  return { ...judgement, standing: 'word', why: 'it is younger than the timestamp' };
}

/** Puts the lines in order, and follows the tag through them. */
function tell(
  events: readonly LoggedEvent[],
  judged: ReadonlyMap<number, Judgement>,
  tag: string | undefined,
): readonly AuditLine[] {
  let known: string | undefined;
  /** It was vouched for, and a role on the way lost what it takes. */
  let isLost = false;
  const seen = new Set<string>();
  return events.map((event): AuditLine => {
    const { left, ...judgement }: Judgement = judged.get(event.seq) ?? {
      standing: 'word',
      why: 'not looked at',
      isTimeSigned: false,
    };
    if (tag === undefined || event.result === 'refused') return { event, ...judgement };
    const claims = claimedTags(event);
    if (claims.has(tag)) {
      const before = bothSides({ ...event, after: undefined }, tag)[0];
      const after = claims.get(tag);
      const broken = before !== undefined && known !== undefined && before !== known;
      const was = {
        isAgain: after !== undefined && seen.has(after),
        ...(known === undefined ? {} : { digest: known }),
      };
      known = after;
      isLost = false;
      if (after !== undefined) seen.add(after);
      if (!broken) return { event, ...judgement, was };
      return {
        event,
        ...judgement,
        was,
        standing: 'contradicted',
        why: 'the event before it left another digest',
      };
    }
    if (left === undefined || left.digest === known || (known === undefined && !isLost)) {
      return { event, ...judgement };
    }
    const code = left.digest === undefined ? left.because?.code : undefined;
    const effect = {
      ...(left.digest === undefined ? {} : { digest: left.digest }),
      ...(code === undefined ? {} : { code }),
    };
    known = left.digest;
    isLost = known === undefined;
    return { event, ...judgement, effect };
  });
}

/** The last thing that happened to a tag is what it is now: nothing changes without an event. */
function assertEndsNow(lines: readonly AuditLine[], digest: string | undefined, tag: string): void {
  const last = lines.findLast(({ event, effect }) => effect !== undefined || claimedTags(event).has(tag));
  if (last === undefined || last.event.result === 'refused') return;
  const said = last.effect === undefined ? claimedTags(last.event).get(tag) : last.effect.digest;
  if (digest === undefined || said === digest) return;
  throw tampered(`${tag} is ${digest} now, and no event says so`, { seq: last.event.seq });
}
