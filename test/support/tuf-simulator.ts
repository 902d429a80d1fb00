/**
 * A TUF repository in memory. It works on plain JSON, not on the model, so that a test can spoil any one thing
 * and still sign it; what is published are the bytes a server would have.
 */
import { encodeCanonical, encodeJson, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { sha256Hex, toHex } from '@vidimus/crypto';
import { formatTime } from '@vidimus/tuf';
import { ed25519Key, type TestKey } from './tuf-keys.ts';

/** JSON that may be changed in place. */
export type Json = null | boolean | number | string | Json[] | JsonMap;
export interface JsonMap {
  [key: string]: Json;
}

/** The file around a signed object, before it is written. */
export interface FileMap extends JsonMap {
  signed: JsonMap;
  signatures: JsonMap[];
}

export type Spoil = (file: FileMap) => void;

export interface DelegateOptions {
  readonly keys?: readonly TestKey[];
  readonly threshold?: number;
  readonly paths?: readonly string[];
  readonly prefixes?: readonly string[];
  readonly terminating?: boolean;
}

export const REPOSITORY = 'registry.example.com/team/app';
export const START = Date.UTC(2026, 10, 21, 9, 0, 0);
export const DAY = 86_400_000;

const TOP_LEVEL = ['root', 'timestamp', 'snapshot', 'targets'] as const;
const lifetimeDays = new Map([
  ['root', 365],
  ['targets', 90],
  ['snapshot', 7],
  ['timestamp', 1],
]);

/** A published repository at version 1 of everything, with the target `latest`. */
export class TufSimulator {
  readonly repository: string;
  now: number;
  /** Signed objects of the next write, by role. */
  readonly documents = new Map<string, JsonMap>();
  /** Who signs a role. */
  readonly signers = new Map<string, readonly TestKey[]>();
  /** Published files by name: `1.root.json`, `timestamp.json`. */
  readonly files = new Map<string, Uint8Array>();
  /** Whether snapshot lists hashes and lengths, or versions alone. */
  listHashes = true;
  #formerRootSigners: readonly TestKey[] = [];

  constructor(
    options: { readonly repository?: string; readonly now?: number; readonly consistent?: boolean } = {},
  ) {
    this.repository = options.repository ?? REPOSITORY;
    this.now = options.now ?? START;
    const root = this.#start('root', {
      keys: {},
      roles: {},
      consistent_snapshot: options.consistent ?? true,
    });
    this.#start('timestamp', { meta: {} });
    this.#start('snapshot', { meta: {} });
    this.#start('targets', { targets: {} });
    for (const role of TOP_LEVEL) {
      this.setRole(role, [ed25519Key(`${this.repository} ${role}`)]);
    }
    root['version'] = 1;
    this.write('root');
    this.target('targets', 'latest', 'content of latest');
    this.write('targets');
    this.#writeOnline();
  }

  /** The signed object that the next write of a role will carry. */
  document(role: string): JsonMap {
    const document = this.documents.get(role);
    if (document === undefined) throw new Error(`no role ${role}`);
    return document;
  }

  version(role: string): number {
    return Number(this.document(role)['version']);
  }

  /** Keys and threshold of a top-level role; takes effect with the next root. */
  setRole(role: (typeof TOP_LEVEL)[number], keys: readonly TestKey[], threshold = 1): void {
    const root = this.document('root');
    Object.assign(map(root, 'keys'), keyMap(keys));
    map(root, 'roles')[role] = { keyids: keys.map((key) => key.keyId), threshold };
    if (role === 'root') this.#formerRootSigners = this.signers.get('root') ?? [];
    this.signers.set(role, keys);
  }

  /** Adds or replaces a target of a role. */
  target(role: string, path: string, content: string): void {
    const bytes = new TextEncoder().encode(content);
    const entry = { length: bytes.length, hashes: { sha256: sha256Hex(bytes) } };
    define(map(this.document(role), 'targets'), path, entry);
  }

  /** Delegates to a role, which comes into being empty if it is new. */
  delegate(delegator: string, name: string, options: DelegateOptions = {}): void {
    const keys = options.keys ?? [ed25519Key(`${this.repository} ${name}`)];
    const document = this.document(delegator);
    document['delegations'] ??= { keys: {}, roles: [] };
    const delegations = map(document, 'delegations');
    Object.assign(map(delegations, 'keys'), keyMap(keys));
    const roles = delegations['roles'];
    if (!Array.isArray(roles)) throw new Error(`${delegator} has bins`);
    roles.push({
      name,
      keyids: keys.map((key) => key.keyId),
      threshold: options.threshold ?? 1,
      terminating: options.terminating ?? false,
      ...(options.prefixes === undefined
        ? { paths: [...(options.paths ?? ['*'])] }
        : { path_hash_prefixes: [...options.prefixes] }),
    });
    this.addRole(name, keys);
  }

  /** Makes `delegator` delegate everything to bins, all empty at first. */
  bins(
    delegator: string,
    namePrefix: string,
    bitLength: number,
    keys: readonly TestKey[],
    threshold = 1,
  ): void {
    this.document(delegator)['delegations'] = {
      keys: keyMap(keys),
      succinct_roles: {
        keyids: keys.map((key) => key.keyId),
        threshold,
        bit_length: bitLength,
        name_prefix: namePrefix,
      },
    };
    const width = (2 ** bitLength - 1).toString(16).length;
    for (let bin = 0; bin < 2 ** bitLength; bin++) {
      this.addRole(`${namePrefix}-${bin.toString(16).padStart(width, '0')}`, keys);
    }
  }

  /** A delegated role's file; further keys join those that sign it already. */
  addRole(name: string, keys: readonly TestKey[]): void {
    const before = this.signers.get(name) ?? [];
    this.signers.set(name, [
      ...before,
      ...keys.filter((key) => !before.some((old) => old.keyId === key.keyId)),
    ]);
    if (!this.documents.has(name)) {
      this.#start(name, { targets: {} }, 'targets');
      this.write(name);
    }
  }

  /** Raises a role's version, signs and stores its file; `spoil` may change anything after signing. */
  next(role: string, spoil?: Spoil): void {
    const document = this.document(role);
    document['version'] = this.version(role) + 1;
    this.#stamp(role, document);
    this.write(role, spoil);
  }

  /** Signs and stores a role's file as the document stands. */
  write(role: string, spoil?: Spoil): void {
    this.files.set(this.fileName(role), this.seal(role, spoil));
    if (role === 'root') this.#formerRootSigners = [];
  }

  /** The bytes of a role's file. */
  seal(role: string, spoil?: Spoil): Uint8Array {
    const former = role === 'root' ? this.#formerRootSigners : [];
    const keys = [
      ...new Map([...(this.signers.get(role) ?? []), ...former].map((key) => [key.keyId, key])).values(),
    ];
    return sealWith(this.document(role), keys, spoil);
  }

  /** New snapshot of all roles, and new timestamp: whatever was written is now current. */
  publish(): void {
    this.document('snapshot')['version'] = this.version('snapshot') + 1;
    this.document('timestamp')['version'] = this.version('timestamp') + 1;
    this.#writeOnline();
  }

  /** As `publish`, without asking which roles changed: everything but root gets its next version. */
  publishAll(): void {
    for (const role of this.documents.keys()) {
      if (role !== 'root' && role !== 'snapshot' && role !== 'timestamp') this.next(role);
    }
    this.publish();
  }

  fileName(role: string, version: number = this.version(role)): string {
    const isVersioned =
      role === 'root' || (role !== 'timestamp' && this.document('root')['consistent_snapshot'] === true);
    return isVersioned ? `${version}.${role}.json` : `${role}.json`;
  }

  bytes(role: string): Uint8Array {
    const bytes = this.files.get(this.fileName(role));
    if (bytes === undefined) throw new Error(`${role} is not published`);
    return bytes;
  }

  /** What snapshot or timestamp says about a role's present file. */
  meta(role: string, isHashed = this.listHashes): JsonMap {
    const bytes = this.bytes(role);
    const version = this.version(role);
    return isHashed ? { version, length: bytes.length, hashes: { sha256: sha256Hex(bytes) } } : { version };
  }

  #writeOnline(): void {
    const snapshot = this.document('snapshot');
    this.#stamp('snapshot', snapshot);
    for (const role of this.documents.keys()) {
      if (role === 'targets' || !TOP_LEVEL.some((top) => top === role)) {
        define(map(snapshot, 'meta'), `${role}.json`, this.meta(role));
      }
    }
    this.write('snapshot');
    this.writeTimestamp();
  }

  /** The timestamp for the snapshot as it stands, at the timestamp's present version. */
  writeTimestamp(): void {
    const timestamp = this.document('timestamp');
    this.#stamp('timestamp', timestamp);
    timestamp['meta'] = { 'snapshot.json': this.meta('snapshot', true) };
    this.write('timestamp');
  }

  #start(role: string, body: JsonMap, kind = role): JsonMap {
    const document: JsonMap = {
      _type: kind,
      spec_version: '1.0.31',
      version: 1,
      'x-vidimus-repository': this.repository,
      'x-vidimus-role': role,
      ...body,
    };
    this.documents.set(role, document);
    this.#stamp(role, document);
    return document;
  }

  #stamp(role: string, document: JsonMap): void {
    document['x-vidimus-issued'] = formatTime(this.now);
    document['expires'] = formatTime(this.now + (lifetimeDays.get(role) ?? 30) * DAY);
  }
}

