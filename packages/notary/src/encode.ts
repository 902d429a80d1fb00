/** From the model to the exact bytes to sign. */
import {
  CanonicalJsonError,
  encodeCanonical,
  type JsonObject,
  type JsonValue,
} from '@vidimus/canonical-json';
import {
  type Delegation,
  type Delegations,
  type Draft,
  type FileMeta,
  fromEntries,
  type Key,
  type Members,
  malformed,
  member,
  over,
  type RoleKeys,
  type Root,
  rolesByName,
  type Target,
  type Targets,
  TufError,
} from '@vidimus/tuf';
import { documentTypes } from './decode.ts';
import { encodeHashes } from './hashes.ts';
import { toNotaryRole } from './role-name.ts';
import { formatNotaryTime, parseNotaryTime } from './time.ts';

/**
 * The canonical form of a new document. The binding has no place in this format and is left out.
 * @throws TufError MALFORMED for what the format cannot say (globs, hash prefixes, bins) or has no canonical form;
 *   NotaryError INVALID_ROLE for a role name that its clients refuse
 */
export function encode(draft: Draft): Uint8Array {
  const previous = draft.fields;
  const fields = over(previous, {
    _type: documentTypes[draft.kind],
    version: draft.version,
    expires: encodeTime(draft.expires, previous?.['expires']),
    ...encodeBody(draft),
  });
  try {
    return encodeCanonical(fields);
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw new TufError('MALFORMED', `no canonical form: ${cause.message}`, {}, { cause });
  }
}

/** The model has milliseconds: the very time that was read keeps its nanoseconds and offset. */
function encodeTime(ms: number, previous: JsonValue | undefined): string {
  if (typeof previous === 'string' && parseNotaryTime(previous) === ms) return previous;
  return formatNotaryTime(ms);
}

function encodeBody(draft: Draft): Members {
  if (draft.kind === 'root') return encodeRoot(draft);
  if (draft.kind === 'targets') return encodeTargets(draft);
  const meta = draft.kind === 'timestamp' ? new Map([['snapshot', draft.snapshot]]) : draft.meta;
  return { meta: encodeMeta(meta, member(draft.fields, 'meta')) };
}

function encodeRoot(root: Draft<Root>): Members {
  const previous = member(root.fields, 'roles');
  const role = (name: keyof Root['roles']): JsonObject =>
    over(member(previous, name), encodeRoleKeys(root.roles[name], member(previous, name)));
  return {
    // Files go by hash whatever this says; the clients always write false.
    consistent_snapshot: root.fields?.['consistent_snapshot'] ?? false,
    keys: encodeKeys(root.keys),
    roles: over(previous, {
      root: role('root'),
      timestamp: role('timestamp'),
      snapshot: role('snapshot'),
      targets: role('targets'),
    }),
  };
}

function encodeTargets(document: Draft<Targets>): Members {
  const previous = member(document.fields, 'targets');
  const { targets, delegations } = document;
  const before = member(document.fields, 'delegations');
  return {
    targets:
      previous === null && targets.size === 0
        ? null
        : fromEntries(targets, (target, path) => encodeTarget(target, member(previous, path))),
    // Never left out by the clients.
    delegations: encodeDelegations(delegations ?? { keys: new Map(), roles: [] }, before),
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
  if (succinct !== undefined) throw malformed('delegations', 'bins cannot be said in this dialect');
  const before = rolesByName(member(previous, 'roles'));
  return over(previous, {
    keys: encodeKeys(keys),
    roles: roles.map((role) => encodeDelegation(role, before.get(toNotaryRole(role.name)))),
  });
}

function encodeDelegation(role: Delegation, previous: JsonValue | undefined): JsonObject {
  const { pathPrefixes } = role;
  if (pathPrefixes === undefined || role.paths !== undefined || role.pathHashPrefixes !== undefined) {
    throw malformed('delegations.roles', `the paths of ${role.name} are no prefixes`);
  }
  return over(previous, {
    name: toNotaryRole(role.name),
    ...encodeRoleKeys(role, previous),
    paths: pathPrefixes.length === 0 ? undefined : pathPrefixes,
  });
}

/** No keys may stand as `null`, which stays so: nothing of a document changes that nobody changed. */
function encodeRoleKeys({ keyIds, threshold }: RoleKeys, previous: JsonValue | undefined): Members {
  const isNull = keyIds.length === 0 && member(previous, 'keyids') === null;
  return { keyids: isNull ? null : keyIds, threshold };
}

function encodeKeys(keys: ReadonlyMap<string, Key>): JsonObject {
  return fromEntries(keys, (key) => key.declared);
}

function encodeMeta(meta: ReadonlyMap<string, FileMeta>, previous: JsonValue | undefined): JsonObject {
  const files = new Map([...meta].map(([role, file]) => [toNotaryRole(role), file]));
  return fromEntries(files, (file, name) =>
    over(member(previous, name), { length: file.length, hashes: encodeHashes(file.hashes ?? new Map()) }),
  );
}
