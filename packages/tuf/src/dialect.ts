/** What a metadata format must offer: from bytes to the model and back. Checks live outside. */
import type { JsonObject } from '@vidimus/canonical-json';
import type {
  DialectName,
  DocumentKind,
  DocumentOf,
  Envelope,
  Key,
  Signature,
  TufDocument,
} from './model.ts';

/**
 * A document to be encoded. With `fields`, the signed object of the version it follows, members that the model
 * does not know are carried over, at every level; what the model knows is written anew.
 */
export type Draft<D extends TufDocument = TufDocument> = D extends TufDocument
  ? Omit<D, 'fields'> & { readonly fields?: JsonObject }
  : never;

export interface Dialect {
  readonly name: DialectName;
  /**
   * Splits a file into signed part and signatures; checks nothing but shape and limits.
   * @throws TufError MALFORMED or LIMIT
   */
  open(bytes: Uint8Array, maxBytes: number): Envelope;
  /**
   * Reads the signed part as a document of one kind. Callers check signatures on the envelope first,
   * except for what a root needs to check itself.
   * @throws TufError MALFORMED or WRONG_TYPE
   */
  decode<K extends DocumentKind>(kind: K, envelope: Envelope): DocumentOf[K];
  /** The exact bytes to sign for a new document. @throws TufError MALFORMED for what has no canonical form */
  encode(draft: Draft): Uint8Array;
  /** The file that carries a signed message. */
  seal(message: Uint8Array, signatures: readonly Signature[]): Uint8Array;
  /** A key entry for a public key object as this dialect writes it. @throws TufError MALFORMED */
  toKey(declared: Key['declared']): Key;
}
