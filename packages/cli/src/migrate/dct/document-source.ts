/** Where the documents of one repository come from: a Notary server, or a directory that was saved before. */

export interface DocumentSource {
  /** One version of root, or the current one. Undefined: not there. */
  root(version: number | undefined): Promise<Uint8Array | undefined>;
  /** The current document of a role. @param role as on the wire */
  current(role: string): Promise<Uint8Array | undefined>;
  /** The document that its parent lists under this SHA-256 (hex). */
  listed(role: string, sha256: string): Promise<Uint8Array | undefined>;
}
