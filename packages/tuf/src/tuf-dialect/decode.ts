/** From the signed object to the model (TUF 4.3 to 4.6). Everything here may have been written by an attacker. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import { TufError } from '../errors.ts';
import type { DocumentKind, DocumentOf, Envelope, FileMeta, Root, Snapshot, Timestamp } from '../model.ts';
import { readHashes } from './decode-hashes.ts';
import { type Header, readHeader } from './decode-header.ts';
import { readKeys, readRoleKeys } from './decode-keys.ts';
import { decodeTargets } from './decode-targets.ts';
import { malformed, readInteger, readObject, readString } from './shape.ts';

type Decoders = { readonly [K in DocumentKind]: (fields: JsonObject, header: Header) => DocumentOf[K] };

const decoders: Decoders = {
  root: decodeRoot,
  timestamp: decodeTimestamp,
  snapshot: decodeSnapshot,
  targets: decodeTargets,
};

const META_SUFFIX = '.json';

/**
 * Reads the signed part as a document of one kind.
 * @throws TufError MALFORMED, LIMIT, or WRONG_TYPE when it says it is of another kind
 */
export function decode<K extends DocumentKind>(kind: K, envelope: Envelope): DocumentOf[K] {
  const fields = envelope.signed;
  const type = readString(fields['_type'], '_type');
  // Compared exactly, so that no file is valid in two dialects.
  if (type !== kind) {
    throw new TufError('WRONG_TYPE', `a ${kind} file was expected`, {
      expected: kind,
      found: type.slice(0, 32),
    });
  }
  return decoders[kind](fields, readHeader(fields));
}

function decodeRoot(fields: JsonObject, header: Header): Root {
  const roles = readObject(fields['roles'], 'roles');
  const consistent = fields['consistent_snapshot'];
  if (consistent !== undefined && typeof consistent !== 'boolean') {
    throw malformed('consistent_snapshot', 'not a boolean');
  }
  return {
    ...header,
    kind: 'root',
    consistentSnapshot: consistent ?? false,
    keys: readKeys(fields['keys'], 'keys'),
    roles: {
      root: readRoleKeys(roles['root'], 'roles.root'),
      timestamp: readRoleKeys(roles['timestamp'], 'roles.timestamp'),
      snapshot: readRoleKeys(roles['snapshot'], 'roles.snapshot'),
      targets: readRoleKeys(roles['targets'], 'roles.targets'),
    },
  };
}

function decodeTimestamp(fields: JsonObject, header: Header): Timestamp {
  const meta = readObject(fields['meta'], 'meta');
  // TUF 4.6: snapshot.json and nothing else.
  if (Object.keys(meta).length !== 1) throw malformed('meta', 'not exactly one entry');
  return {
    ...header,
    kind: 'timestamp',
    snapshot: readFileMeta(meta['snapshot.json'], 'meta.snapshot.json'),
  };
}

function decodeSnapshot(fields: JsonObject, header: Header): Snapshot {
  const entries = readObject(fields['meta'], 'meta');
  const meta = new Map<string, FileMeta>();
  for (const name of Object.keys(entries)) {
    if (!name.endsWith(META_SUFFIX)) throw malformed(`meta.${name}`, 'not named ROLE.json');
    meta.set(name.slice(0, -META_SUFFIX.length), readFileMeta(entries[name], `meta.${name}`));
  }
  // TUF 4.4: the top-level targets role is always listed.
  if (!meta.has('targets')) throw malformed('meta.targets.json', 'missing');
  return { ...header, kind: 'snapshot', meta };
}

function readFileMeta(value: JsonValue | undefined, at: string): FileMeta {
  const entry = readObject(value, at);
  const version = readInteger(entry['version'], `${at}.version`, 1);
  return {
    version,
    ...(entry['length'] === undefined ? {} : { length: readInteger(entry['length'], `${at}.length`, 0) }),
    ...(entry['hashes'] === undefined ? {} : { hashes: readHashes(entry['hashes'], `${at}.hashes`) }),
  };
}
