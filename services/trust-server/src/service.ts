/**
 * The use cases behind the trust server's routes. Routes parse, authorise and print; everything that
 * knows about trust is behind this interface and is reached through validated values only.
 */

import type { DelegationService } from './delegation-service.ts';
import type { DirectoryService } from './directory-service.ts';
import type { KeyService } from './key-service.ts';
import type { RecoveryService } from './recovery-service.ts';
import type { RoleService } from './role-service.ts';
import type {
  AddDialects,
  ApproveChange,
  AuditEvent,
  Change,
  ChangeState,
  CreateRepository,
  DigestRevoked,
  EditTags,
  EndedRepository,
  FleetSummary,
  Impact,
  ImportRepository,
  PutTag,
  RepositoryRow,
  RepositorySummary,
  Revocation,
  RevocationLifted,
  RevokeDigest,
  Role,
  SignChange,
  TagDetail,
  TagEntry,
  TagPublished,
  TagRevoked,
  TagsEdited,
} from './schemas/index.ts';
import type { TokenService } from './token-service.ts';

/** The closed set of codes of CONTRACTS C2 and C3, and two for what is no route; the wire status of each is in http/error-answers.ts. */
export type TrustErrorCode =
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'NAME_INVALID'
  | 'BODY_INVALID'
  | 'KEY_INVALID'
  | 'THRESHOLD_INVALID'
  | 'CUSTODY_INVALID'
  | 'SIGNATURE_INVALID'
  | 'REPOSITORY_UNKNOWN'
  | 'TAG_UNKNOWN'
  | 'ROLE_UNKNOWN'
  | 'KEY_UNKNOWN'
  | 'CHANGE_UNKNOWN'
  | 'METADATA_UNKNOWN'
  | 'TOKEN_UNKNOWN'
  | 'ROUTE_UNKNOWN'
  | 'METHOD_NOT_ALLOWED'
  | 'REPOSITORY_EXISTS'
  | 'VERSION_CONFLICT'
  | 'CHANGE_CONFLICT'
  | 'CHANGE_CLOSED'
  | 'WOULD_BREAK'
  | 'IMPACT_CHANGED'
  | 'DIALECTS_DISAGREE'
  | 'DIALECT_INEXPRESSIBLE'
  | 'VERSION_UNCERTAIN'
  | 'IDEMPOTENCY_CONFLICT'
  | 'BODY_TOO_LARGE'
  | 'RATE_LIMITED'
  | 'BUSY'
  | 'SIGNER_UNAVAILABLE'
  | 'DATABASE_UNAVAILABLE'
  | 'INTERNAL';

/** Facts a program may act on; printed as `detail` in the answer, so never secrets or internals. */
export type TrustErrorDetail = Readonly<Record<string, unknown>>;

/** A request that cannot be served; `code` is API, the message is for the person who asked. */
export class TrustError extends Error {
  readonly code: TrustErrorCode;
  readonly detail: TrustErrorDetail;

  constructor(code: TrustErrorCode, message: string, detail: TrustErrorDetail = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TrustError';
    this.code = code;
    this.detail = detail;
  }
}

/** Who asks, in which request, under which conditions. Authorisation was done before. */
export interface Call {
  /** As the audit log names the caller, for example `token:01JDQ8M4`. */
  readonly actor: string;
  readonly requestId: string;
  /** True: answer what would happen and change nothing. */
  readonly dryRun?: boolean;
  /** The base the caller read; any other current version of that role is VERSION_CONFLICT. */
  readonly ifMatch?: RoleVersion;
  /** Id of the open change the caller means to replace (CONTRACTS C5, `?supersede=`). */
  readonly supersede?: string;
  /** To supersede a change is to end it. Absent: the caller may end none but its own. */
  readonly endsOthers?: true;
}

