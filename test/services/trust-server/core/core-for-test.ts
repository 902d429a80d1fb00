/** The real core over a real database and key store; clock, randomness and timers are the test's. */

import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { ed25519FromSeed, fromBase64, type Signer, sha256, sha256Hex, toHex } from '@vidimus/crypto';
import type { Database } from '@vidimus/database';
import { createWrappedKeyStore, parseMasterKey, type WrappedKeyStore } from '@vidimus/key-store';
import { type PresentState, readPresent } from '@vidimus/trust-client';
import {
  type Listing,
  listTargets,
  type Reply,
  refresh,
  type Step,
  type TrustedState,
  tufDialect,
  type Workflow,
} from '@vidimus/tuf';
import {
  createTrustService,
  type RunningTrustService,
  type TrustObserver,
  type TrustServiceParts,
} from '../../../../services/trust-server/src/core/index.ts';
import type { Change, CreateRepository } from '../../../../services/trust-server/src/schemas/index.ts';
import { type Call, TrustError } from '../../../../services/trust-server/src/service.ts';

export const startMs = Date.UTC(2026, 10, 21, 9);
export const day = 86_400_000;
export const call: Call = { actor: 'token:test', requestId: 'req-1' };
export const managed: CreateRepository = { roles: { root: { keys: [{ custody: 'managed' }] } } };

export interface CoreForTest {
  readonly service: RunningTrustService;
  readonly clock: { nowMs: number };
  readonly keyStore: WrappedKeyStore;
  /** What the observer heard. */
  readonly heard: string[];
}

export interface CoreOptions {
  readonly seed?: string;
  readonly rootMaster?: boolean;
  /** Name of the master key; another one opens nothing. */
  readonly master?: string;
  readonly clock?: { nowMs: number };
  /** Roles whose keys are replaced, and after how many milliseconds. */
  readonly rotation?: TrustServiceParts['rotation'];
  /** The two-person rule. */
  readonly approvals?: TrustServiceParts['approvals'];
  /** In place of the one of its own, for other master keys. */
  readonly keyStore?: WrappedKeyStore;
  /** A signer of its own. */
  readonly remoteKeys?: TrustServiceParts['remoteKeys'];
}

/** Cores share a database: each draws other bytes. */
let opened = 0;

export function openCore(database: Database, options: CoreOptions = {}): CoreForTest {
  const clock = options.clock ?? { nowMs: startMs };
  opened += 1;
  const random = seededRandom(`${options.seed ?? 'core'} ${opened}`);
  const master = (name: string) =>
    parseMasterKey(Buffer.from(sha256(new TextEncoder().encode(name))).toString('base64'));
  const keyStore =
    options.keyStore ??
    createWrappedKeyStore({
      random,
      now: () => clock.nowMs,
      master: master(options.master ?? 'service master'),
      ...(options.rootMaster === false ? {} : { rootMaster: master('root master') }),
    });
  const heard: string[] = [];
  const observer: TrustObserver = {
    renewed: (repository, roles) => heard.push(`renewed ${repository} ${[...roles].sort().join(',')}`),
    blocked: (repository, roles) => heard.push(`blocked ${repository} ${[...roles].sort().join(',')}`),
    expired: (repository, roles) => heard.push(`expired ${repository} ${[...roles].sort().join(',')}`),
    failed: (repository, error) => heard.push(`failed ${repository} ${String(error)}`),
    stale: () => heard.push('stale'),
  };
  const service = createTrustService({
    database,
    keyStore,
    now: () => clock.nowMs,
    randomBytes: random,
    schedule: () => () => undefined,
    observer,
    ...(options.rotation === undefined ? {} : { rotation: options.rotation }),
    ...(options.approvals === undefined ? {} : { approvals: options.approvals }),
    ...(options.remoteKeys === undefined ? {} : { remoteKeys: options.remoteKeys }),
  });
  return { service, clock, keyStore, heard };
}

/** Bytes that look random and are the same in every run. */
function seededRandom(seed: string): (length: number) => Uint8Array {
  let counter = 0;
  return (length) => {
    const parts: Uint8Array[] = [];
    for (let have = 0; have < length; have += 32) {
      counter += 1;
      parts.push(sha256(new TextEncoder().encode(`${seed} ${counter}`)));
    }
    return new Uint8Array(Buffer.concat(parts).subarray(0, length));
  };
}

