/**
 * Files as Notary clients write them, made from the description of the format alone: the codec under test is not
 * asked. The same name always gives the same key.
 */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { encodeCanonical, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import {
  createRootCertificate,
  ed25519FromSeed,
  p256FromRandom,
  sha256,
  sha256Hex,
  toBase64,
} from '@vidimus/crypto';

export const REPOSITORY = 'localhost:5000/alice/app';
export const NOW = Date.parse('2026-11-21T12:00:00Z');
export const DAY = 86_400_000;

export interface WireKey {
  readonly keyId: string;
  readonly object: JsonObject;
  readonly method: string;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** RFC 8410: PKCS#8 of an Ed25519 seed, without the seed. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function edKey(name: string): WireKey {
  const seed = createHash('sha256').update(name).digest();
  const key = importPkcs8(Buffer.concat([PKCS8_ED25519, seed]));
  return {
    ...toObject('ed25519', ed25519FromSeed(seed).publicRaw),
    method: 'eddsa',
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** A root key with its certificate. */
export async function certifiedKey(
  name: string,
  commonName: string = REPOSITORY,
  notAfter: number = NOW + 3_650 * DAY,
  notBefore: number = NOW - DAY,
): Promise<WireKey> {
  const pkcs8 = p256FromRandom(createHash('sha384').update(name).digest());
  const serial = sha256(Buffer.from(name)).slice(0, 16);
  const pem = await createRootCertificate({ commonName, pkcs8, notBefore, notAfter, serial });
  const key = importPkcs8(Buffer.from(pkcs8));
  return {
    ...toObject('ecdsa-x509', Buffer.from(pem)),
    method: 'ecdsa',
    sign: (message) => new Uint8Array(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })),
  };
}

export interface RoleSpec {
  readonly keys: readonly WireKey[];
  readonly threshold?: number;
}

export interface RootSpec {
  readonly version?: number;
  readonly expires?: string;
  readonly root: RoleSpec;
  readonly targets: RoleSpec;
  readonly snapshot: RoleSpec;
  readonly timestamp: RoleSpec;
}

const YEARS = '2029-11-20T08:05:58.72654Z';

export function rootOf(spec: RootSpec): JsonObject {
  const roles = {
    root: spec.root,
    targets: spec.targets,
    snapshot: spec.snapshot,
    timestamp: spec.timestamp,
  };
  return {
    _type: 'Root',
    consistent_snapshot: false,
    expires: spec.expires ?? YEARS,
    keys: keysOf(Object.values(roles).flatMap(({ keys }) => keys)),
    roles: Object.fromEntries(
      Object.entries(roles).map(([name, { keys, threshold = 1 }]) => [
        name,
        { keyids: keys.map(({ keyId }) => keyId), threshold },
      ]),
    ),
    version: spec.version ?? 1,
  };
}

export interface DelegationSpec extends RoleSpec {
  /** Wire name. */
  readonly name: string;
  readonly paths?: readonly string[];
}

export interface TargetsSpec {
  readonly version?: number;
  readonly expires?: string;
  /** Names; each gets hashes of its own. */
  readonly targets?: readonly string[];
  readonly delegations?: readonly DelegationSpec[];
}

export function targetsOf({
  version = 1,
  expires = YEARS,
  targets = [],
  delegations = [],
}: TargetsSpec): JsonObject {
  return {
    _type: 'Targets',
    delegations: {
      keys: keysOf(delegations.flatMap(({ keys }) => keys)),
      roles: delegations.map(({ name, keys, threshold = 1, paths = [''] }) => ({
        keyids: keys.map(({ keyId }) => keyId),
        name,
        paths,
        threshold,
      })),
    },
    expires,
    targets: Object.fromEntries(targets.map((name) => [name, fileMeta(Buffer.from(`bytes of ${name}`))])),
    version,
  };
}

/** @param files by wire role */
export function snapshotOf(version: number, files: Readonly<Record<string, Uint8Array>>): JsonObject {
  return {
    _type: 'Snapshot',
    expires: YEARS,
    meta: Object.fromEntries(Object.entries(files).map(([role, bytes]) => [role, fileMeta(bytes)])),
    version,
  };
}

export function timestampOf(version: number, snapshot: Uint8Array): JsonObject {
  return {
    _type: 'Timestamp',
    expires: YEARS,
    meta: { snapshot: fileMeta(snapshot) },
    version,
  };
}

/** The file as the clients send it. */
export function seal(signed: JsonObject, ...keys: readonly WireKey[]): Uint8Array {
  return Buffer.from(sealText(signed, ...keys));
}

export function sealText(signed: JsonObject, ...keys: readonly WireKey[]): string {
  return `{"signed":${canonical(signed)},"signatures":${canonical(signaturesOf(signed, ...keys))}}`;
}

export function signaturesOf(signed: JsonObject, ...keys: readonly WireKey[]): JsonValue {
  const message = encodeCanonical(signed);
  return keys.map(({ keyId, method, sign: signWith }) => ({
    keyid: keyId,
    method,
    sig: toBase64(signWith(message)),
  }));
}

export function canonical(value: JsonValue): string {
  return Buffer.from(encodeCanonical(value)).toString();
}

export function fileMeta(bytes: Uint8Array): JsonObject {
  const hash = (algorithm: string): string => createHash(algorithm).update(bytes).digest('base64');
  return { hashes: { sha256: hash('sha256'), sha512: hash('sha512') }, length: bytes.length };
}

function keysOf(keys: readonly WireKey[]): JsonObject {
  return Object.fromEntries(keys.map(({ keyId, object }) => [keyId, object]));
}

function toObject(keytype: string, publicBytes: Uint8Array): Pick<WireKey, 'keyId' | 'object'> {
  const object = { keytype, keyval: { private: null, public: toBase64(publicBytes) } };
  return { keyId: sha256Hex(encodeCanonical(object)), object };
}

function importPkcs8(der: Buffer): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}