/** A call by a known caller that was not carried out. */
export interface Refusal {
  readonly actor: string;
  readonly requestId: string;
  readonly method: string;
  /** The route's pattern, never the path as it was asked for. */
  readonly route: string;
  /** Normalised; absent where the route names none. */
  readonly repository?: string;
  readonly code: TrustErrorCode;
}

export interface RoleVersion {
  readonly role: string;
  readonly version: number;
}

/** The edit took effect (in a dry run: would). */
export interface Done<Body> {
  readonly outcome: 'done';
  readonly body: Body;
  /** Present in a dry run. */
  readonly impact?: Impact;
}

/** The edit waits for signatures; in a dry run the change is not stored. */
export interface Pending {
  readonly outcome: 'change';
  readonly change: Change;
  readonly impact?: Impact;
}

export type Outcome<Body> = Done<Body> | Pending;

/** `after` is the key of the last item seen, as `next` of the page before gave it. */
export interface PageRequest {
  /** 1 to 1,000. */
  readonly limit: number;
  readonly after?: string;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Absent on the last page. The HTTP side makes it opaque. */
  readonly next?: string;
}

/** A file of the `/metadata/` space: `timestamp.json` has no version, all others have one. */
export type MetadataName =
  | { readonly role: 'timestamp'; readonly version?: never }
  | { readonly role: string; readonly version: number };

/**
 * A stored file, byte for byte as signed. The same stored file should be the same object for as long as
 * it is in memory: answers prepared for it are remembered by object identity.
 */
export interface MetadataFile {
  readonly bytes: Uint8Array;
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string;
}

export interface ChangeFilter {
  readonly state?: ChangeState;
  /** Only open changes that wait for this caller. */
  readonly waitingFor?: Cosigner;
}

/** Somebody who may have to sign or approve changes. */
export interface Cosigner {
  /** As `Call` has it. */
  readonly actor: string;
  readonly maySign: (repository: string) => boolean;
  readonly mayApprove: (repository: string) => boolean;
}

export interface RepositoryFilter {
  /** Repository names that begin with this. */
  readonly prefix?: string;
  /** `any`, or one problem code. */
  readonly problem?: string;
  /** Also report what expires within this many milliseconds. */
  readonly expiringWithinMs?: number;
}

export interface Readiness {
  readonly ready: boolean;
  /** Check name to `ok` or a short reason without internals. */
  readonly checks: Readonly<Record<string, string>>;
}

/**
 * Repository names are normalised, tags, digests and role names well-formed, bodies validated.
 * Methods that name one repository throw TrustError REPOSITORY_UNKNOWN where there is none.
 */
