/**
 * The trust-server's tables: what is signed, what is current, what waits for signatures, what happened.
 * Signed bytes and events are append-only: triggers refuse to change or remove them.
 */
import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { bytea, instant, isDigest, isSafeInteger, isSha256Hex, isShortText, safeInteger } from './columns.ts';

const maxRepositoryBytes = 255;
const maxRoleBytes = 255;
const maxTagBytes = 255;

/** One row per incarnation of a repository; at most one of them has not ended. */
export const trustRepositories = pgTable(
  'trust_repositories',
  {
    repository: text('repository').notNull(),
    incarnation: integer('incarnation').notNull(),
    dialects: text('dialects').array().notNull(),
    settings: jsonb('settings').notNull(),
    createdAt: instant('created_at').notNull(),
    /** Null while the creation waits for signatures. */
    activatedAt: instant('activated_at'),
    endedAt: instant('ended_at'),
    tagCount: safeInteger('tag_count').notNull().default(0),
    logSize: safeInteger('log_size').notNull(),
    logHash: text('log_hash').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_repositories_pk', columns: [t.repository, t.incarnation] }),
    uniqueIndex('trust_repositories_live').on(t.repository).where(sql`${t.endedAt} is null`),
    check('trust_repositories_name_length', isShortText(t.repository, maxRepositoryBytes)),
    check('trust_repositories_incarnation_positive', sql`${t.incarnation} >= 1`),
    check('trust_repositories_has_dialect', sql`cardinality(${t.dialects}) >= 1`),
    check('trust_repositories_tag_count_safe', isSafeInteger(t.tagCount, 0)),
    check('trust_repositories_log_size_safe', isSafeInteger(t.logSize, 0)),
    check('trust_repositories_log_hash_hex', isSha256Hex(t.logHash)),
  ],
);

