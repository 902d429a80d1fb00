/**
 * One entry of the directory: whose root keys a repository has, and where its trust data is. It stands in the
 * top-level targets of `_directory`, under its pattern, as `custom`; hash and length are those of its canonical
 * bytes, so that any TUF client can fetch it as a file.
 */
import {
  CanonicalJsonError,
  encodeCanonical,
  type JsonObject,
  type JsonValue,
} from '@vidimus/canonical-json';
import { isSha256Hex, sha256Hex } from '@vidimus/crypto';
import { MAX_ROLE_KEYS } from '../edit/role-keys.ts';
import { MAX_CUSTOM_BYTES } from '../edit/target-rules.ts';
import { type RecoveryKeys, readRecoveryKeys } from '../handover/recovery-keys.ts';
import type { DialectName, RoleKeys, Target } from '../model.ts';
import { malformed, readArray, readInteger, readObject, readString } from '../tuf-dialect/shape.ts';
import { assertDirectoryPattern, mostSpecific } from './pattern.ts';

/** Longest URL of a trust server, characters. */
const MAX_URL_LENGTH = 2_048;

/** What the directory says about the repositories of one pattern. */
export interface DirectoryEntry {
  readonly pattern: string;
  /** Ids of root keys, and how many of them must have signed, in each dialect the repositories have; one or both. */
  readonly roots: Partial<Readonly<Record<DialectName, RoleKeys>>>;
  /** Where the trust data is; absent: on the registry's own host. */
  readonly trustServer?: string;
  /** Whose hand-over replaces a lost root. */
  readonly recovery?: RecoveryKeys;
}

/**
 * Reads an entry as written, by whomever.
 * @throws TufError MALFORMED; nothing unknown is passed over, for it may be a condition
 */
export function readDirectoryEntry(pattern: string, value: JsonValue | undefined): DirectoryEntry {
  assertDirectoryPattern(pattern);
  const entry = readObject(value, pattern);
  assertMembers(entry, ['roots', 'trustServer', 'recovery'], pattern);
  const roots = readObject(entry['roots'], `${pattern}.roots`);
  assertMembers(roots, ['tuf', 'notary'], `${pattern}.roots`);
  const named = (['tuf', 'notary'] as const).filter((dialect) => roots[dialect] !== undefined);
  if (named.length === 0) throw malformed(`${pattern}.roots`, 'names no dialect');
  return {
    pattern,
    roots: Object.fromEntries(
      named.map((dialect) => [dialect, readKeys(roots[dialect], `${pattern}.roots.${dialect}`)]),
    ),
    ...(entry['trustServer'] === undefined
      ? {}
      : { trustServer: readServer(entry['trustServer'], `${pattern}.trustServer`) }),
    ...(entry['recovery'] === undefined
      ? {}
      : { recovery: readRecoveryKeys(entry['recovery'], `${pattern}.recovery`) }),
  };
}

/**
 * The target that carries an entry.
 * @throws TufError MALFORMED
 */
export function toDirectoryTarget(pattern: string, entry: JsonObject): Target {
  readDirectoryEntry(pattern, entry);
  const bytes = directoryEntryBytes(entry);
  return {
    path: pattern,
    length: bytes.length,
    hashes: new Map([['sha256', sha256Hex(bytes)]]),
    custom: entry,
  };
}

/** The file that a target of the directory is. @throws TufError MALFORMED */
export function directoryEntryBytes(entry: JsonValue): Uint8Array {
  try {
    const bytes = encodeCanonical(entry);
    if (bytes.length <= MAX_CUSTOM_BYTES) return bytes;
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw malformed('entry', cause.message);
  }
  throw malformed('entry', `longer than ${MAX_CUSTOM_BYTES} bytes`);
}

/**
 * An entry as a verified target carries it.
 * @throws TufError MALFORMED, also when hash or length are not those of the entry
 */
export function toDirectoryEntry(target: Target): DirectoryEntry {
  const entry = readDirectoryEntry(target.path, target.custom);
  const bytes = directoryEntryBytes(target.custom ?? null);
  if (target.length !== bytes.length || target.hashes.get('sha256') !== sha256Hex(bytes)) {
    throw malformed(target.path, 'hash and length are not those of the entry');
  }
  return entry;
}

/**
 * What the directory says of a repository; undefined: nothing. Only targets of the top-level role are asked: whoever
 * holds a delegated role there (policies, revocations) names nobody's root keys.
 * @throws TufError MALFORMED (also for another entry's pattern), ANCHOR when two entries speak equally
 */
export function findDirectoryEntry(
  targets: ReadonlyMap<string, Target>,
  repository: string,
): DirectoryEntry | undefined {
  const pattern = mostSpecific(targets.keys(), repository);
  const target = pattern === undefined ? undefined : targets.get(pattern);
  return target && toDirectoryEntry(target);
}

function readKeys(value: JsonValue | undefined, at: string): RoleKeys {
  const keys = readObject(value, at);
  assertMembers(keys, ['keyIds', 'threshold'], at);
  const keyIds = readArray(keys['keyIds'], `${at}.keyIds`).map((id) => readString(id, `${at}.keyIds`));
  const threshold = readInteger(keys['threshold'], `${at}.threshold`, 1);
  if (!keyIds.every(isSha256Hex)) throw malformed(`${at}.keyIds`, 'a key id is 64 lower-case hex digits');
  if (new Set(keyIds).size !== keyIds.length) throw malformed(`${at}.keyIds`, 'the same key id twice');
  if (keyIds.length > MAX_ROLE_KEYS) throw malformed(`${at}.keyIds`, `more than ${MAX_ROLE_KEYS}`);
  if (threshold > keyIds.length) throw malformed(`${at}.threshold`, 'more than there are keys');
  return { keyIds, threshold };
}

/** Https, or http where nobody is in between: the root keys are the anchor, but a token may go there. */
function readServer(value: JsonValue, at: string): string {
  const text = readString(value, at);
  const url = text.length <= MAX_URL_LENGTH && URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url?.hostname ?? '');
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (
    url === undefined ||
    !isPlain ||
    !(url.protocol === 'https:' || (url.protocol === 'http:' && isLocal))
  ) {
    throw malformed(at, 'not an https URL without user, query and fragment');
  }
  return text;
}

function assertMembers(object: JsonObject, known: readonly string[], at: string): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) throw malformed(`${at}.${unknown}`, 'unknown member');
}
