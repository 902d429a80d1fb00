/** The next snapshot and timestamp: which files are current together. */
import type { JsonObject } from '@vidimus/canonical-json';
import { isSha256Hex } from '@vidimus/crypto';
import type { Dialect, Draft } from '../dialect.ts';
import type { FileMeta, Snapshot, Timestamp, TufDocument } from '../model.ts';
import { editInvalid } from './edit-error.ts';
import { type EditTerms, stamp } from './terms.ts';

/** From so many roles on, snapshot lists versions only: with hashes it would outgrow the caps of other clients. */
export const MAX_HASHED_ROLES = 1_024;

/** A sealed file, as its parent names it. */
export interface SealedFile {
  readonly version: number;
  /** Bytes of the file. */
  readonly length: number;
  /** Hex SHA-256 of the file. */
  readonly sha256: string;
  /** Hex SHA-512 of the file, to be listed beside it. */
  readonly sha512?: string;
}

/** What a dialect whose files go by hash does otherwise. */
export interface SnapshotOptions {
  /** Roles that nobody delegates any more, to be left out. */
  readonly drop?: Iterable<string>;
  /** With `hash` the hashes stay, however many roles there are. Default `version`. */
  readonly filesBy?: Dialect['filesBy'];
}

/**
 * The snapshot after `files` were sealed. An entry is never removed: clients refuse a snapshot that lost one
 * (TUF 1.0.34 section 5.5.5), so roles that nobody delegates any more stay, unless `options.drop` names them: only
 * in a dialect whose files go by hash.
 * @throws TufError EDIT_INVALID (VERSION, TERMS)
 */
export function nextSnapshot(
  previous: Snapshot | undefined,
  files: ReadonlyMap<string, SealedFile>,
  terms: EditTerms,
  options: SnapshotOptions = {},
): Draft<Snapshot> {
  const { drop = [], filesBy = 'version' } = options;
  const meta = new Map(previous?.meta);
  for (const role of drop) {
    if (filesBy === 'version') throw editInvalid('VERSION', `role ${role} cannot leave snapshot`, { role });
    meta.delete(role);
  }
  for (const [role, file] of files) {
    const before = meta.get(role)?.version ?? 0;
    if (file.version <= before) {
      throw editInvalid('VERSION', `version ${file.version} of ${role} does not follow ${before}`, { role });
    }
    meta.set(role, toFileMeta(role, file));
  }
  const { version, expires, binding } = stamp(terms, 'snapshot');
  return {
    kind: 'snapshot',
    version,
    expires,
    binding,
    meta: filesBy === 'hash' ? meta : fitted(meta),
    ...carried(previous),
  };
}

/**
 * The timestamp that makes a snapshot current; `log` is the head of the repository's events.
 * @throws TufError EDIT_INVALID (VERSION, TERMS)
 */
export function nextTimestamp(
  previous: Timestamp | undefined,
  snapshot: SealedFile,
  log: { readonly size: number; readonly hash: string },
  terms: EditTerms,
): Draft<Timestamp> {
  if (snapshot.version < (previous?.snapshot.version ?? 0)) {
    throw editInvalid('VERSION', 'a timestamp never names an older snapshot', { version: snapshot.version });
  }
  if (!Number.isSafeInteger(log.size) || log.size < 0 || !isSha256Hex(log.hash)) {
    throw editInvalid('TERMS', 'the log head is a size and a sha256');
  }
  const { version, expires, binding } = stamp(terms, 'timestamp');
  return {
    kind: 'timestamp',
    version,
    expires,
    binding: { ...binding, log: { size: log.size, hash: log.hash } },
    snapshot: toFileMeta('snapshot', snapshot),
    ...carried(previous),
  };
}

/** Members that nobody here knows outlive an edit; the dialect writes the new ones over them. */
function carried(previous: TufDocument | undefined): { readonly fields?: JsonObject } {
  return previous === undefined ? {} : { fields: previous.fields };
}

function toFileMeta(role: string, file: SealedFile): FileMeta {
  const { version, length, sha256, sha512 } = file;
  const sane = Number.isSafeInteger(version) && Number.isSafeInteger(length) && length > 0;
  const hashed = isSha256Hex(sha256) && (sha512 === undefined || /^[0-9a-f]{128}$/.test(sha512));
  if (!sane || !hashed) throw editInvalid('VERSION', `not a file of ${role}`, { role });
  const hashes = new Map([['sha256', sha256]]);
  if (sha512 !== undefined) hashes.set('sha512', sha512);
  return { version, length, hashes };
}

function fitted(meta: Map<string, FileMeta>): ReadonlyMap<string, FileMeta> {
  if (meta.size < MAX_HASHED_ROLES) return meta;
  return new Map(
    Array.from(meta, ([role, file]) => [role, file.version === undefined ? file : { version: file.version }]),
  );
}
