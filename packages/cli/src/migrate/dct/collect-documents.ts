/**
 * Reads everything a repository consists of and verifies it as a client does, but for time: what expired is still
 * what its keys signed, and is told as a problem. What does not verify is told, too, and not taken along.
 */
import { notaryDialect, toNotaryRole } from '@vidimus/notary';
import { TrustClientError } from '@vidimus/trust-client';
import {
  assertFileMeta,
  type Delegation,
  type FileMeta,
  isExpired,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
  type TufDocument,
  TufError,
  type Verified,
  type VerifyContext,
  verifyRole,
  verifyRoot,
  verifyRootUpdate,
  verifyTopLevel,
} from '@vidimus/tuf';
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';
import type { DocumentSource } from './document-source.ts';
import { readLimits } from './notary-wire.ts';
import type { Problem } from './problems.ts';

/** A server can make a chain of any length; a real one grows by one every few years. */
const maxRoots = 1_024;
const maxDelegations = 1_024;
/** Of one repository: all of it is in memory at once. */
const maxBytes = 256 * 1024 * 1024;

/** The documents that verified. Role names are the model's. */
export interface Collected {
  readonly repository: string;
  /** Without a gap, oldest first, each signed by the one before it; the last one is current. */
  readonly roots: readonly Verified<Root>[];
  readonly root: Verified<Root>;
  readonly timestamp?: Verified<Timestamp>;
  readonly snapshot?: Verified<Snapshot>;
  readonly targets?: Verified<Targets>;
  /** By role, parents before children. */
  readonly delegations: ReadonlyMap<string, Verified<Targets>>;
  /** Roles that a delegator names and that have no document yet. */
  readonly unsigned: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * @param now milliseconds since 1970
 * @throws CliError NO_TRUST_DATA, TufError where not even the root can be trusted, and as the source
 */
export async function collectDocuments(
  source: DocumentSource,
  repository: string,
  now: number,
): Promise<Collected> {
  const problems: Problem[] = [];
  const context: VerifyContext = { dialect: notaryDialect, repository, foreign: true, limits: readLimits };
  const reader = new Reader(source, context, problems);
  const roots = await reader.roots();
  const root = newestOf(roots);
  const timestamp = await reader.timestamp(root.document);
  const snapshot = await reader.snapshot(root.document, timestamp?.document.snapshot);
  const targets = await reader.targets(root.document, snapshot?.document.meta.get('targets'));
  const { delegations, unsigned } = await reader.delegations(targets, snapshot?.document);
  const found = [root, timestamp, snapshot, targets, ...delegations.values()];
  problems.push(
    ...certificateProblems(root, now),
    ...found.flatMap((file) => (file === undefined ? [] : expiryProblems(file, now))),
  );
  return {
    repository,
    roots,
    root,
    ...(timestamp && { timestamp }),
    ...(snapshot && { snapshot }),
    ...(targets && { targets }),
    delegations,
    unsigned,
    problems,
  };
}

/** One repository being read; it owns the list of problems. */
class Reader {
  readonly #source: DocumentSource;
  readonly #context: VerifyContext;
  readonly #problems: Problem[];
  #bytes = 0;

  constructor(source: DocumentSource, context: VerifyContext, problems: Problem[]) {
    this.#source = source;
    this.#context = context;
    this.#problems = problems;
  }

