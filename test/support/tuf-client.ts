/** A TUF client in memory: cache, clock and log of requests around the real workflow. */
import {
  type Anchor,
  type Dialect,
  drive,
  type Listing,
  type LookUp,
  listTargets,
  lookUp,
  lookUpRole,
  type RefreshInput,
  type Reply,
  refresh,
  type Step,
  type Targets,
  type TrustedState,
  TufError,
  tufDialect,
  type Verified,
  type Workflow,
} from '@vidimus/tuf';

/** What a client sees of a simulated repository, of either dialect. */
interface Server {
  readonly repository: string;
  readonly now: number;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export class TufClient {
  /** Cached files: `root`, `3.root`, `timestamp`, `qa/nightly`. */
  readonly cache = new Map<string, Uint8Array>();
  /** Requests of the last workflow, as file names. */
  requests: string[] = [];
  warnings: string[] = [];
  /** Steps of the last workflow that change the cache. */
  writes: string[] = [];
  anchor: Anchor;
  now: number | undefined;
  readonly #server: Server;
  readonly #dialect: Dialect;
  readonly #input: Partial<RefreshInput>;

  constructor(server: Server, input: Partial<RefreshInput> = {}) {
    this.#server = server;
    this.#input = input;
    this.#dialect = input.dialect ?? tufDialect;
    this.anchor = input.anchor ?? firstRoot(server);
  }

  refresh(input: Partial<RefreshInput> = {}): TrustedState {
    return this.run(
      refresh({
        dialect: this.#dialect,
        repository: this.#server.repository,
        now: this.now ?? this.#server.now,
        foreign: false,
        anchor: this.anchor,
        ...this.#input,
        ...input,
      }),
    );
  }

  lookUp(path: string, state: TrustedState = this.refresh()): LookUp {
    return this.run(lookUp(state, path));
  }

  lookUpRole(role: string, state: TrustedState = this.refresh()): Verified<Targets> | undefined {
    return this.run(lookUpRole(state, role));
  }

  list(state: TrustedState = this.refresh()): Listing {
    return this.run(listTargets(state));
  }

  /** Version of a cached file, unverified. */
  cached(name: string): number | undefined {
    const bytes = this.cache.get(name);
    return bytes && Number(this.#dialect.open(bytes, bytes.length).signed['version']);
  }

  run<T>(workflow: Workflow<T>): T {
    this.requests = [];
    this.warnings = [];
    this.writes = [];
    return drive(workflow, (step) => this.#answer(step));
  }

  #answer(step: Step): Reply {
    if (step.do === 'fetch') {
      const version = step.version === undefined ? '' : `${step.version}.`;
      const hash = step.sha256 === undefined ? '' : `.${step.sha256}`;
      const name = `${version}${step.role}${hash}.json`;
      this.requests.push(name);
      return this.#server.files.get(name);
    }
    if (step.do === 'warn') {
      this.warnings.push(`${step.code} ${Object.values(step.detail).join(' ')}`);
      return undefined;
    }
    const name = step.file.version === undefined ? step.file.role : `${step.file.version}.${step.file.role}`;
    if (step.do === 'load') return this.cache.get(name);
    this.writes.push(`${step.do} ${name}`);
    if (step.do === 'store') this.cache.set(name, step.bytes);
    else this.cache.delete(name);
    return undefined;
  }
}

function firstRoot({ files }: Server): Anchor {
  const bytes = files.get('1.root.json');
  if (bytes === undefined) throw new Error('no first root');
  return { kind: 'root', bytes };
}

/** The code with which a thing is refused; fails when it is not, or by another error. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof TufError) return error.code;
    throw error;
  }
  return 'accepted';
}
