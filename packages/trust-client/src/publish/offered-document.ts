/**
 * The documents of a change as the server offers them: read, and compared byte for byte with what this client made
 * itself from the described edit. Whoever signs has nothing else to go by.
 */
import { fromBase64, sha256Hex } from '@vidimus/crypto';
import {
  type DialectName,
  type Key,
  MAX_CLOCK_SKEW_MS,
  parseTime,
  type RoleKeySet,
  type RoleKeys,
  type Root,
  type Targets,
} from '@vidimus/tuf';
import { dialectOf } from '../dialects.ts';
import { TrustClientError } from '../errors.ts';
import type { Change, ChangeDocument } from './answers.ts';

/** A document that was recomputed and found equal, byte for byte. */
export interface VerifiedDocument {
  readonly dialect: DialectName;
  readonly role: string;
  readonly version: number;
  readonly message: Uint8Array;
  /** Hex. */
  readonly sha256: string;
  /** Key ids whose signatures count for it. */
  readonly keyIds: readonly string[];
}

/** One document, unsigned, as the server wrote it. */
export interface Offered {
  readonly dialect: DialectName;
  readonly role: string;
  readonly message: Uint8Array;
  readonly version: number;
  readonly document: Root | Targets;
}

/** Offered documents, by `documentName`. */
export type OfferedDocuments = ReadonlyMap<string, Offered>;

/** What this client made, by `documentName`: the bytes to sign. */
export type ExpectedDocuments = ReadonlyMap<string, Uint8Array>;

const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** What tells the documents of a change apart. */
export function documentName(dialect: DialectName, role: string): string {
  return `${dialect} ${role}`;
}

/**
 * Reads all documents of a change, each once, of dialects that were asked for.
 * @throws TrustClientError CHANGE_MISMATCH
 */
export function openOffered({ documents }: Change, asked: readonly DialectName[]): OfferedDocuments {
  const offered = new Map<string, Offered>();
  for (const document of documents) {
    const dialect = asked.find((name) => name === document.dialect);
    if (dialect === undefined) {
      throw mismatch(`it is of the dialect ${document.dialect}, which was not asked for`);
    }
    offered.set(documentName(dialect, document.role), open(dialect, document));
  }
  if (offered.size !== documents.length) throw mismatch('it names a role twice');
  return offered;
}

/** The root of a dialect. @throws TrustClientError CHANGE_MISMATCH */
export function offeredRoot(offered: OfferedDocuments, dialect: DialectName): Root {
  const root = offered.get(documentName(dialect, 'root'))?.document;
  if (root?.kind !== 'root') throw mismatch(`it holds no root of the dialect ${dialect}`);
  return root;
}

/** When the change says that it was made, milliseconds. @throws TrustClientError CHANGE_MISMATCH */
export function issuedAt({ times }: Change, now: number): number {
  const issued = parseTime(times.issued);
  if (issued === undefined || issued > now + MAX_CLOCK_SKEW_MS) throw mismatch('it is dated in the future');
  return issued;
}

/**
 * Keys of a role that the server was left to choose, and no more of them.
 * @throws TrustClientError CHANGE_MISMATCH
 */
export function managedKeys(
  role: string,
  count: number,
  { keyIds }: RoleKeys,
  keys: ReadonlyMap<string, Key>,
  own: readonly Key[] = [],
): readonly Key[] {
  const ownIds = new Set(own.map((key) => key.keyId));
  const managed = keyIds.flatMap((keyId) => (ownIds.has(keyId) ? [] : (keys.get(keyId) ?? [])));
  if (managed.length !== count) throw mismatch(`${role} has other keys than requested`);
  return managed;
}

/** @throws TrustClientError CHANGE_MISMATCH unless the server's own keys are what it says it makes */
export function assertEd25519(role: string, keys: readonly Key[]): void {
  if (keys.every((key) => key.usable?.scheme === 'ed25519')) return;
  throw mismatch(`${role} has a key of the server that is not ed25519`);
}

/** The one managed key of a role. @throws TrustClientError CHANGE_MISMATCH */
export function oneManagedKey(role: 'targets' | 'snapshot' | 'timestamp', { roles, keys }: Root): RoleKeySet {
  const managed = managedKeys(role, 1, roles[role], keys);
  assertEd25519(role, managed);
  return { keys: managed, threshold: 1 };
}

/** A thief of one dialect's key must not get the other. @throws TrustClientError CHANGE_MISMATCH */
export function assertDisjoint(one: Iterable<Key>, other: Iterable<Key>): void {
  const materials = new Set([...one].map((key) => key.usable?.materialId ?? key.keyId));
  if ([...other].some((key) => materials.has(key.usable?.materialId ?? key.keyId))) {
    throw mismatch('it gives one key to two dialects');
  }
}

/** The documents, if they are what this client made. @throws TrustClientError CHANGE_MISMATCH */
export function compareAll(
  { documents }: Change,
  offered: OfferedDocuments,
  expected: ExpectedDocuments,
): readonly VerifiedDocument[] {
  return [...offered].map(([name, { dialect, role, version, message }]) => {
    const own = expected.get(name);
    if (own === undefined) throw mismatch(`${role} is not part of it`);
    if (!Buffer.from(message).equals(own)) {
      throw mismatch(`${role} of the dialect ${dialect} differs from what the request says`);
    }
    const named = documents.filter((each) => each.dialect === dialect && each.role === role);
    const keyIds = named.flatMap(({ thresholds }) => thresholds.flatMap((threshold) => threshold.keyIds));
    return { dialect, role, version, message, sha256: sha256Hex(message), keyIds: [...new Set(keyIds)] };
  });
}

export function mismatch(problem: string, cause?: unknown): TrustClientError {
  return new TrustClientError('CHANGE_MISMATCH', `the change is not what was asked for: ${problem}`, {
    cause,
    hint: 'do not sign it; the server, or somebody in between, changed the request',
  });
}

function open(dialect: DialectName, { role, sha256, version, toSign }: ChangeDocument): Offered {
  try {
    const message = fromBase64(toSign);
    if (sha256Hex(message) !== sha256) throw mismatch(`the bytes of ${role} are not those of their hash`);
    const codec = dialectOf(dialect);
    const envelope = codec.open(codec.seal(message, []), MAX_DOCUMENT_BYTES);
    const document = codec.decode(role === 'root' ? 'root' : 'targets', envelope);
    if (document.version !== version) throw mismatch(`${role} has another version than it is said to have`);
    return { dialect, role, message, version, document };
  } catch (cause) {
    if (cause instanceof TrustClientError) throw cause;
    throw mismatch(`${role} cannot be read`, cause);
  }
}