/** Every signed document ever published, byte for byte; never changed, never removed. */
export const trustMetadata = pgTable(
  'trust_metadata',
  {
    repository: text('repository').notNull(),
    incarnation: integer('incarnation').notNull(),
    dialect: text('dialect').notNull(),
    role: text('role').notNull(),
    version: safeInteger('version').notNull(),
    bytes: bytea('bytes').notNull(),
    sha256: text('sha256').notNull(),
    issuedAt: instant('issued_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [
    primaryKey({
      name: 'trust_metadata_pk',
      columns: [t.repository, t.incarnation, t.dialect, t.role, t.version],
    }),
    foreignKey({
      name: 'trust_metadata_repository_fk',
      columns: [t.repository, t.incarnation],
      foreignColumns: [trustRepositories.repository, trustRepositories.incarnation],
    }),
    // No versioned URL of the `tuf` dialect ever has two contents, whatever the incarnation.
    uniqueIndex('trust_metadata_tuf_url')
      .on(t.repository, t.role, t.version)
      .where(sql`${t.dialect} = 'tuf'`),
    // Notary reads a document by its hash.
    index('trust_metadata_by_sha256').on(t.repository, t.role, t.sha256),
    check('trust_metadata_role_length', isShortText(t.role, maxRoleBytes)),
    check('trust_metadata_version_safe', isSafeInteger(t.version, 1)),
    check('trust_metadata_sha256_hex', isSha256Hex(t.sha256)),
  ],
);

/** Which version is current, and when it is due to be signed again. */
export const trustHeads = pgTable(
  'trust_heads',
  {
    repository: text('repository').notNull(),
    incarnation: integer('incarnation').notNull(),
    dialect: text('dialect').notNull(),
    role: text('role').notNull(),
    version: safeInteger('version').notNull(),
    sha256: text('sha256').notNull(),
    expiresAt: instant('expires_at').notNull(),
    resignAfter: instant('resign_after'),
  },
  (t) => [
    primaryKey({ name: 'trust_heads_pk', columns: [t.repository, t.incarnation, t.dialect, t.role] }),
    foreignKey({
      name: 'trust_heads_metadata_fk',
      columns: [t.repository, t.incarnation, t.dialect, t.role, t.version],
      foreignColumns: [
        trustMetadata.repository,
        trustMetadata.incarnation,
        trustMetadata.dialect,
        trustMetadata.role,
        trustMetadata.version,
      ],
    }),
    index('trust_heads_due').on(t.resignAfter),
    check('trust_heads_sha256_hex', isSha256Hex(t.sha256)),
  ],
);

/** The tags that current metadata vouches for: a table for people's questions, derived from the signed bytes. */
export const trustTags = pgTable(
  'trust_tags',
  {
    repository: text('repository').notNull(),
    incarnation: integer('incarnation').notNull(),
    role: text('role').notNull(),
    tag: text('tag').notNull(),
    digest: text('digest').notNull(),
    size: safeInteger('size').notNull(),
    mediaType: text('media_type'),
    platforms: jsonb('platforms'),
    custom: jsonb('custom'),
    since: instant('since').notNull(),
    sinceVersion: safeInteger('since_version').notNull(),
    actor: text('actor').notNull(),
    change: text('change'),
    /** The delegated role that lists the tag, where that is not `role` itself. */
    listedBy: text('listed_by'),
  },
  (t) => [
    primaryKey({ name: 'trust_tags_pk', columns: [t.repository, t.incarnation, t.role, t.tag] }),
    foreignKey({
      name: 'trust_tags_repository_fk',
      columns: [t.repository, t.incarnation],
      foreignColumns: [trustRepositories.repository, trustRepositories.incarnation],
    }),
    index('trust_tags_by_digest').on(t.repository, t.incarnation, t.digest),
    check('trust_tags_role_length', isShortText(t.role, maxRoleBytes)),
    check('trust_tags_tag_length', isShortText(t.tag, maxTagBytes)),
    check('trust_tags_digest_form', isDigest(t.digest)),
    check('trust_tags_size_safe', isSafeInteger(t.size, 0)),
    check('trust_tags_since_version_safe', isSafeInteger(t.sinceVersion, 1)),
  ],
);

/** Proposed metadata that waits for signatures; `documents` holds the exact bytes to sign, in base64. */
export const trustChanges = pgTable(
  'trust_changes',
  {
    id: text('id').notNull(),
    repository: text('repository').notNull(),
    incarnation: integer('incarnation').notNull(),
    state: text('state').notNull(),
    kind: text('kind').notNull(),
    roles: text('roles').array().notNull(),
    edit: jsonb('edit').notNull(),
    times: jsonb('times').notNull(),
    documents: jsonb('documents').notNull(),
    summary: text('summary').notNull(),
    diff: jsonb('diff').notNull(),
    base: jsonb('base').notNull(),
    insteadOf: text('instead_of').array().notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    published: jsonb('published'),
    /** The edit with every key resolved, from which the documents are made again; null for creations and dialects. */
    plan: jsonb('plan'),
    /** How many people beside its author must approve it before it is carried out. */
    approvals: integer('approvals').notNull().default(0),
  },
  (t) => [
    primaryKey({ name: 'trust_changes_pk', columns: [t.id] }),
    foreignKey({
      name: 'trust_changes_repository_fk',
      columns: [t.repository, t.incarnation],
      foreignColumns: [trustRepositories.repository, trustRepositories.incarnation],
    }),
    index('trust_changes_by_repository').on(t.repository, t.incarnation, t.state),
    index('trust_changes_due').on(t.expiresAt).where(sql`${t.state} = 'open'`),
    check(
      'trust_changes_state_known',
      sql`${t.state} in ('open', 'published', 'rejected', 'expired', 'stale')`,
    ),
    check(
      'trust_changes_published_with_versions',
      sql`(${t.state} = 'published') = (${t.published} is not null)`,
    ),
    check('trust_changes_has_role', sql`cardinality(${t.roles}) >= 1`),
  ],
);

/** Signatures collected for a change: one per key and document. */
export const trustChangeSignatures = pgTable(
  'trust_change_signatures',
  {
    change: text('change').notNull(),
    dialect: text('dialect').notNull(),
    role: text('role').notNull(),
    keyId: text('key_id').notNull(),
    signature: bytea('signature').notNull(),
    signedBy: text('signed_by').notNull(),
    signedAt: instant('signed_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_change_signatures_pk', columns: [t.change, t.dialect, t.role, t.keyId] }),
    foreignKey({
      name: 'trust_change_signatures_change_fk',
      columns: [t.change],
      foreignColumns: [trustChanges.id],
    }),
  ],
);

/** Who approved a change; its author never does. */
export const trustChangeApprovals = pgTable(
  'trust_change_approvals',
  {
    change: text('change').notNull(),
    actor: text('actor').notNull(),
    at: instant('at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_change_approvals_pk', columns: [t.change, t.actor] }),
    foreignKey({
      name: 'trust_change_approvals_change_fk',
      columns: [t.change],
      foreignColumns: [trustChanges.id],
    }),
  ],
);

/**
 * Which keys which roles list, now and before: derived from the signed bytes in the transaction that publishes them,
 * for questions that go from a key to repositories.
 */
