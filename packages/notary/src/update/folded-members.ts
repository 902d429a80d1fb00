/**
 * The clients are Go programs, whose JSON decoder takes `Targets` for `targets` and lets the last one win. A file
 * with both would show them other tags than us, under one signature: refused.
 */
import { isJsonObject, type JsonValue } from '@vidimus/canonical-json';
import { parseFile } from '@vidimus/tuf';
import { invalidMetadata } from './refusal.ts';

/** An object of known members, a map of any names or a list with what is inside; `undefined` is a leaf. */
type Shape =
  | { readonly members: Readonly<Record<string, Shape | undefined>> }
  | { readonly each: Shape }
  | undefined;

const fileMeta: Shape = { members: { length: undefined, hashes: undefined, custom: undefined } };
const keys: Shape = {
  each: { members: { keytype: undefined, keyval: { members: { public: undefined, private: undefined } } } },
};
const roles: Shape = {
  each: { members: { keyids: undefined, threshold: undefined, name: undefined, paths: undefined } },
};

/** All kinds of document at once: no member means two things. */
const signed: Shape = {
  members: {
    _type: undefined,
    version: undefined,
    expires: undefined,
    consistent_snapshot: undefined,
    keys,
    roles,
    meta: { each: fileMeta },
    targets: { each: fileMeta },
    delegations: { members: { keys, roles } },
  },
};

const signatures: Shape = { each: { members: { keyid: undefined, method: undefined, sig: undefined } } };

const file: Shape = { members: { signed, signatures } };

/**
 * Refuses a file with a member that some client would take for another one.
 * @param bytes strict JSON
 * @throws NotaryError INVALID_UPDATE
 */
export function assertPlainMembers(role: string, bytes: Uint8Array): void {
  assertShape(role, file, parseFile(bytes, bytes.length));
}

function assertShape(role: string, shape: Shape, value: JsonValue | undefined): void {
  if (shape === undefined || typeof value !== 'object' || value === null) return;
  if ('each' in shape) {
    for (const inner of Object.values(value)) assertShape(role, shape.each, inner);
    return;
  }
  if (!isJsonObject(value)) return;
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(shape.members, name)) assertShape(role, shape.members[name], value[name]);
    else if (Object.hasOwn(shape.members, fold(name))) {
      throw invalidMetadata(role, `member ${name} would be taken for ${fold(name)}`);
    }
  }
}

/** Go folds as Unicode does: the long s is an s, the Kelvin sign a k. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}