/** A client with our own workflow, a cache in memory and the repository's first root as its anchor. */
export class Client {
  #core: CoreForTest;
  readonly #repository: string;
  readonly #cache = new Map<string, Uint8Array>();
  #anchor: Uint8Array | undefined;

  constructor(core: CoreForTest, repository: string) {
    this.#core = core;
    this.#repository = repository;
  }

  async pin(version = 1): Promise<this> {
    const file = await this.#core.service.readMetadata(this.#repository, { role: 'root', version });
    if (file === undefined) throw new Error(`no root ${version}`);
    this.#anchor = file.bytes;
    return this;
  }

  /** The same client, with what it has cached, asks another service from now on. */
  against(core: CoreForTest): this {
    this.#core = core;
    return this;
  }

  async refresh(): Promise<TrustedState> {
    if (this.#anchor === undefined) throw new Error('pin first');
    return await this.#drive(
      refresh({
        dialect: tufDialect,
        repository: this.#repository,
        now: this.#core.clock.nowMs,
        anchor: { kind: 'root', bytes: this.#anchor },
        foreign: false,
      }),
    );
  }

  /** The documents that a signer compares with. */
  async present(): Promise<PresentState> {
    return await this.#drive(readPresent(await this.refresh(), new Set()));
  }

  /** Every tag to its digest, and every revoked digest to itself, as a client sees them. */
  async targets(): Promise<Readonly<Record<string, string>>> {
    const listing: Listing = await this.#drive(listTargets(await this.refresh()));
    for (const { result } of listing.roles) if (result instanceof Error) throw result;
    for (const { error } of listing.refused) throw error;
    return Object.fromEntries(
      listing.targets.map(({ target }) => [target.path, `sha256:${target.hashes.get('sha256')}`]),
    );
  }

  async #drive<Result>(workflow: Workflow<Result>): Promise<Result> {
    let reply: Reply;
    for (;;) {
      const next = workflow.next(reply);
      if (next.done === true) return next.value;
      reply = await this.#answer(next.value);
    }
  }

  async #answer(step: Step): Promise<Reply> {
    if (step.do === 'fetch') {
      const name =
        step.version === undefined
          ? ({ role: 'timestamp' } as const)
          : { role: step.role, version: step.version };
      return (await this.#core.service.readMetadata(this.#repository, name))?.bytes;
    }
    if (step.do === 'warn') return undefined;
    const name = `${step.file.role} ${step.file.version ?? ''}`;
    if (step.do === 'load') return this.#cache.get(name);
    if (step.do === 'store') this.#cache.set(name, step.bytes);
    else this.#cache.delete(name);
    return undefined;
  }
}

export interface ClientKey {
  readonly keyId: string;
  readonly declared: JsonObject;
  readonly signer: Signer;
}

/** A key that only the test can use. */
export function clientKey(name: string): ClientKey {
  const { publicRaw, signer } = ed25519FromSeed(sha256(new TextEncoder().encode(`client ${name}`)));
  const declared: JsonObject = {
    keytype: 'ed25519',
    scheme: 'ed25519',
    keyval: { public: toHex(publicRaw) },
  };
  return { keyId: sha256Hex(encodeCanonical(declared)), declared, signer };
}

/** The signature of a key over a change's root. */
export async function signRoot(change: Change, key: ClientKey) {
  const document = change.documents.find(({ role }) => role === 'root');
  if (document === undefined) throw new Error('no root to sign');
  const sig = toHex(await key.signer.sign(fromBase64(document.toSign)));
  return { dialect: 'tuf' as const, role: 'root', keyId: key.keyId, sig };
}

export const digestOf = (text: string): string => `sha256:${sha256Hex(new TextEncoder().encode(text))}`;

export const tagOf = (text: string) => ({ digest: digestOf(text), size: text.length + 1 });

/** The code of the TrustError that a promise ends in. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
  return 'none';
}

export async function errorOf(promise: Promise<unknown>): Promise<TrustError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** The body of an edit that was published. */
export async function bodyOf<Body>(
  promise: Promise<{ readonly outcome: string; readonly body?: Body }>,
): Promise<Body> {
  const outcome = await promise;
  if (outcome.body === undefined) throw new Error(`it came out as ${outcome.outcome}`);
  return outcome.body;
}

/** The change that an edit became. */
export async function changeOf(
  promise: Promise<{ readonly outcome: string; readonly change?: Change }>,
): Promise<Change> {
  const outcome = await promise;
  if (outcome.change === undefined) throw new Error(`it came out as ${outcome.outcome}`);
  return outcome.change;
}
