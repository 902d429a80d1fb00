/** From the signed object to the model. Everything here may have been written by an attacker. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import {
  type Binding,
  type DocumentKind,
  type DocumentOf,
  type Envelope,
  type FileMeta,
  malformed,
  type Root,
  readInteger,
  readObject,
  readString,
  type Snapshot,
  type Timestamp,
  TufError,
} from '@vidimus/tuf';
import { readKeys, readRoleKeys, readRoleName, readStrings } from './decode-keys.ts';
import { decodeTargets } from './decode-targets.ts';
import { readHashes } from './hashes.ts';
import { parseNotaryTime } from './time.ts';

/** What every role has. */
export interface Header {
  readonly version: number;
  readonly expires: number;
  readonly binding: Binding;
  readonly fields: JsonObject;
}

type Decoders = { readonly [K in DocumentKind]: (fields: JsonObject, header: Header) => DocumentOf[K] };

const decoders: Decoders = {
  root: decodeRoot,
  timestamp: decodeTimestamp,
  snapshot: decodeSnapshot,
  targets: decodeTargets,
};

/** `_type` by kind of document; a delegated role is `Targets`, too. */
export const documentTypes: Readonly<Record<DocumentKind, string>> = {
  root: 'Root',
  timestamp: 'Timestamp',
  snapshot: 'Snapshot',
  targets: 'Targets',
};

/**
 * Reads the signed part as a document of one kind.
 * @throws TufError MALFORMED, LIMIT, or WRONG_TYPE when it says it is of another kind
 */
export function decode<K extends DocumentKind>(kind: K, envelope: Envelope): DocumentOf[K] {
  const fields = envelope.signed;
  const type = readString(fields['_type'], '_type');
  const expected = documentTypes[kind];
  // Compared exactly, so that no file is valid in two dialects.
  if (type !== expected) {
    const found = type.slice(0, 32);
    throw new TufError('WRONG_TYPE', `expected type ${expected}, not ${found}`, { expected, found });
  }
  return decoders[kind](fields, readHeader(fields));
}

function readHeader(fields: JsonObject): Header {
  const expires = parseNotaryTime(readString(fields['expires'], 'expires'));
  if (expires === undefined) throw malformed('expires', 'not a date like 2030-01-31T12:00:00.123456789Z');
  return { version: readInteger(fields['version'], 'version', 1), expires, binding: {}, fields };
}

function decodeRoot(fields: JsonObject, header: Header): Root {
  const roles = readObject(fields['roles'], 'roles');
  const consistent = fields['consistent_snapshot'] ?? false;
  if (typeof consistent !== 'boolean') throw malformed('consistent_snapshot', 'not a boolean');
  const role = (name: keyof Root['roles']): Root['roles'][keyof Root['roles']] => {
    if (roles[name] === undefined) throw malformed('roles', `missing ${name} role specification`);
    return readRoleKeys(roles[name], `roles.${name}`);
  };
  for (const name of Object.keys(roles)) assertRoleShape(roles[name], `roles.${name}`);
  return {
    ...header,
    kind: 'root',
    consistentSnapshot: consistent,
    keys: readKeys(fields['keys'], 'keys'),
    roles: {
      root: role('root'),
      timestamp: role('timestamp'),
      snapshot: role('snapshot'),
      targets: role('targets'),
    },
  };
}

/** TUF knows a fifth role, `mirrors`. The clients read every entry into one type, and without it no root at all. */
function assertRoleShape(value: JsonValue | undefined, at: string): void {
  const { keyids, threshold } = readObject(value ?? {}, at);
  readStrings(keyids, `${at}.keyids`);
  readInteger(threshold ?? 0, `${at}.threshold`, Number.MIN_SAFE_INTEGER);
}

function decodeTimestamp(fields: JsonObject, header: Header): Timestamp {
  const meta = readObject(fields['meta'], 'meta');
  if (Object.keys(meta).length !== 1) throw malformed('meta', 'not exactly one entry');
  return { ...header, kind: 'timestamp', snapshot: readNeededMeta(meta, 'snapshot') };
}

function decodeSnapshot(fields: JsonObject, header: Header): Snapshot {
  const entries = readObject(fields['meta'], 'meta');
  const meta = new Map<string, FileMeta>();
  for (const name of Object.keys(entries)) {
    const role = readRoleName(name, `meta.${name}`);
    // What names snapshot or timestamp here would be judged by neither.
    if (role === 'snapshot' || role === 'timestamp') throw malformed(`meta.${name}`, 'not listed here');
    meta.set(role, readFileMeta(entries[name], `meta.${name}`));
  }
  // As the clients: root and targets are always listed.
  for (const role of ['root', 'targets']) meta.set(role, readNeededMeta(entries, role));
  return { ...header, kind: 'snapshot', meta };
}

function readNeededMeta(entries: JsonObject, name: string): FileMeta {
  const meta = readFileMeta(entries[name], `meta.${name}`);
  if (meta.hashes?.has('sha256') !== true) {
    throw malformed(`meta.${name}`, `missing ${name} sha256 checksum information`);
  }
  return meta;
}

function readFileMeta(value: JsonValue | undefined, at: string): FileMeta {
  const { length, hashes } = readObject(value, at);
  return {
    ...(length === undefined ? {} : { length: readInteger(length, `${at}.length`, 0) }),
    hashes: readHashes(hashes, `${at}.hashes`),
  };
}
