/**
 * The documents that an edit starts from, as this client verified them with its own anchor: whoever is asked to sign
 * the next ones compares with these, and with nothing that the asking server says.
 */
import {
  assertBinding,
  assertFileMeta,
  assertVersion,
  type DialectName,
  isBinOf,
  loadDelegated,
  type Root,
  type Targets,
  type TrustedState,
  TufError,
  type Verified,
  type Workflow,
} from '@vidimus/tuf';

export interface PresentState {
  readonly dialect: DialectName;
  readonly root: Root;
  /** Targets and the delegated roles that were asked for, by role; one that is not here has no document yet. */
  readonly targets: ReadonlyMap<string, Targets>;
  /** Roles that snapshot lists and that could not be verified: nothing is signed that rests on them. */
  readonly unreadable: ReadonlyMap<string, string>;
  /**
   * Roles among `targets` whose file lacks the threshold that its delegator asks for now, as after a key was revoked:
   * it is what snapshot lists, and nobody vouches for what it says.
   */
  readonly below: ReadonlySet<string>;
  /** Root keys of the root that the anchor vouches for. */
  readonly anchorKeyIds: readonly string[];
}

/** As many delegations as a listing follows; bins are only read where they are named. */
const MAX_ROLES = 1_024;

/**
 * Walks the delegations of a state that held. A delegated role that has expired is read all the same: it is what the
 * next one has to follow.
 * @param bins names of bins to read, of which there may be many
 */
export function* readPresent(state: TrustedState, bins: ReadonlySet<string>): Workflow<PresentState> {
  const targets = new Map<string, Targets>([['targets', state.targets.document]]);
  const unreadable = new Map<string, string>();
  const below = new Set<string>();
  const timeless: TrustedState = { ...state, now: 0 };
  const queue: Verified<Targets>[] = [state.targets];
  for (const delegator of queue) {
    for (const role of delegatedBy(state, delegator.document, bins)) {
      // Names are unique in what we make; of two delegators the first one counts, as in a search.
      if (targets.has(role) || unreadable.has(role)) continue;
      if (targets.size + unreadable.size > MAX_ROLES) {
        throw new TufError('LIMIT', 'too many delegations to follow', { most: MAX_ROLES });
      }
      const read = yield* attempt(loadDelegated(timeless, delegator, role));
      if (read instanceof TufError) {
        const unsigned = read.code === 'THRESHOLD' ? yield* attempt(readUnsigned(state, role)) : read;
        if (!(unsigned instanceof TufError)) {
          below.add(role);
          targets.set(role, unsigned);
        } else if (state.snapshot.document.meta.has(role)) unreadable.set(role, read.message);
        continue;
      }
      targets.set(role, read.document);
      queue.push(read);
    }
  }
  return {
    dialect: state.dialect.name,
    root: state.root.document,
    targets,
    unreadable,
    below,
    anchorKeyIds: state.roots[0]?.document.roles.root.keyIds ?? [],
  };
}

/** The file that snapshot lists, whoever signed it: whoever is asked to vouch for it has to read it. Never kept. */
function* readUnsigned(state: TrustedState, role: string): Workflow<Targets> {
  const { dialect, limits, snapshot, root } = state;
  const meta = snapshot.document.meta.get(role) ?? {};
  const sha256 = meta.hashes?.get('sha256');
  const name = dialect.filesBy === 'hash' ? sha256 && { sha256 } : meta.version && { version: meta.version };
  const isNamed = dialect.filesBy === 'hash' || root.document.consistentSnapshot;
  if (!name) throw new TufError('MISSING', `role ${role}: its parent lists no file`, { role });
  const maxBytes = Math.min(meta.length ?? limits.targetsBytes, limits.targetsBytes);
  const bytes = yield { do: 'fetch', role, maxBytes, ...(isNamed ? name : {}) };
  if (bytes === undefined) throw new TufError('MISSING', `role ${role}: no such file`, { role });
  assertFileMeta(role, meta, bytes);
  const document = dialect.decode('targets', dialect.open(bytes, limits.targetsBytes));
  if (meta.version !== undefined) assertVersion(role, meta.version, document.version);
  assertBinding(state, role, document);
  return document;
}

function delegatedBy(
  { snapshot }: TrustedState,
  { delegations }: Targets,
  bins: ReadonlySet<string>,
): readonly string[] {
  const succinct = delegations?.succinct;
  if (succinct === undefined) return delegations?.roles.map(({ name }) => name) ?? [];
  return [...bins].filter((name) => isBinOf(succinct, name) && snapshot.document.meta.has(name));
}

function* attempt<T>(workflow: Workflow<T>): Workflow<T | TufError> {
  try {
    return yield* workflow;
  } catch (error) {
    if (error instanceof TufError) return error;
    throw error;
  }
}
