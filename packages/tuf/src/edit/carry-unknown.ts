/**
 * Members that the model does not know outlive an edit (TUF 1.0.34 section 4.2.1: undefined fields are kept).
 * The next document is encoded from the model; what only its predecessor's `fields` hold is put back here.
 */
import {
  encodeCanonical,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '@vidimus/canonical-json';

/** Objects whose keys are data: an entry that is gone was taken away on purpose. */
const maps: ReadonlySet<string> = new Set(['keys', 'targets', 'meta', 'hashes', 'keyval']);

/** Members the model writes, or leaves out on purpose. */
const known: ReadonlySet<string> = new Set([
  ...[
    '_type',
    'spec_version',
    'version',
    'expires',
    'consistent_snapshot',
    'keys',
    'roles',
    'meta',
    'targets',
  ],
  ...['delegations', 'succinct_roles', 'keyids', 'threshold', 'name', 'terminating', 'paths'],
  ...['path_hash_prefixes', 'bit_length', 'name_prefix', 'length', 'hashes', 'custom'],
  ...['root', 'snapshot', 'timestamp'],
  ...['x-vidimus-repository', 'x-vidimus-role', 'x-vidimus-issued', 'x-vidimus-log'],
]);

const limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 64, maxValues: 10_000_000 };

/**
 * The bytes to sign, with the predecessor's unknown members. `message` comes from `Dialect.encode`,
 * `previous` is the `fields` of the document it follows.
 */
export function carryUnknown(message: Uint8Array, previous: JsonObject | undefined): Uint8Array {
  if (previous === undefined || !hasUnknown(previous, '')) return message;
  return encodeCanonical(merge(parseJson(message, limits), previous, ''));
}

function hasUnknown(value: JsonValue, at: string): boolean {
  if (Array.isArray(value)) return at === 'roles' && value.some((item) => hasUnknown(item, 'role'));
  if (!isJsonObject(value) || at === 'custom' || inKeys(at)) return false;
  return Object.entries(value).some(
    ([key, member]) => (!maps.has(at) && !known.has(key)) || hasUnknown(member, childName(at, key)),
  );
}

function merge(next: JsonValue, previous: JsonValue, at: string): JsonValue {
  if (Array.isArray(next) && Array.isArray(previous))
    return at === 'roles' ? mergeRoles(next, previous) : next;
  if (!isJsonObject(next) || !isJsonObject(previous) || at === 'custom' || inKeys(at)) return next;
  // A target that names other bytes is another target: nothing of the old one is said about it.
  if (at === 'targets/' && !sameHashes(next, previous)) return next;
  const merged: Record<string, JsonValue> = Object.assign(Object.create(null), next);
  for (const [key, before] of Object.entries(previous)) {
    const after = merged[key];
    if (after !== undefined) merged[key] = merge(after, before, childName(at, key));
    else if (!maps.has(at) && !known.has(key)) merged[key] = before;
  }
  return merged;
}

/** Delegations are told apart by their names. */
function mergeRoles(next: readonly JsonValue[], previous: readonly JsonValue[]): JsonValue[] {
  const named = new Map(previous.map((role) => [isJsonObject(role) ? role['name'] : undefined, role]));
  return next.map((role) => {
    const before = isJsonObject(role) ? named.get(role['name']) : undefined;
    return before === undefined ? role : merge(role, before, 'role');
  });
}

/** Inside a map the key is data, so the place is named after the map. */
function childName(at: string, key: string): string {
  return maps.has(at) ? `${at}/` : key;
}

/** Key objects are kept whole by the model. */
function inKeys(at: string): boolean {
  return at === 'keys/';
}

function sameHashes(next: JsonObject, previous: JsonObject): boolean {
  const hash = (entry: JsonObject): JsonValue | undefined => {
    const hashes = entry['hashes'];
    return isJsonObject(hashes) ? hashes['sha256'] : undefined;
  };
  return hash(next) === hash(previous);
}
