/**
 * What was signed at a point in the past: a snapshot by its version, the targets and delegated roles that it lists,
 * all under a root of the trusted chain. Expiry does not matter here: the question is what was vouched for then.
 */
import {
  assertFileMeta,
  DEFAULT_LIMITS,
  type Delegation,
  delegationOf,
  type FileMeta,
  type RoleKeys,
  type Root,
  type Snapshot,
  type Targets,
  TufError,
  tufDialect,
  type Verified,
  type VerifyContext,
  verifyRole,
  verifyRoot,
  verifyRootUpdate,
  verifyTopLevel,
  type Workflow,
} from '@vidimus/tuf';

/** One state of a repository. */
export interface SignedState {
  readonly root: Verified<Root>;
  readonly snapshot: Verified<Snapshot>;
  readonly targets: Verified<Targets>;
}

/** The way from targets to the role that lists a tag, or what stood in the way. */
export type Vouched =
  | { readonly digest: string; readonly chain: readonly Verified<Targets>[] }
  | { readonly digest: undefined; readonly because?: TufError };

/** Files that one audit reads at most, and their bytes together. */
export const MAX_AUDIT_FILES = 4_096;
export const MAX_AUDIT_BYTES = 40 * 1024 * 1024;

/** An audit has read as much as it reads; what is left rests on the server's word. */
export class AuditBudget extends Error {
  constructor() {
    super('beyond what one audit reads');
    this.name = 'AuditBudget';
  }
}

/** @throws TufError as `verifyRootUpdate` */
export function verifyRoots(context: VerifyContext, files: readonly Uint8Array[]): readonly Verified<Root>[] {
  const roots: Verified<Root>[] = [];
  for (const bytes of files) {
    const before = roots.at(-1);
    roots.push(
      before === undefined ? verifyRoot(context, bytes) : verifyRootUpdate(context, before.document, bytes),
    );
  }
  return roots;
}

/** Reads past states, each file once, within the limits of one audit. */
export class SignedStates {
  readonly #context: VerifyContext;
  /** Newest first: what several roots would admit is credited to the newest. */
  readonly #roots: readonly Verified<Root>[];
  readonly #files = new Map<string, Uint8Array | undefined>();
  readonly #verified = new Map<string, Verified<Targets>>();
  readonly #states = new Map<number, SignedState | TufError>();
  #bytes = 0;

  constructor(repository: string, foreign: boolean, roots: readonly Verified<Root>[]) {
    this.#context = { dialect: tufDialect, repository, foreign, limits: DEFAULT_LIMITS };
    this.#roots = roots.toReversed();
  }

