/** From the model to the exact bytes to sign. */
import {
  CanonicalJsonError,
  encodeCanonical,
  type JsonObject,
  type JsonValue,
} from '@vidimus/canonical-json';
import type { Draft } from '../dialect.ts';
import { TufError } from '../errors.ts';
import type {
  Delegation,
  Delegations,
  FileMeta,
  Hashes,
  Key,
  RoleKeys,
  Root,
  Snapshot,
  Target,
  Targets,
  Timestamp,
} from '../model.ts';
import { encodeBinding } from './binding.ts';
import { fromEntries, type Members, member, over, rolesByName } from './json-members.ts';
import { formatTime } from './time.ts';

/** Three parts: some readers refuse two. */
const SPEC_VERSION = '1.0.34';

/**
 * The canonical form of a new document.
 * @throws TufError MALFORMED for a value without canonical form (a fraction, half of a surrogate pair, …)
 */
export function encode(draft: Draft): Uint8Array {
  const previous = draft.fields;
  const fields = over(previous, {
    _type: draft.kind,
    spec_version: previous?.['spec_version'] ?? SPEC_VERSION,
    version: draft.version,
    expires: formatTime(draft.expires),
    ...encodeBinding(draft.binding),
    ...encodeBody(draft),
  });
  try {
    return encodeCanonical(fields);
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw new TufError('MALFORMED', `no canonical form: ${cause.message}`, {}, { cause });
  }
}

function encodeBody(draft: Draft): Members {
  if (draft.kind === 'root') return encodeRoot(draft);
  if (draft.kind === 'timestamp') return encodeTimestamp(draft);
  if (draft.kind === 'snapshot') return encodeSnapshot(draft);
  return encodeTargets(draft);
}

function encodeRoot(root: Draft<Root>): Members {
  const previous = member(root.fields, 'roles');
  const role = (name: keyof Root['roles']): JsonObject =>
    over(member(previous, name), encodeRoleKeys(root.roles[name]));
  return {
    consistent_snapshot: root.consistentSnapshot,
    keys: encodeKeys(root.keys),
    roles: over(previous, {
      root: role('root'),
      timestamp: role('timestamp'),
      snapshot: role('snapshot'),
      targets: role('targets'),
    }),
  };
}

function encodeTimestamp(timestamp: Draft<Timestamp>): Members {
  return { meta: encodeMeta(new Map([['snapshot', timestamp.snapshot]]), member(timestamp.fields, 'meta')) };
}

function encodeSnapshot(snapshot: Draft<Snapshot>): Members {
  return { meta: encodeMeta(snapshot.meta, member(snapshot.fields, 'meta')) };
}

function encodeTargets(document: Draft<Targets>): Members {
  const previous = member(document.fields, 'targets');
  const { delegations } = document;
  return {
    targets: fromEntries(document.targets, (target, path) => encodeTarget(target, member(previous, path))),
    delegations: delegations && encodeDelegations(delegations, member(document.fields, 'delegations')),
  };
}

function encodeTarget(target: Target, previous: JsonValue | undefined): JsonObject {
  return over(previous, {
    length: target.length,
    hashes: encodeHashes(target.hashes),
    custom: target.custom,
  });
}

function encodeDelegations(delegations: Delegations, previous: JsonValue | undefined): JsonObject {
  const { keys, roles, succinct } = delegations;
  const before = rolesByName(member(previous, 'roles'));
  return over(previous, {
    keys: encodeKeys(keys),
    roles:
      succinct === undefined ? roles.map((role) => encodeDelegation(role, before.get(role.name))) : undefined,
    succinct_roles:
      succinct &&
      over(member(previous, 'succinct_roles'), {
        ...encodeRoleKeys(succinct),
        bit_length: succinct.bitLength,
        name_prefix: succinct.namePrefix,
      }),
  });
}

function encodeDelegation(role: Delegation, previous: JsonValue | undefined): JsonObject {
  return over(previous, {
    name: role.name,
    ...encodeRoleKeys(role),
    terminating: role.terminating,
    paths: role.paths,
    path_hash_prefixes: role.pathHashPrefixes,
  });
}

function encodeRoleKeys(role: RoleKeys): Members {
  return { keyids: role.keyIds, threshold: role.threshold };
}

function encodeKeys(keys: ReadonlyMap<string, Key>): JsonObject {
  return fromEntries(keys, (key) => key.declared);
}

function encodeMeta(meta: ReadonlyMap<string, FileMeta>, previous: JsonValue | undefined): JsonObject {
  const files = new Map([...meta].map(([role, file]) => [`${role}.json`, file]));
  return fromEntries(files, (file, name) =>
    over(member(previous, name), {
      version: file.version,
      length: file.length,
      hashes: file.hashes && encodeHashes(file.hashes),
    }),
  );
}

function encodeHashes(hashes: Hashes): JsonObject {
  return fromEntries(hashes, (digest) => digest);
}
