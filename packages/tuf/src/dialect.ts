/** What a metadata format must offer: from bytes to the model and back. Checks live outside. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { SignatureScheme } from '@vidimus/crypto';
import type {
  DialectName,
  DocumentKind,
  DocumentOf,
  Envelope,
  Key,
  Root,
  Signature,
  Targets,
  TufDocument,
} from './model.ts';
import type { Search } from './target-search.ts';
import type { FoundTarget } from './trusted-state.ts';
import type { Workflow } from './workflow.ts';

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
   * How a listed file is found, and by what rollback of it is known: by the version that its parent lists
   * (consistent snapshots), or by its SHA-256 and the version of the file that the client had before.
   */
  readonly filesBy: 'version' | 'hash';
  /** Whether documents carry the signed `x-vidimus-*` members; without, none is required of them. */
  readonly bound: boolean;
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
  /** A signature as `seal` wants it, made by a key that signs with `scheme`. @throws TufError MALFORMED */
  toSignature(keyId: string, scheme: SignatureScheme, value: Uint8Array): Signature;
  /**
   * The rule by which this dialect's clients find a target.
   * @throws TufError as `search.load`, and LIMIT after too many delegations
   */
  search(search: Search): Workflow<FoundTarget | undefined>;
  /**
   * Further rules for any root that need no time.
   * @throws TufError BINDING when it is made for another repository, MALFORMED
   */
  assertRoot?(root: Root, repository: string): void;
  /**
   * Further rules for the document of targets or of a delegated role.
   * @param role as the model names it
   * @throws TufError MALFORMED
   */
  assertTargets?(role: string, document: Targets): void;
  /**
   * Further rules for the newest root that need the time.
   * @param signedBy ids of the keys whose signatures counted; all keys of the root role when absent
   * @throws TufError EXPIRED or LIFETIME
   */
  assertRootNow?(root: Root, nowMs: number, signedBy?: readonly string[]): void;
  /**
   * Ids of the keys of the root role whose certificate an authority vouches for, at a time if one is given.
   * Absent where keys are no certificates.
   * @param caPem one or more certificates @throws TufError ANCHOR when they cannot be read
   */
  certifiedKeyIds?(root: Root, caPem: string, atMs?: number): readonly string[];
}
