/** A Notary client that uploads to the core: it holds root and targets, and may hold snapshot and signers' keys. */
import type { JsonObject } from '@vidimus/canonical-json';
import { isJsonObject, parseJson } from '@vidimus/canonical-json';
import { keyIdOf, NotaryError } from '@vidimus/notary';
import type { NotaryCall } from '../../../../services/trust-server/src/notary-service.ts';
import { TrustError } from '../../../../services/trust-server/src/service.ts';
import {
  certifiedKey,
  type DelegationSpec,
  edKey,
  fileMeta,
  rootOf,
  seal,
  snapshotOf,
  targetsOf,
  type WireKey,
} from '../../../packages/notary/update/wire-client.ts';
import type { CoreForTest } from './core-for-test.ts';

export const creator: NotaryCall = { actor: 'token:ci', requestId: 'req-n', mayCreate: true };
export const publisher: NotaryCall = { ...creator, mayCreate: false };

/** Tag to content; the digest of a tag is that of its content. */
export type Tags = Readonly<Record<string, string>>;

export interface TargetsWish {
  readonly version: number;
  readonly tags?: Tags;
  readonly delegations?: readonly DelegationSpec[];
  readonly expires?: string;
  readonly custom?: Readonly<Record<string, JsonObject | string>>;
}

export interface RootWish {
  readonly version?: number;
  readonly expires?: string;
  readonly rootKey?: WireKey;
  readonly timestamp?: WireKey;
  readonly snapshot?: WireKey;
  readonly targets?: WireKey;
  /** Sign with these; the root key alone unless told otherwise. */
  readonly signers?: readonly WireKey[];
}

/** By wire role. */
export type Files = Readonly<Record<string, Uint8Array>>;

export class NotaryPublisher {
  readonly repository: string;
  readonly rootKey: WireKey;
  readonly targetsKey: WireKey;
  readonly #core: CoreForTest;

  private constructor(core: CoreForTest, repository: string, rootKey: WireKey) {
    this.#core = core;
    this.repository = repository;
    this.rootKey = rootKey;
    this.targetsKey = edKey(`targets of ${repository}`);
  }

  static async on(core: CoreForTest, repository: string): Promise<NotaryPublisher> {
    const rootKey = await certifiedKey(`root of ${repository}`, repository);
    return new NotaryPublisher(core, repository, rootKey);
  }

  /** Asks for the service's key of a role; only its public half is here. */
  async served(role: 'timestamp' | 'snapshot', mode: 'current' | 'rotate' = 'current'): Promise<WireKey> {
    return toServed(await this.#core.service.notaryKey(creator, this.repository, role, mode));
  }

  async root(wish: RootWish = {}): Promise<Uint8Array> {
    const timestamp = wish.timestamp ?? (await this.served('timestamp'));
    const snapshot = wish.snapshot ?? (await this.served('snapshot'));
    const document = rootOf({
      version: wish.version ?? 1,
      ...(wish.expires === undefined ? {} : { expires: wish.expires }),
      root: { keys: [wish.rootKey ?? this.rootKey] },
      targets: { keys: [wish.targets ?? this.targetsKey] },
      snapshot: { keys: [snapshot] },
      timestamp: { keys: [timestamp] },
    });
    return seal(document, ...(wish.signers ?? [wish.rootKey ?? this.rootKey]));
  }

  targets(wish: TargetsWish, ...keys: readonly WireKey[]): Uint8Array {
    const { version, tags = {}, delegations = [], expires, custom = {} } = wish;
    const document = targetsOf({ version, delegations, ...(expires === undefined ? {} : { expires }) });
    const entries = Object.entries(tags).map(([tag, content]) => {
      const about = Object.hasOwn(custom, tag) ? custom[tag] : undefined;
      return [tag, { ...fileMeta(Buffer.from(content)), ...(about === undefined ? {} : { custom: about }) }];
    });
    const signers = keys.length === 0 ? [this.targetsKey] : keys;
    return seal({ ...document, targets: Object.fromEntries(entries) }, ...signers);
  }

  /** First root and targets; the service holds timestamp and snapshot. */
  async create(tags: Tags = {}, call: NotaryCall = creator): Promise<this> {
    await this.upload({ root: await this.root(), targets: this.targets({ version: 1, tags }) }, call);
    return this;
  }

  async upload(files: Files, call: NotaryCall = publisher): Promise<void> {
    const parts = Object.entries(files).map(([role, bytes]) => ({ role, bytes }));
    await this.#core.service.updateNotary(call, this.repository, parts);
  }

  /** A snapshot signed here, over these files. */
  snapshot(version: number, files: Files, key: WireKey): Uint8Array {
    return seal(snapshotOf(version, files), key);
  }

  /** The current file of a role, by model name. */
  async read(role: string): Promise<Uint8Array | undefined> {
    return (await this.#core.service.readNotary(this.repository, { role }))?.bytes;
  }

  /** The signed object of a current file. */
  async signed(role: string): Promise<JsonObject> {
    const bytes = await this.read(role);
    if (bytes === undefined) throw new Error(`no ${role}`);
    return signedOf(bytes);
  }

  async version(role: string): Promise<number> {
    return Number((await this.signed(role))['version']);
  }
}

/** The signed object of a file. */
export function signedOf(bytes: Uint8Array): JsonObject {
  const file = parseJson(bytes, { maxBytes: 10_000_000, maxDepth: 64 });
  const signed = isJsonObject(file) ? file['signed'] : undefined;
  if (!isJsonObject(signed)) throw new Error('no signed object');
  return signed;
}

export function toServed(object: JsonObject): WireKey {
  const sign = (): never => {
    throw new Error('the service signs with this key');
  };
  return { keyId: keyIdOf(object), object, method: 'eddsa', sign };
}

/** What became of an upload: `done`, or the code of its refusal. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof NotaryError || error instanceof TrustError) return error.code;
    throw error;
  }
  return 'done';
}

/** The refusal of an upload. */
export async function refusalOf(promise: Promise<unknown>): Promise<NotaryError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof NotaryError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
