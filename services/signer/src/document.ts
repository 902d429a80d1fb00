/** From bytes that somebody wants signed to a document that was read: parsed strictly, canonical, for one place. */
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import { MAX_DOCUMENT_BYTES } from '@vidimus/key-store';
import { NotaryError, notaryDialect } from '@vidimus/notary';
import {
  assertBinding,
  BINS_ROLE,
  type Dialect,
  type DialectName,
  type DocumentKind,
  type TufDocument,
  TufError,
  tufDialect,
} from '@vidimus/tuf';
import { SignerError } from './errors.ts';

const dialects: Readonly<Record<DialectName, Dialect>> = { tuf: tufDialect, notary: notaryDialect };

/** Where a document is meant to go. */
export interface Place {
  readonly repository: string;
  readonly dialect: DialectName;
  /** As the model names it. */
  readonly role: string;
}

export interface ReadDocument {
  readonly kind: DocumentKind;
  readonly document: TufDocument;
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string;
  /** Hex SHA-256 of what the document says besides version and times. */
  readonly content: string;
  /** Hex SHA-256 of the delegations in it. */
  readonly delegations: string;
}

export function dialectOf(name: DialectName): Dialect {
  return dialects[name];
}

/** As layouts name bins: `b8-0a`. */
const binName = /^b[0-9]{1,2}-[0-9a-f]{1,8}$/;

/** Whether a key made for `registered` signs documents of `role`: bins have the keys of targets. */
export function signsRole(registered: string, { role, dialect }: Place): boolean {
  if (registered === role) return true;
  return registered === 'targets' && dialect === 'tuf' && (role === BINS_ROLE || binName.test(role));
}

/**
 * Reads what is to be signed. The bytes come from whoever can reach the signer.
 * @throws SignerError DOCUMENT_INVALID or DOCUMENT_MISBOUND
 */
export function readDocument(message: Uint8Array, place: Place): ReadDocument {
  try {
    return read(message, place);
  } catch (cause) {
    if (!(cause instanceof TufError) && !(cause instanceof NotaryError)) throw cause;
    const code = cause.code === 'BINDING' ? 'DOCUMENT_MISBOUND' : 'DOCUMENT_INVALID';
    throw new SignerError(code, cause.message, { rule: cause.code }, { cause });
  }
}

function read(message: Uint8Array, place: Place): ReadDocument {
  const { role, repository } = place;
  const dialect = dialects[place.dialect];
  const kind = kindOf(role);
  if (message.length > MAX_DOCUMENT_BYTES) throw invalid('the document is too large');
  const envelope = dialect.open(dialect.seal(message, []), MAX_DOCUMENT_BYTES + 1024);
  const document = dialect.decode(kind, envelope);
  // Nothing but what the codec itself would write: no second reading of the same bytes.
  if (!equal(dialect.encode(document), message)) throw invalid('the document is not in its canonical form');
  assertBinding({ dialect, repository, foreign: false }, role, document);
  if (document.kind === 'root') dialect.assertRoot?.(document, repository);
  if (document.kind === 'targets') dialect.assertTargets?.(role, document);
  const { signed } = envelope;
  return {
    kind,
    document,
    sha256: sha256Hex(message),
    content: sha256Hex(encodeCanonical(without(signed, ['version', 'expires', 'x-vidimus-issued']))),
    delegations: sha256Hex(encodeCanonical(signed['delegations'] ?? null)),
  };
}

function kindOf(role: string): DocumentKind {
  return role === 'root' || role === 'snapshot' || role === 'timestamp' ? role : 'targets';
}

function without(signed: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(signed).filter(([name]) => !names.includes(name)));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function invalid(message: string): SignerError {
  return new SignerError('DOCUMENT_INVALID', message);
}