  /** @throws TufError when no root of the chain admits it; AuditBudget */
  *at(snapshotVersion: number): Workflow<SignedState> {
    const known = this.#states.get(snapshotVersion);
    const state = known ?? (yield* this.#read(snapshotVersion));
    this.#states.set(snapshotVersion, state);
    if (state instanceof TufError) throw state;
    return state;
  }

  root(version: number): Verified<Root> | undefined {
    return this.#roots.find(({ document }) => document.version === version);
  }

  /** As clients search it: the first role that lists the tag, on a path that covers it. @throws AuditBudget */
  *lookUp(state: SignedState, tag: string): Workflow<Vouched> {
    const read: Verified<Targets>[] = [state.targets];
    const load = this.#loader(state, read);
    try {
      const found = yield* tufDialect.search({
        start: state.targets,
        path: tag,
        maxDelegations: DEFAULT_LIMITS.delegations,
        load,
      });
      if (found === undefined) return { digest: undefined };
      const chain = found.chain.flatMap(({ role }) =>
        read.filter((document) => document.role === role).slice(0, 1),
      );
      return { digest: digestIn(found.target.hashes), chain };
    } catch (because) {
      if (because instanceof TufError) return { digest: undefined, because };
      throw because;
    }
  }

  /** A delegated role by the names that lead to it. @throws TufError, AuditBudget */
  *role(state: SignedState, path: readonly string[]): Workflow<Verified<Targets>> {
    let document = state.targets;
    for (const role of path) document = yield* this.#delegated(state, document, role);
    return document;
  }

  *#read(snapshotVersion: number): Workflow<SignedState | TufError> {
    let refusal = new TufError('MISSING', `snapshot ${snapshotVersion} is not there`, { role: 'snapshot' });
    const bytes = yield* this.#file('snapshot', snapshotVersion, DEFAULT_LIMITS.snapshotBytes);
    if (bytes === undefined) return refusal;
    for (const root of this.#roots) {
      try {
        const snapshot = verifyTopLevel(this.#context, root.document, 'snapshot', bytes);
        assertVersion('snapshot', snapshot.document.version, snapshotVersion);
        const { version, meta } = listed(snapshot.document, 'targets');
        const file = yield* this.#file('targets', version, DEFAULT_LIMITS.targetsBytes);
        if (file === undefined) return missing('targets', version);
        assertFileMeta('targets', meta, file);
        const targets = verifyTopLevel(this.#context, root.document, 'targets', file);
        assertVersion('targets', targets.document.version, version);
        return { root, snapshot, targets };
      } catch (error) {
        if (!(error instanceof TufError)) throw error;
        refusal = error;
      }
    }
    return refusal;
  }

  #loader(state: SignedState, read: Verified<Targets>[]) {
    const delegated = this.#delegated.bind(this);
    return function* load(delegator: Verified<Targets>, role: string): Workflow<Verified<Targets>> {
      const document = yield* delegated(state, delegator, role);
      read.push(document);
      return document;
    };
  }

  *#delegated(state: SignedState, delegator: Verified<Targets>, role: string): Workflow<Verified<Targets>> {
    const roleKeys = delegationOf(delegator.document, role);
    const keys = delegator.document.delegations?.keys;
    if (roleKeys === undefined || keys === undefined) {
      throw new TufError('ROLE_UNKNOWN', `role ${delegator.role} does not delegate to ${role}`, { role });
    }
    const { version, meta } = listed(state.snapshot.document, role);
    const key = JSON.stringify([delegator.role, delegator.document.version, role, version]);
    const known = this.#verified.get(key);
    if (known !== undefined) return known;
    const bytes = yield* this.#file(role, version, DEFAULT_LIMITS.targetsBytes);
    if (bytes === undefined) throw missing(role, version);
    assertFileMeta(role, meta, bytes);
    const document = verifyRole(this.#context, 'targets', role, bytes, { keys, roleKeys });
    assertVersion(role, document.document.version, version);
    this.#verified.set(key, document);
    return document;
  }

  *#file(role: string, version: number, maxBytes: number): Workflow<Uint8Array | undefined> {
    const name = `${version}.${role}`;
    if (this.#files.has(name)) return this.#files.get(name);
    if (this.#files.size >= MAX_AUDIT_FILES || this.#bytes >= MAX_AUDIT_BYTES) throw new AuditBudget();
    const room = Math.min(maxBytes, MAX_AUDIT_BYTES);
    const bytes = yield { do: 'fetch', role, version, maxBytes: room };
    this.#bytes += bytes?.length ?? 0;
    this.#files.set(name, bytes);
    return bytes;
  }
}

/** Who may sign a role at a state: by root, or by the role that delegates. */
export function roleKeysOf(
  state: SignedState,
  delegator: Verified<Targets>,
  role: string,
): RoleKeys | undefined {
  const { roles } = state.root.document;
  if (role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp')
    return roles[role];
  return delegationOf(delegator.document, role);
}

/** A delegation by name, with its paths. */
export function namedDelegation(delegator: Verified<Targets>, role: string): Delegation | undefined {
  return delegator.document.delegations?.roles.find(({ name }) => name === role);
}

export function digestIn(hashes: ReadonlyMap<string, string>): string {
  const sha256 = hashes.get('sha256');
  const sha512 = hashes.get('sha512');
  return sha256 === undefined ? `sha512:${sha512 ?? ''}` : `sha256:${sha256}`;
}

function listed(snapshot: Snapshot, role: string): { readonly version: number; readonly meta: FileMeta } {
  const meta = snapshot.meta.get(role);
  const version = meta?.version;
  if (meta === undefined || version === undefined)
    throw new TufError('ROLE_UNKNOWN', `role ${role} is not in snapshot`, { role });
  return { version, meta };
}

function missing(role: string, version: number): TufError {
  return new TufError('MISSING', `${role} ${version} is not there`, { role, version });
}

function assertVersion(role: string, found: number, wanted: number): void {
  if (found === wanted) return;
  throw new TufError('VERSION', `role ${role}: version ${found} stands where ${wanted} should`, { role });
}
