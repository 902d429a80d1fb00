/**
 * A Notary repository in memory, on plain JSON, so that a test can spoil any one thing and still sign it; what is
 * published are the bytes a server would have. Roles have the model's names.
 */
import { encodeCanonical, encodeJson, type JsonObject } from '@vidimus/canonical-json';
import { fromHex, sha256Hex, sha512Hex, toBase64 } from '@vidimus/crypto';
import { formatNotaryTime, notaryDialect, toNotaryRole } from '@vidimus/notary';
import { certificateKey, ecdsaNotaryKey, ed25519NotaryKey, type NotaryKey } from './notary-keys.ts';
import {
  copyMap,
  DAY,
  define,
  type FileMap,
  type JsonMap,
  map,
  REPOSITORY,
  type Spoil,
  START,
} from './tuf-simulator.ts';

const TOP_LEVEL = ['root', 'timestamp', 'snapshot', 'targets'] as const;
type TopLevel = (typeof TOP_LEVEL)[number];
const types = new Map<string, string>([
  ['root', 'Root'],
  ['timestamp', 'Timestamp'],
  ['snapshot', 'Snapshot'],
]);
const lifetimeDays = new Map([
  ['root', 3650],
  ['timestamp', 14],
]);

export interface NotaryDelegateOptions {
  readonly keys?: readonly NotaryKey[];
  readonly threshold?: number;
  readonly paths?: readonly string[];
}

/** A published repository with the target `latest`. */
export class NotarySimulator {
  readonly repository: string;
  now: number;
  /** Signed objects of the next write, by role. */
  readonly documents = new Map<string, JsonMap>();
  readonly signers = new Map<string, readonly NotaryKey[]>();
  /** Published files by name: `1.root.json`, `timestamp.json`, `releases.<sha256>.json`. */
  readonly files = new Map<string, Uint8Array>();
  /** The last file written of each role. */
  readonly current = new Map<string, Uint8Array>();
  #formerRootSigners: readonly NotaryKey[] = [];

  constructor(
    options: {
      readonly repository?: string;
      readonly now?: number;
      readonly rootKeys?: readonly NotaryKey[];
      readonly firstRoot?: number;
    } = {},
  ) {
    this.repository = options.repository ?? REPOSITORY;
    this.now = options.now ?? START;
    const root = this.#start('root', { keys: {}, roles: {}, consistent_snapshot: false });
    for (const role of ['timestamp', 'snapshot'] as const) this.#start(role, { meta: {} });
    this.#start('targets', { targets: {}, delegations: { keys: {}, roles: [] } });
    this.setRole('root', options.rootKeys ?? [this.rootKey('first')]);
    this.setRole('targets', [ecdsaNotaryKey(`${this.repository} targets`)]);
    for (const role of ['snapshot', 'timestamp'] as const) {
      this.setRole(role, [ed25519NotaryKey(`${this.repository} ${role}`)]);
    }
    root['version'] = options.firstRoot ?? 1;
    this.write('root');
    this.target('targets', 'latest', 'content of latest');
    this.write('targets');
    this.publish();
  }

  /** A self-signed certificate for this repository, ten years from now on. */
  rootKey(name: string, days = 3650): NotaryKey {
    const notBefore = this.now;
    return certificateKey({
      key: `${this.repository} root ${name}`,
      commonName: this.repository,
      notBefore,
      notAfter: notBefore + days * DAY,
    });
  }

  document(role: string): JsonMap {
    const document = this.documents.get(role);
    if (document === undefined) throw new Error(`no role ${role}`);
    return document;
  }

  version(role: string): number {
    return Number(this.document(role)['version']);
  }

  /** Keys and threshold of a top-level role; takes effect with the next root. */
  setRole(role: TopLevel, keys: readonly NotaryKey[], threshold = 1): void {
    const root = this.document('root');
    Object.assign(map(root, 'keys'), keyMap(keys));
    map(root, 'roles')[role] = { keyids: keys.map((key) => key.keyId), threshold };
    if (role === 'root') this.#formerRootSigners = this.signers.get('root') ?? [];
    this.signers.set(role, keys);
  }

  target(role: string, path: string, content: string): void {
    const bytes = new TextEncoder().encode(content);
    const entry = { length: bytes.length, hashes: { sha256: base64(sha256Hex(bytes)) } };
    define(map(this.document(role), 'targets'), path, entry);
  }

