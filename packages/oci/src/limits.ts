/** What a registry may cost us at most. A registry, and whatever it redirects to, is in the attacker's hands. */

/** The largest manifest or index that is read, in bytes: what every registry accepts at least. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** Entries of one index. */
export const MAX_INDEX_ENTRIES = 1_000;
/** Layers of one image; Docker itself stops at 127. */
export const MAX_LAYERS = 1_000;
/** Nesting inside one document: a manifest needs five. */
export const MAX_DOCUMENT_DEPTH = 16;
/** Indexes above an image: an index, and at most one index inside it. */
export const MAX_INDEX_NESTING = 2;
/** Documents read for one closure, over all platforms: each is a request. The largest official images have 40. */
export const MAX_CLOSURE_DOCUMENTS = 500;
/** Milliseconds after which no further document of a closure is asked for. */
export const MAX_CLOSURE_MS = 120_000;
/** Their bytes together; they are held in memory. */
export const MAX_CLOSURE_BYTES = 64 * 1024 * 1024;
/** An answer of a token service. */
export const MAX_TOKEN_ANSWER_BYTES = 256 * 1024;
/** A token must fit a request header. */
export const MAX_TOKEN_CHARACTERS = 16_384;
/** Redirects followed for one blob. */
export const MAX_REDIRECTS = 5;
/** A credentials file, or what a credential helper prints. */
export const MAX_CREDENTIALS_BYTES = 1024 * 1024;
/** `index.json` of a layout. */
export const MAX_LAYOUT_INDEX_BYTES = 4 * 1024 * 1024;

/** How long a registry may take, in milliseconds. */
export interface Timeouts {
  /** Until the connection stands, TLS included. */
  readonly connectMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
  /** One document or token, from the request to its last byte. */
  readonly documentMs: number;
  /** One blob, from the request to its last byte. */
  readonly blobMs: number;
  /** A credential helper program. */
  readonly helperMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  connectMs: 10_000,
  idleMs: 30_000,
  documentMs: 60_000,
  blobMs: 3_600_000,
  helperMs: 30_000,
};
