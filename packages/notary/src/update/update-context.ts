/** What every step of the judgement of one upload looks at, and what it hands on. */
import { sha256Hex, sha512Hex } from '@vidimus/crypto';
import {
  assertNotExpired,
  type DocumentKind,
  type DocumentOf,
  type TufDocument,
  type Verified,
  type VerifyContext,
} from '@vidimus/tuf';
import { NotaryError } from '../errors.ts';
import { toNotaryRole } from '../role-name.ts';
import { assertPlainMembers } from './folded-members.ts';
import { MAX_FIRST_VERSION, MAX_VERSION } from './limits.ts';
import { refusal } from './refusal.ts';

export interface UpdateContext extends VerifyContext {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Uploaded files by model role; never a timestamp. */
  readonly parts: ReadonlyMap<string, Uint8Array>;
  /** The newest stored file of every role, by model role; also of roles that nobody delegates any more. */
  readonly stored: ReadonlyMap<string, Uint8Array>;
  /** What stored files say, as far as the caller has decoded them. */
  readonly documents: ReadonlyMap<string, TufDocument>;
  /** The repository goes on from another server: files of which none is stored may have any version. */
  readonly goesOn: boolean;
}

/** A file that passed. */
export interface AcceptedFile {
  /** Model role. */
  readonly role: string;
  readonly version: number;
  /** As uploaded: these are what is stored, hashed and served. */
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly sha256: string;
  readonly sha512: string;
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
  readonly document: TufDocument;
}

/**
 * The last checks of an uploaded file whose signatures count: its version follows the stored one, it is not
 * expired, and no client reads it otherwise than we do.
 * @param stored the stored document of the role, which takes seconds to read when it is large
 * @throws NotaryError VERSION or INVALID_UPDATE; TufError EXPIRED
 */
export function accept<D extends TufDocument>(
  context: UpdateContext,
  file: Verified<D>,
  stored: D | undefined,
): AcceptedFile {
  const { role, document, envelope } = file;
  const mostFirst = context.goesOn ? MAX_VERSION : MAX_FIRST_VERSION;
  assertNextVersion(role, stored?.version, document.version, mostFirst);
  assertPlainMembers(role, envelope.bytes);
  assertNotExpired(role, document, context.nowMs);
  const { bytes } = envelope;
  const { version, expires } = document;
  return {
    role,
    version,
    bytes,
    sha256: sha256Hex(bytes),
    sha512: sha512Hex(bytes),
    expiresMs: expires,
    document,
  };
}

/**
 * The stored document of a role; what is stored was verified before.
 * @throws TufError when it cannot be read: nobody's upload is to blame
 */
export function storedDocument<K extends DocumentKind>(
  { dialect, stored, documents }: UpdateContext,
  kind: K,
  role: string,
): DocumentOf[K] | undefined {
  const bytes = stored.get(role);
  const document = documents.get(role);
  if (bytes !== undefined && document !== undefined && isOfKind(document, kind)) return document;
  return bytes && dialect.decode(kind, dialect.open(bytes, bytes.length));
}

function isOfKind<K extends DocumentKind>(document: TufDocument, kind: K): document is DocumentOf[K] {
  return document.kind === kind;
}

/** Exactly the next one: a jump to the highest version would lock everybody out (attack T23). */
function assertNextVersion(
  role: string,
  stored: number | undefined,
  version: number,
  mostFirst: number,
): void {
  const name = toNotaryRole(role);
  if (stored === undefined) {
    if (version <= mostFirst) return;
    const expected = mostFirst === MAX_FIRST_VERSION ? `1 or ${mostFirst}` : `up to ${mostFirst}`;
    throw refusal(role, `the first ${name} has version ${expected}, not ${version}`);
  }
  if (version <= stored) throw alreadyPublished(role, version);
  if (version > stored + 1) {
    throw refusal(role, `${name} must increment the version by 1. Current ${stored}, new ${version}`);
  }
}

/** Somebody else was first: the one refusal that goes away by trying again. */
export function alreadyPublished(role: string, version: number): NotaryError {
  const name = toNotaryRole(role);
  return new NotaryError('VERSION', `${name} version ${version} is already published; run publish again`, {
    role: name,
  });
}