  /** Delegates to a role; nothing is published for it before its first `write`. */
  delegate(delegator: string, name: string, options: NotaryDelegateOptions = {}): void {
    const keys = options.keys ?? [ecdsaNotaryKey(`${this.repository} ${name}`)];
    const delegations = map(this.document(delegator), 'delegations');
    Object.assign(map(delegations, 'keys'), keyMap(keys));
    const roles = delegations['roles'];
    if (!Array.isArray(roles)) throw new Error('roles are a list');
    roles.push({
      name: toNotaryRole(name),
      keyids: keys.map((key) => key.keyId),
      threshold: options.threshold ?? 1,
      paths: [...(options.paths ?? [''])],
    });
    this.signers.set(name, keys);
    if (!this.documents.has(name)) this.#start(name, { targets: {}, delegations: { keys: {}, roles: [] } });
  }

  /** Raises a role's version, signs and stores its file. */
  next(role: string, spoil?: Spoil): void {
    this.document(role)['version'] = this.version(role) + 1;
    this.write(role, spoil);
  }

  /** Signs and stores a role's file as the document stands; `spoil` may change anything after signing. */
  write(role: string, spoil?: Spoil): void {
    const bytes = this.seal(role, spoil);
    this.current.set(role, bytes);
    if (role === 'root') {
      this.files.set(`${this.version(role)}.root.json`, bytes);
      this.#formerRootSigners = [];
    }
    if (role === 'timestamp') this.files.set('timestamp.json', bytes);
    else this.files.set(`${role}.${sha256Hex(bytes)}.json`, bytes);
  }

  /** The bytes of a role's file. */
  seal(role: string, spoil?: Spoil): Uint8Array {
    const former = role === 'root' ? this.#formerRootSigners : [];
    const keys = [...(this.signers.get(role) ?? []), ...former];
    return sealNotary(this.document(role), keys, spoil);
  }

  /** New snapshot of all that was written, and new timestamp. */
  publish(): void {
    const meta: JsonMap = {};
    for (const role of this.current.keys()) {
      if (role !== 'snapshot' && role !== 'timestamp') define(meta, toNotaryRole(role), this.meta(role));
    }
    this.document('snapshot')['meta'] = meta;
    this.renew('snapshot');
    this.document('timestamp')['meta'] = { snapshot: this.meta('snapshot') };
    this.renew('timestamp');
  }

  /** Next version of a role, its life counted from now. */
  renew(role: string): void {
    this.#stamp(role, this.document(role));
    this.next(role);
  }

  /** What a parent says about a role's last file. */
  meta(role: string): JsonMap {
    const bytes = this.current.get(role);
    if (bytes === undefined) throw new Error(`${role} was not written`);
    const hashes = { sha256: base64(sha256Hex(bytes)), sha512: base64(sha512Hex(bytes)) };
    return { hashes, length: bytes.length };
  }

  #start(role: string, body: JsonMap): JsonMap {
    const isOnline = role === 'snapshot' || role === 'timestamp';
    const document: JsonMap = { _type: types.get(role) ?? 'Targets', version: isOnline ? 0 : 1, ...body };
    this.documents.set(role, document);
    this.#stamp(role, document);
    return document;
  }

  #stamp(role: string, document: JsonMap): void {
    document['expires'] = formatNotaryTime(this.now + (lifetimeDays.get(role) ?? 1095) * DAY);
  }
}

/** Signs an object with keys and writes the file. */
export function sealNotary(signed: JsonMap, keys: readonly NotaryKey[], spoil?: Spoil): Uint8Array {
  const message = encodeCanonical(copyMap(signed));
  const signatures = keys.map((key) => ({ keyId: key.keyId, method: key.method, value: key.sign(message) }));
  if (spoil === undefined) return notaryDialect.seal(message, signatures);
  const file: FileMap = {
    signed: copyMap(signed),
    signatures: signatures.map(({ keyId, method, value }) => ({
      keyid: keyId,
      method,
      sig: toBase64(value),
    })),
  };
  spoil(file);
  return encodeJson(copyMap(file));
}

function base64(hex: string): string {
  return toBase64(fromHex(hex));
}

function keyMap(keys: readonly NotaryKey[]): JsonMap {
  return Object.fromEntries(keys.map((key) => [key.keyId, toJson(key.declared)]));
}

function toJson(value: JsonObject): JsonMap {
  return JSON.parse(JSON.stringify(value));
}