  /** From the current root down to the first, so that a hole in the chain leaves what is above it. */
  async roots(): Promise<readonly Verified<Root>[]> {
    const { repository } = this.#context;
    const bytes = this.#count(await this.#source.root(undefined));
    if (bytes === undefined) throw noTrustData(repository);
    const chain = [verifyRoot(this.#context, bytes)];
    for (let version = newestOf(chain).document.version - 1; version >= 1; version -= 1) {
      if (chain.length >= maxRoots) throw new TufError('LIMIT', `more than ${maxRoots} roots`);
      const before = await this.#rootBefore(version, chain);
      if (before === undefined) break;
      chain.unshift(before);
    }
    return chain;
  }

  async timestamp(root: Root): Promise<Verified<Timestamp> | undefined> {
    return await this.#obtain('timestamp', undefined, (bytes) =>
      verifyTopLevel(this.#context, root, 'timestamp', bytes),
    );
  }

  async snapshot(root: Root, meta: FileMeta | undefined): Promise<Verified<Snapshot> | undefined> {
    return await this.#obtain('snapshot', meta, (bytes) =>
      verifyTopLevel(this.#context, root, 'snapshot', bytes),
    );
  }

  async targets(root: Root, meta: FileMeta | undefined): Promise<Verified<Targets> | undefined> {
    return await this.#obtain('targets', meta, (bytes) =>
      verifyTopLevel(this.#context, root, 'targets', bytes),
    );
  }

  /** Breadth first. What snapshot does not list was never signed: `docker trust signer add` leaves it so. */
  async delegations(
    targets: Verified<Targets> | undefined,
    snapshot: Snapshot | undefined,
  ): Promise<{ delegations: ReadonlyMap<string, Verified<Targets>>; unsigned: readonly string[] }> {
    const delegations = new Map<string, Verified<Targets>>();
    const unsigned: string[] = [];
    const waiting = targets === undefined ? [] : [targets];
    for (let delegator = waiting.shift(); delegator !== undefined; delegator = waiting.shift()) {
      for (const delegation of delegator.document.delegations?.roles ?? []) {
        const { name } = delegation;
        if (delegations.has(name) || unsigned.includes(name)) continue;
        const meta = snapshot?.meta.get(name);
        if (snapshot !== undefined && meta === undefined) {
          unsigned.push(name);
          continue;
        }
        if (delegations.size >= maxDelegations) throw new TufError('LIMIT', 'too many delegations');
        const found = await this.#delegated(delegator, delegation, meta);
        if (found === undefined) continue;
        delegations.set(name, found);
        waiting.push(found);
      }
    }
    return { delegations, unsigned };
  }

  async #delegated(
    delegator: Verified<Targets>,
    roleKeys: Delegation,
    meta: FileMeta | undefined,
  ): Promise<Verified<Targets> | undefined> {
    const keys = delegator.document.delegations?.keys ?? new Map();
    return await this.#obtain(roleKeys.name, meta, (bytes) =>
      verifyRole(this.#context, 'targets', roleKeys.name, bytes, { keys, roleKeys }),
    );
  }

  /** The root of a version, if the one after it goes on from it. */
  async #rootBefore(version: number, chain: readonly Verified<Root>[]): Promise<Verified<Root> | undefined> {
    const next = chain[0];
    const bytes = this.#count(await this.#source.root(version));
    if (next === undefined) return undefined;
    if (bytes === undefined) {
      // The first root of a repository may be version 2.
      if (version > 1) this.#chainProblem(`root v${version} is not there`, version);
      return undefined;
    }
    try {
      const before = verifyRoot(this.#context, bytes);
      verifyRootUpdate(this.#context, before.document, next.envelope.bytes);
      return before;
    } catch (error) {
      if (!(error instanceof TufError)) throw error;
      this.#chainProblem(
        `root v${version + 1} does not go on from root v${version}: ${error.message}`,
        version,
      );
      return undefined;
    }
  }

  #chainProblem(message: string, version: number): void {
    this.#problems.push({
      code: 'ROOT_CHAIN',
      role: 'root',
      message,
      fix: `clients that last saw root v${version} or older must forget it: docker trust data under ~/.docker/trust/tuf`,
    });
  }

  /** By what its parent lists; where nobody could say, the current one, which only its signature speaks for. */
  async #obtain<D extends TufDocument>(
    role: string,
    meta: FileMeta | undefined,
    verify: (bytes: Uint8Array) => Verified<D>,
  ): Promise<Verified<D> | undefined> {
    const wire = wireName(role);
    try {
      const sha256 = meta?.hashes?.get('sha256');
      const bytes = this.#count(
        sha256 === undefined ? await this.#source.current(wire) : await this.#source.listed(wire, sha256),
      );
      if (bytes === undefined) {
        this.#tell(
          'UNREADABLE',
          wire,
          `the server does not have the ${wire} ${meta ? 'that is listed' : ''}`.trim(),
        );
        return undefined;
      }
      if (meta !== undefined) assertFileMeta(wire, meta, bytes);
      return verify(bytes);
    } catch (error) {
      if (error instanceof TufError) this.#tell('INVALID', wire, error.message);
      else if (isAnswerProblem(error)) this.#tell('UNREADABLE', wire, error.message);
      else throw error;
      return undefined;
    }
  }

  #count(bytes: Uint8Array | undefined): Uint8Array | undefined {
    this.#bytes += bytes?.length ?? 0;
    if (this.#bytes <= maxBytes) return bytes;
    throw new CliError('LIMIT', exitCodes.unavailable, `more than ${maxBytes} bytes of trust data`);
  }

  #tell(code: 'UNREADABLE' | 'INVALID', role: string, message: string): void {
    this.#problems.push({ code, role, message, fix: fixFor(role) });
  }
}

function wireName(role: string): string {
  return ['timestamp', 'snapshot', 'targets', 'root'].includes(role) ? role : toNotaryRole(role);
}

/** What replaces a document that is not there or not to be trusted. */
function fixFor(role: string): string {
  if (role === 'timestamp' || role === 'snapshot')
    return `none needed: step 2 makes a new ${role} here, once root hands its key over`;
  if (role === 'targets') return 'without it no tag comes over: sign the tags again here';
  return 'its tags do not come over: its signer publishes them again here';
}

function expiryProblems({ role, document }: Verified, now: number): readonly Problem[] {
  if (!isExpired(document, now)) return [];
  const wire = wireName(role);
  const at = new Date(document.expires).toISOString().replace(/\.\d{3}Z$/, 'Z');
  return [
    {
      code: 'EXPIRED',
      role: wire,
      message: `${wire} v${document.version} expired ${at}`,
      fix: renewal(wire),
    },
  ];
}

function renewal(role: string): string {
  if (role === 'root') return 'step 2 makes a new root with the root key of a trust directory';
  if (role === 'timestamp' || role === 'snapshot')
    return `none needed: step 2 makes a new ${role} here, once root hands its key over`;
  return `step 2 signs it again where a trust directory holds the ${role} key; else its keeper publishes it again`;
}

function certificateProblems({ document, keyIds }: Verified<Root>, now: number): readonly Problem[] {
  try {
    notaryDialect.assertRootNow?.(document, now, keyIds);
    return [];
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    return [
      {
        code: 'CERTIFICATE',
        role: 'root',
        message: error.message,
        fix: 'step 2 makes a new certificate for the same root key',
      },
    ];
  }
}

/** An answer for this document alone; a server that cannot be reached, or wants a login, is no use for any. */
function isAnswerProblem(error: unknown): error is TrustClientError {
  return error instanceof TrustClientError && error.code === 'UNUSABLE';
}

function newestOf(roots: readonly Verified<Root>[]): Verified<Root> {
  const root = roots.at(-1);
  if (root === undefined) throw new TypeError('a chain of roots is never empty');
  return root;
}

function noTrustData(repository: string): CliError {
  return new CliError(
    'NO_TRUST_DATA',
    exitCodes.denied,
    `there is no trust data for ${repository}`,
    'check the name: the registry is part of it, and Docker Hub is docker.io',
  );
}