/** Signs an object with keys and writes the file. */
export function sealWith(signed: JsonMap, keys: readonly TestKey[], spoil?: Spoil): Uint8Array {
  const message = encodeCanonical(toValue(signed));
  const signatures = keys.map((key) => ({ keyid: key.keyId, sig: toHex(key.sign(message)) }));
  const file: FileMap = { signed: copyMap(signed), signatures };
  spoil?.(file);
  return encodeJson(toValue(file));
}

/** The object at a place inside an object. */
export function map(value: JsonMap, ...path: readonly string[]): JsonMap {
  let place = value;
  for (const name of path) {
    const next = place[name];
    if (typeof next !== 'object' || next === null || Array.isArray(next))
      throw new Error(`no object at ${name}`);
    place = next;
  }
  return place;
}

/** The object at an index of an array inside an object. */
export function item(value: JsonMap, name: string, index: number): JsonMap {
  const array = value[name];
  const found = Array.isArray(array) ? array[index] : undefined;
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    throw new Error(`no item ${index}`);
  return found;
}

/** Sets a member whatever its name: `__proto__` too. */
export function define(value: JsonMap, name: string, member: Json): void {
  Object.defineProperty(value, name, { value: member, enumerable: true, configurable: true, writable: true });
}

export function copyMap(value: JsonMap): JsonMap {
  const copy: JsonMap = Object.create(null);
  for (const name of Object.keys(value)) copy[name] = copyJson(value[name] ?? null);
  return copy;
}

function copyJson(value: Json): Json {
  if (Array.isArray(value)) return value.map(copyJson);
  return typeof value === 'object' && value !== null ? copyMap(value) : value;
}

function keyMap(keys: readonly TestKey[]): JsonMap {
  return Object.fromEntries(keys.map((key) => [key.keyId, toJson(key.declared)]));
}

function toJson(value: JsonObject): JsonMap {
  return JSON.parse(JSON.stringify(value));
}

function toValue(value: JsonMap): JsonValue {
  return copyMap(value);
}
