/**
 * A repository in both dialects, and changes to it as an honest server proposes them: made with `nextDocuments` from
 * keys that are named here, so that a test can spoil one thing and expect one refusal.
 */
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import { type Change, type PresentState, type VerifiedChange, verifyChange } from '@vidimus/trust-client';
import {
  createTopLevel,
  type DelegationSpec,
  type DialectEdit,
  type DialectName,
  type DocumentOf,
  type Draft,
  type EditTerms,
  formatTime,
  type Key,
  nextDocuments,
  type Root,
  type Target,
  type Targets,
  tufDialect,
  withImageNotes,
} from '@vidimus/tuf';
import { asTufKey, certified, DAY, NOW, notaryKey, REPOSITORY, tufKey } from './proposals.ts';

export { asTufKey, certified, DAY, NOW, notaryKey, REPOSITORY, tufKey };

export const codecs = { tuf: tufDialect, notary: notaryDialect };
/** When the present documents were made. */
const BEFORE = NOW - 10 * DAY;
export const digestOf = (name: string): string => `sha256:${sha256Hex(Buffer.from(name))}`;

export function tag(path: string, image: string, since = BEFORE): Target {
  return {
    path,
    length: 500,
    hashes: new Map([['sha256', digestOf(image).slice(7)]]),
    custom: withImageNotes(undefined, { since }),
  };
}

const lifetimesMs = new Map([
  ['root', 365 * DAY],
  ['targets', 90 * DAY],
  ['revocations', 30 * DAY],
]);

function terms(highest: ReadonlyMap<string, number>, nowMs: number): EditTerms {
  return { repository: REPOSITORY, nowMs, lifetimesMs, highest };
}

function reread<K extends 'root' | 'targets'>(dialect: DialectName, draft: Draft, kind: K): DocumentOf[K] {
  const codec = codecs[dialect];
  const file = codec.seal(codec.encode(draft), []);
  return codec.decode(kind, codec.open(file, file.length));
}

/** Alice and bob hold root, the service targets; `releases` is alice's and carol's, `qa` carol's. */
export async function presentStates(): Promise<Readonly<Record<DialectName, PresentState>>> {
  return { tuf: presentOf('tuf', tufKey), notary: await presentNotary() };
}

async function presentNotary(): Promise<PresentState> {
  const roots = new Map([
    ['alice', await certified('alice root')],
    ['bob', await certified('bob root')],
  ]);
  return presentOf('notary', (name) => roots.get(name) ?? notaryKey(name));
}

function presentOf(dialect: DialectName, keyOf: (name: string) => Key): PresentState {
  const set = (threshold: number, ...names: string[]) => ({
    threshold,
    keys: names.map((name) =>
      keyOf(dialect === 'tuf' || !/^(alice|bob)$/.test(name) ? `${dialect} ${name}` : name),
    ),
  });
  const first = createTopLevel(
    {
      root:
        dialect === 'tuf' ? set(2, 'alice', 'bob') : { threshold: 2, keys: [keyOf('alice'), keyOf('bob')] },
      targets: set(1, 'targets'),
      snapshot: set(1, 'snapshot'),
      timestamp: set(1, 'timestamp'),
    },
    terms(new Map(), BEFORE),
  );
  const root = reread(dialect, first.root, 'root');
  const start = reread(dialect, first.targets, 'targets');
  const spec = (name: string, path: string, threshold: number, ...names: string[]): DelegationSpec => ({
    name,
    terminating: false,
    paths: [path],
    ...(dialect === 'notary' ? { pathPrefixes: [path.slice(0, -1)] } : {}),
    threshold,
    keys: names.map((each) => keyOf(`${dialect} ${each}`)),
  });
  const made = nextDocuments(
    { root, targets: new Map([['targets', start]]) },
    {
      delegations: new Map([
        [
          'targets',
          { set: [spec('releases', '1.*', 2, 'alice-r', 'carol-r'), spec('qa', 'qa-*', 1, 'carol-r')] },
        ],
      ]),
      targets: new Map([
        ['targets', { set: [tag('edge', 'edge')] }],
        ['releases', { set: [tag('1.0', 'one'), tag('1.1', 'bad')] }],
      ]),
    },
    terms(new Map([['targets', 1]]), BEFORE),
  );
  return {
    dialect,
    root,
    targets: new Map([...made.targets].map(([role, draft]) => [role, reread(dialect, draft, 'targets')])),
    unreadable: new Map(),
    below: new Set(),
    anchorKeyIds: root.roles.root.keyIds,
  };
}