export const trustRoleKeys = pgTable(
  'trust_role_keys',
  {
    repository: text('repository').notNull(),
    incarnation: integer('incarnation').notNull(),
    dialect: text('dialect').notNull(),
    role: text('role').notNull(),
    keyId: text('key_id').notNull(),
    /** Hex SHA-256 of the public key itself: one key under two ids has one of these. */
    material: text('material').notNull(),
    /** Other ids of the same key: as the other dialect or a client shows it, and of its certificate. Hex SHA-256 each. */
    aliases: text('aliases').array().notNull().default(sql`'{}'`),
    /** As the audit prints it: `ed25519`, `ecdsa-sha2-nistp256`, `rsassa-pss-sha256`. */
    scheme: text('scheme').notNull(),
    /** The named party that holds it; null where nobody was named. */
    signer: text('signer'),
    /** Of root or of the delegating role. */
    sinceVersion: safeInteger('since_version').notNull(),
    since: instant('since').notNull(),
    /** Null while it is listed. */
    until: instant('until'),
  },
  (t) => [
    primaryKey({
      name: 'trust_role_keys_pk',
      columns: [t.repository, t.incarnation, t.dialect, t.role, t.keyId, t.sinceVersion],
    }),
    foreignKey({
      name: 'trust_role_keys_repository_fk',
      columns: [t.repository, t.incarnation],
      foreignColumns: [trustRepositories.repository, trustRepositories.incarnation],
    }),
    uniqueIndex('trust_role_keys_listed')
      .on(t.repository, t.incarnation, t.dialect, t.role, t.keyId)
      .where(sql`${t.until} is null`),
    index('trust_role_keys_by_key').on(t.keyId),
    index('trust_role_keys_by_material').on(t.material),
    index('trust_role_keys_by_alias').using('gin', t.aliases),
    check('trust_role_keys_key_id_hex', isSha256Hex(t.keyId)),
    check('trust_role_keys_material_hex', isSha256Hex(t.material)),
  ],
);

/** Keys that were taken back, by material: in one repository, or (repository null) everywhere. They never return. */
export const trustRevokedKeys = pgTable(
  'trust_revoked_keys',
  {
    id: text('id').notNull(),
    material: text('material').notNull(),
    repository: text('repository'),
    reason: text('reason').notNull(),
    compromisedSince: instant('compromised_since'),
    revokedAt: instant('revoked_at').notNull(),
    actor: text('actor').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_revoked_keys_pk', columns: [t.id] }),
    unique('trust_revoked_keys_once').on(t.material, t.repository).nullsNotDistinct(),
    check('trust_revoked_keys_material_hex', isSha256Hex(t.material)),
  ],
);

/** Work over many repositories: survives a killed process, and is gone on with by whoever is there. */
export const trustJobs = pgTable(
  'trust_jobs',
  {
    id: text('id').notNull(),
    kind: text('kind').notNull(),
    state: text('state').notNull(),
    /** What is to be done, as validated. */
    request: jsonb('request').notNull(),
    actor: text('actor').notNull(),
    requestId: text('request_id').notNull(),
    createdAt: instant('created_at').notNull(),
    finishedAt: instant('finished_at'),
    /** A worker that has not said so for a while has died: the next one takes over. */
    heartbeatAt: instant('heartbeat_at'),
  },
  (t) => [
    primaryKey({ name: 'trust_jobs_pk', columns: [t.id] }),
    index('trust_jobs_running').on(t.createdAt).where(sql`${t.state} = 'running'`),
    check('trust_jobs_state_known', sql`${t.state} in ('running', 'finished')`),
  ],
);

/** One repository of a job; its outcome is written in the transaction that does the work. */
export const trustJobItems = pgTable(
  'trust_job_items',
  {
    job: text('job').notNull(),
    repository: text('repository').notNull(),
    /** Null until it is done. */
    outcome: jsonb('outcome'),
  },
  (t) => [
    primaryKey({ name: 'trust_job_items_pk', columns: [t.job, t.repository] }),
    foreignKey({
      name: 'trust_job_items_job_fk',
      columns: [t.job],
      foreignColumns: [trustJobs.id],
    }),
    index('trust_job_items_waiting').on(t.job).where(sql`${t.outcome} is null`),
  ],
);

