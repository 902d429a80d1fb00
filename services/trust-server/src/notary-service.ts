/**
 * The use cases behind the Notary v1 wire (`/v2/<repository>/_trust/tuf/…`). Routes read the wire, decide who
 * may ask, and print; what is trusted is decided behind this interface. Roles are the model's names.
 */
import type { JsonObject } from '@vidimus/canonical-json';
import type { Call, MetadataFile } from './service.ts';

/** Which stored file of a role is meant: one version, one SHA-256 (64 lower-case hex digits), or, with neither, the current one. */
export interface NotaryQuestion {
  readonly role: string;
  readonly version?: number;
  readonly sha256?: string;
}

/** A stored file in the `notary` dialect. As `MetadataFile`: the same file is the same object while in memory. */
export interface NotaryFile extends MetadataFile {
  /** When it was published, milliseconds since 1970. */
  readonly publishedMs: number;
}

/** One file of an upload: the role as on the wire (`targets/releases`), `.json` taken off. */
export interface NotaryPart {
  readonly role: string;
  readonly bytes: Uint8Array;
}

export interface NotaryCall extends Call {
  /** Whether the caller may bring a repository into being: an upload or a key of an unknown one. */
  readonly mayCreate: boolean;
}

/** The roles whose keys the service can hold for a repository whose root a client holds. */
export type ServedKeyRole = 'timestamp' | 'snapshot';

/** One line of the change feed: a timestamp that became current, or an end (version 0, no hash). */
export interface ChangeRecord {
  /** Rises over all repositories; gaps are usual. */
  readonly id: number;
  readonly createdAtMs: number;
  readonly repository: string;
  readonly version: number;
  /** Hex SHA-256 of the timestamp file. */
  readonly sha256: string;
  readonly category: 'update' | 'deletion';
}

export interface ChangefeedPage {
  /** Records strictly after this id; with a negative `count`, before it (-1: from the end). */
  readonly after: number;
  /** How many at most; negative looks backwards. The order of the answer is always oldest first. */
  readonly count: number;
}

/** Repository names are well-formed. */
export interface NotaryService {
  /** Never signs, never writes. Answers at once, without a promise, what is in memory. */
  readNotary(
    repository: string,
    question: NotaryQuestion,
  ): NotaryFile | undefined | Promise<NotaryFile | undefined>;
  /**
   * Judges and publishes an upload, all or nothing.
   * @throws NotaryError for a refused upload; TrustError UNAUTHORIZED when it would create and may not
   */
  updateNotary(call: NotaryCall, repository: string, parts: readonly NotaryPart[]): Promise<void>;
  /**
   * The public key object (`keytype`, `keyval`) of a role the service signs; `rotate` makes a new one unless
   * one still waits for its first use.
   * @throws TrustError UNAUTHORIZED for an unknown repository when the caller may not create
   */
  notaryKey(
    call: NotaryCall,
    repository: string,
    role: ServedKeyRole,
    mode: 'current' | 'rotate',
  ): Promise<JsonObject>;
  /** Ends the repository; one that is not there is no error, as with the peer. */
  endNotary(call: Call, repository: string): Promise<void>;
  readChangefeed(
    scope: { readonly repository?: string },
    page: ChangefeedPage,
  ): Promise<readonly ChangeRecord[]>;
  hasRepository(repository: string): Promise<boolean>;
}