export interface Part {
  readonly dialect: DialectName;
  readonly edit: DialectEdit;
  /** Roles whose documents others must sign; default: all that the edit makes. */
  readonly roles?: readonly string[];
}

export interface Proposal {
  readonly kind: string;
  readonly edit: Change['edit'];
  readonly parts: readonly Part[];
  readonly nowMs?: number;
  readonly lifetimes?: ReadonlyMap<string, number>;
  /** Versions that the server says are the present ones. */
  readonly versions?: ReadonlyMap<string, number>;
  readonly repository?: string;
}

/** The change as an honest server prints it. */
export function propose(present: Readonly<Record<DialectName, PresentState>>, proposal: Proposal): Change {
  const { kind, edit, parts, nowMs = NOW } = proposal;
  const base: Record<string, number> = {};
  const expires: Record<string, string> = {};
  const documents = parts.flatMap(({ dialect, edit: change, roles }) => {
    const state = present[dialect];
    const versions = new Map([
      ['root', state.root.version],
      ...[...state.targets].map(([role, { version }]): [string, number] => [role, version]),
      ...(proposal.versions ?? []),
    ]);
    const next = nextDocuments({ root: state.root, targets: state.targets }, change, {
      ...terms(versions, nowMs),
      lifetimesMs: proposal.lifetimes ?? lifetimesMs,
      repository: proposal.repository ?? REPOSITORY,
    });
    const made: [string, Draft<Root> | Draft<Targets>][] = [...next.targets];
    if (next.root !== undefined) made.unshift(['root', next.root]);
    return made
      .filter(([role]) => roles === undefined || roles.includes(role))
      .map(([role, draft]) => {
        const name = dialect === 'tuf' ? role : `notary:${role}`;
        base[name] = draft.version - 1;
        expires[name] = formatTime(draft.expires);
        const message = codecs[dialect].encode(draft);
        return {
          dialect,
          role,
          version: draft.version,
          toSign: toBase64(message),
          sha256: sha256Hex(message),
          thresholds: [{ of: 'role' as const, threshold: 1, keyIds: allKeyIds(state, draft, change) }],
          signatures: [],
          missing: 1,
        };
      });
  });
  return {
    id: '01A',
    repository: REPOSITORY,
    state: 'open',
    kind,
    edit,
    times: { issued: formatTime(nowMs), expires },
    summary: '',
    diff: [],
    createdBy: 'admin',
    createdAt: formatTime(nowMs),
    expiresAt: formatTime(nowMs + 7 * DAY),
    base,
    documents,
  };
}

/** More than may sign: a server may say so, and it must not help. */
function allKeyIds(state: PresentState, draft: Draft<Root> | Draft<Targets>, edit: DialectEdit): string[] {
  const own = draft.kind === 'root' ? draft.keys : (draft.delegations?.keys ?? new Map<string, Key>());
  const delegated = [...state.targets.values()].flatMap(({ delegations }) => [
    ...(delegations?.keys.keys() ?? []),
  ]);
  const added = [...(edit.delegations?.values() ?? [])].flatMap(({ set = [] }) =>
    set.flatMap(({ keys }) => keys.map(({ keyId }) => keyId)),
  );
  return [...new Set([...state.root.keys.keys(), ...own.keys(), ...delegated, ...added])];
}

/** What this client says of it. */
export function check(
  present: Readonly<Record<DialectName, PresentState>>,
  change: Change,
  more: { readonly request?: Change['edit']; readonly now?: number } = {},
): VerifiedChange {
  const named = new Set(change.documents.map(({ dialect }) => dialect));
  return verifyChange({
    repository: REPOSITORY,
    change,
    present: Object.values(present).filter(({ dialect }) => named.has(dialect)),
    now: more.now ?? NOW,
    ...(more.request === undefined ? {} : { request: more.request }),
  });
}

export function pathTo(...segments: readonly string[]): string {
  return `/v2/${REPOSITORY}/_trust/${segments.map(encodeURIComponent).join('/')}`;
}