/** The audit: one hash chain per incarnation, and one (repository null) for the service itself. Append-only. */
export const trustEvents = pgTable(
  'trust_events',
  {
    id: text('id').notNull(),
    repository: text('repository'),
    incarnation: integer('incarnation'),
    seq: safeInteger('seq').notNull(),
    at: instant('at').notNull(),
    action: text('action').notNull(),
    actor: text('actor').notNull(),
    requestId: text('request_id'),
    change: text('change'),
    versions: jsonb('versions'),
    before: jsonb('before'),
    after: jsonb('after'),
    result: text('result').notNull(),
    prevHash: text('prev_hash').notNull(),
    hash: text('hash').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_events_pk', columns: [t.id] }),
    unique('trust_events_chain').on(t.repository, t.incarnation, t.seq).nullsNotDistinct(),
    foreignKey({
      name: 'trust_events_repository_fk',
      columns: [t.repository, t.incarnation],
      foreignColumns: [trustRepositories.repository, trustRepositories.incarnation],
    }),
    index('trust_events_by_time').on(t.at, t.id),
    check('trust_events_scope', sql`(${t.repository} is null) = (${t.incarnation} is null)`),
    check('trust_events_seq_safe', isSafeInteger(t.seq, 1)),
    check('trust_events_result_known', sql`${t.result} in ('done', 'refused')`),
    check('trust_events_prev_hash_hex', isSha256Hex(t.prevHash)),
    check('trust_events_hash_hex', isSha256Hex(t.hash)),
  ],
);

/** Which events of a repository speak of a tag: the index behind a tag's history. Append-only. */
export const trustEventTags = pgTable(
  'trust_event_tags',
  {
    repository: text('repository').notNull(),
    tag: text('tag').notNull(),
    incarnation: integer('incarnation').notNull(),
    seq: safeInteger('seq').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_event_tags_pk', columns: [t.repository, t.tag, t.incarnation, t.seq] }),
    foreignKey({
      name: 'trust_event_tags_event_fk',
      columns: [t.repository, t.incarnation, t.seq],
      foreignColumns: [trustEvents.repository, trustEvents.incarnation, trustEvents.seq],
    }),
  ],
);

/**
 * Which events are about which role's keys, threshold or paths: a tag's history has those of the roles that vouched
 * for it, without a row for each tag of the role.
 */
export const trustEventRoles = pgTable(
  'trust_event_roles',
  {
    repository: text('repository').notNull(),
    role: text('role').notNull(),
    incarnation: integer('incarnation').notNull(),
    seq: safeInteger('seq').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_event_roles_pk', columns: [t.repository, t.role, t.incarnation, t.seq] }),
    foreignKey({
      name: 'trust_event_roles_event_fk',
      columns: [t.repository, t.incarnation, t.seq],
      foreignColumns: [trustEvents.repository, trustEvents.incarnation, trustEvents.seq],
    }),
    check('trust_event_roles_role_length', isShortText(t.role, maxRoleBytes)),
  ],
);

/** Answers kept for repeated requests; a row without status is still being worked on. */
export const trustIdempotency = pgTable(
  'trust_idempotency',
  {
    caller: text('caller').notNull(),
    method: text('method').notNull(),
    path: text('path').notNull(),
    key: text('key').notNull(),
    bodyHash: text('body_hash').notNull(),
    status: integer('status'),
    body: bytea('body'),
    headers: jsonb('headers'),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_idempotency_pk', columns: [t.caller, t.method, t.path, t.key] }),
    index('trust_idempotency_due').on(t.expiresAt),
    check('trust_idempotency_body_hash_hex', isSha256Hex(t.bodyHash)),
    check('trust_idempotency_status_http', sql`${t.status} between 100 and 599`),
  ],
);

/**
 * The change feed of the Notary wire: a line for each timestamp published there, and for each end of a repository.
 * Ids have no gap and rise in the order of the commits, so that who has read up to one has missed nothing.
 * Append-only.
 */
export const trustChangefeed = pgTable(
  'trust_changefeed',
  {
    id: safeInteger('id').notNull(),
    createdAt: instant('created_at').notNull(),
    repository: text('repository').notNull(),
    /** Of the timestamp; 0 for a deletion. */
    version: safeInteger('version').notNull(),
    /** Of the timestamp, hex; empty for a deletion. */
    sha256: text('sha256').notNull(),
    category: text('category').notNull(),
  },
  (t) => [
    primaryKey({ name: 'trust_changefeed_pk', columns: [t.id] }),
    index('trust_changefeed_by_repository').on(t.repository, t.id),
    check('trust_changefeed_id_safe', isSafeInteger(t.id, 1)),
    check('trust_changefeed_name_length', isShortText(t.repository, maxRepositoryBytes)),
    check('trust_changefeed_version_safe', isSafeInteger(t.version, 0)),
    check('trust_changefeed_category_known', sql`${t.category} in ('update', 'deletion')`),
    check(
      'trust_changefeed_sha256_of_update',
      sql`case ${t.category} when 'update' then ${isSha256Hex(t.sha256)} else ${t.sha256} = '' end`,
    ),
  ],
);