export interface TrustService
  extends DelegationService,
    DirectoryService,
    KeyService,
    RecoveryService,
    RoleService,
    TokenService {
  /**
   * Never signs, never writes, never throws for what is not there. Answers at once, without a promise,
   * what is in memory.
   */
  readMetadata(
    repository: string,
    name: MetadataName,
  ): MetadataFile | undefined | Promise<MetadataFile | undefined>;
  /** The target a tag names now, if its digest is this one (64 hex digits); whatever role vouches. */
  findTarget(
    repository: string,
    tag: string,
    sha256: string,
  ): Promise<{ readonly size: number; readonly mediaType?: string } | undefined>;

  readRepository(repository: string): Promise<RepositorySummary>;
  /** `created` is false when the same repository is there already (200 instead of 201). */
  createRepository(
    call: Call,
    repository: string,
    body: CreateRepository,
  ): Promise<(Done<RepositorySummary> & { readonly created: boolean }) | Pending>;
  /**
   * A repository that goes on from another Notary server; `created` is false when it was imported before.
   * @throws TrustError REPOSITORY_EXISTS, BODY_INVALID, SIGNATURE_INVALID
   */
  importRepository(
    call: Call,
    repository: string,
    body: ImportRepository,
  ): Promise<Done<RepositorySummary> & { readonly created: boolean }>;
  /**
   * Gives a repository the dialects it lacks; nothing happens where it has them.
   * @throws TrustError DIALECT_INEXPRESSIBLE, CUSTODY_INVALID, CHANGE_CONFLICT, and as creation for keys
   */
  addDialects(call: Call, repository: string, body: AddDialects): Promise<Outcome<RepositorySummary>>;
  endRepository(call: Call, repository: string): Promise<Outcome<EndedRepository>>;

  listTags(repository: string, page: PageRequest): Promise<Page<TagEntry>>;
  /** @throws TrustError TAG_UNKNOWN */
  readTag(repository: string, tag: string): Promise<TagDetail>;
  /** Newest first; empty for a tag that never was. */
  readTagHistory(repository: string, tag: string, page: PageRequest): Promise<Page<AuditEvent>>;
  putTag(call: Call, repository: string, tag: string, body: PutTag): Promise<Outcome<TagPublished>>;
  /** @param role absent: of the role that answers for the tag @throws TrustError TAG_UNKNOWN, ROLE_UNKNOWN */
  deleteTag(call: Call, repository: string, tag: string, role?: string): Promise<Outcome<TagRevoked>>;
  /** @throws TrustError TAG_UNKNOWN when a tag to revoke is not there: all or nothing. */
  editTags(call: Call, repository: string, body: EditTags): Promise<Outcome<TagsEdited>>;

  listRoles(repository: string): Promise<readonly Role[]>;
  /** @throws TrustError ROLE_UNKNOWN */
  readRole(repository: string, role: string): Promise<Role>;

  listRevocations(repository: string, page: PageRequest): Promise<Page<Revocation>>;
  /** Undefined: not revoked here. */
  readRevocation(repository: string, digest: string): Promise<Revocation | undefined>;
  /** The same digest again with the same reason changes nothing. */
  revokeDigest(
    call: Call,
    repository: string,
    digest: string,
    body: RevokeDigest,
  ): Promise<Outcome<DigestRevoked>>;
  /** @throws TrustError METADATA_UNKNOWN when the digest is not revoked. */
  liftRevocation(call: Call, repository: string, digest: string): Promise<Outcome<RevocationLifted>>;

  /** Answers for a repository whose creation still waits for signatures, too. */
  listChanges(repository: string, filter: ChangeFilter, page: PageRequest): Promise<Page<Change>>;
  /** Of all repositories that `mayRead` admits, newest first. */
  listAllChanges(
    filter: ChangeFilter & { readonly mayRead: (repository: string) => boolean },
    page: PageRequest,
  ): Promise<Page<Change>>;
  /** @throws TrustError CHANGE_UNKNOWN, also for a change of another repository. */
  readChange(repository: string, id: string): Promise<Change>;
  /** @throws TrustError SIGNATURE_INVALID, CHANGE_CLOSED or CHANGE_UNKNOWN */
  signChange(call: Call, repository: string, id: string, body: SignChange): Promise<Change>;
  /** @throws TrustError DENIED for its author, SIGNATURE_INVALID, CHANGE_CLOSED or CHANGE_UNKNOWN */
  approveChange(call: Call, repository: string, id: string, body?: ApproveChange): Promise<Change>;
  /** @throws TrustError CHANGE_CLOSED or CHANGE_UNKNOWN */
  rejectChange(call: Call, repository: string, id: string): Promise<Change>;

  /** Newest first; without a repository, of all that `mayRead` admits. */
  readAudit(
    scope: { readonly repository: string } | { readonly mayRead: (repository: string) => boolean },
    page: PageRequest,
  ): Promise<Page<AuditEvent>>;
  /** Leaves an event of it, or counts it where many are alike. Resolves when that is done; never throws. */
  recordRefusal(refusal: Refusal): Promise<void>;
  listRepositories(
    filter: RepositoryFilter & { readonly mayRead: (repository: string) => boolean },
    page: PageRequest,
  ): Promise<Page<RepositoryRow> & { readonly summary: FleetSummary }>;

  /** Cheap: asked by every probe. */
  readiness(): Promise<Readiness>;
}
