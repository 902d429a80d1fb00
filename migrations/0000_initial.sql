CREATE TABLE "access_tokens" (
	"id" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"role" text NOT NULL,
	"repositories" text[] NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"bootstrap" boolean NOT NULL,
	CONSTRAINT "access_tokens_pk" PRIMARY KEY("id"),
	CONSTRAINT "access_tokens_hash" UNIQUE("hash"),
	CONSTRAINT "access_tokens_name_length" CHECK (octet_length("access_tokens"."name") between 1 and 255),
	CONSTRAINT "access_tokens_hash_hex" CHECK ("access_tokens"."hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "access_tokens_bootstrap_expires" CHECK (not "access_tokens"."bootstrap" or "access_tokens"."expires_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "key_keys" (
	"key_id" text NOT NULL,
	"repository" text NOT NULL,
	"incarnation" integer NOT NULL,
	"role" text NOT NULL,
	"dialect" text NOT NULL,
	"algorithm" text NOT NULL,
	"public_hex" text NOT NULL,
	"wrapped" "bytea",
	"master_fingerprint" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"retired_at" timestamp (3) with time zone,
	CONSTRAINT "key_keys_pk" PRIMARY KEY("key_id","repository","role","dialect"),
	CONSTRAINT "key_keys_key_id_hex" CHECK ("key_keys"."key_id" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "key_keys_public_hex" CHECK ("key_keys"."public_hex" ~ '^([0-9a-f]{2})+$'),
	CONSTRAINT "key_keys_repository_length" CHECK (octet_length("key_keys"."repository") between 1 and 255),
	CONSTRAINT "key_keys_incarnation_positive" CHECK ("key_keys"."incarnation" >= 1),
	CONSTRAINT "key_keys_wrapped_until_retired" CHECK ("key_keys"."wrapped" is not null or "key_keys"."retired_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "key_masters" (
	"purpose" text NOT NULL,
	"fingerprint" text NOT NULL,
	CONSTRAINT "key_masters_pk" PRIMARY KEY("purpose"),
	CONSTRAINT "key_masters_purpose_known" CHECK ("key_masters"."purpose" in ('service', 'root'))
);
--> statement-breakpoint
CREATE TABLE "trust_change_signatures" (
	"change" text NOT NULL,
	"dialect" text NOT NULL,
	"role" text NOT NULL,
	"key_id" text NOT NULL,
	"signature" "bytea" NOT NULL,
	"signed_by" text NOT NULL,
	"signed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "trust_change_signatures_pk" PRIMARY KEY("change","dialect","role","key_id")
);
--> statement-breakpoint
CREATE TABLE "trust_changes" (
	"id" text NOT NULL,
	"repository" text NOT NULL,
	"incarnation" integer NOT NULL,
	"state" text NOT NULL,
	"kind" text NOT NULL,
	"roles" text[] NOT NULL,
	"edit" jsonb NOT NULL,
	"times" jsonb NOT NULL,
	"documents" jsonb NOT NULL,
	"summary" text NOT NULL,
	"diff" jsonb NOT NULL,
	"base" jsonb NOT NULL,
	"instead_of" text[] NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"published" jsonb,
	CONSTRAINT "trust_changes_pk" PRIMARY KEY("id"),
	CONSTRAINT "trust_changes_state_known" CHECK ("trust_changes"."state" in ('open', 'published', 'rejected', 'expired', 'stale')),
	CONSTRAINT "trust_changes_published_with_versions" CHECK (("trust_changes"."state" = 'published') = ("trust_changes"."published" is not null)),
	CONSTRAINT "trust_changes_has_role" CHECK (cardinality("trust_changes"."roles") >= 1)
);
--> statement-breakpoint
CREATE TABLE "trust_event_tags" (
	"repository" text NOT NULL,
	"tag" text NOT NULL,
	"incarnation" integer NOT NULL,
	"seq" bigint NOT NULL,
	CONSTRAINT "trust_event_tags_pk" PRIMARY KEY("repository","tag","incarnation","seq")
);
--> statement-breakpoint
CREATE TABLE "trust_events" (
	"id" text NOT NULL,
	"repository" text,
	"incarnation" integer,
	"seq" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"action" text NOT NULL,
	"actor" text NOT NULL,
	"request_id" text,
	"change" text,
	"versions" jsonb,
	"before" jsonb,
	"after" jsonb,
	"result" text NOT NULL,
	"prev_hash" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "trust_events_pk" PRIMARY KEY("id"),
	CONSTRAINT "trust_events_chain" UNIQUE NULLS NOT DISTINCT("repository","incarnation","seq"),
	CONSTRAINT "trust_events_scope" CHECK (("trust_events"."repository" is null) = ("trust_events"."incarnation" is null)),
	CONSTRAINT "trust_events_seq_safe" CHECK ("trust_events"."seq" between 1 and 9007199254740991),
	CONSTRAINT "trust_events_result_known" CHECK ("trust_events"."result" in ('done', 'refused')),
	CONSTRAINT "trust_events_prev_hash_hex" CHECK ("trust_events"."prev_hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "trust_events_hash_hex" CHECK ("trust_events"."hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "trust_heads" (
	"repository" text NOT NULL,
	"incarnation" integer NOT NULL,
	"dialect" text NOT NULL,
	"role" text NOT NULL,
	"version" bigint NOT NULL,
	"sha256" text NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"resign_after" timestamp (3) with time zone,
	CONSTRAINT "trust_heads_pk" PRIMARY KEY("repository","incarnation","dialect","role"),
	CONSTRAINT "trust_heads_sha256_hex" CHECK ("trust_heads"."sha256" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "trust_idempotency" (
	"caller" text NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"key" text NOT NULL,
	"body_hash" text NOT NULL,
	"status" integer,
	"body" "bytea",
	"headers" jsonb,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "trust_idempotency_pk" PRIMARY KEY("caller","method","path","key"),
	CONSTRAINT "trust_idempotency_body_hash_hex" CHECK ("trust_idempotency"."body_hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "trust_idempotency_status_http" CHECK ("trust_idempotency"."status" between 100 and 599)
);
--> statement-breakpoint
CREATE TABLE "trust_metadata" (
	"repository" text NOT NULL,
	"incarnation" integer NOT NULL,
	"dialect" text NOT NULL,
	"role" text NOT NULL,
	"version" bigint NOT NULL,
	"bytes" "bytea" NOT NULL,
	"sha256" text NOT NULL,
	"issued_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "trust_metadata_pk" PRIMARY KEY("repository","incarnation","dialect","role","version"),
	CONSTRAINT "trust_metadata_role_length" CHECK (octet_length("trust_metadata"."role") between 1 and 255),
	CONSTRAINT "trust_metadata_version_safe" CHECK ("trust_metadata"."version" between 1 and 9007199254740991),
	CONSTRAINT "trust_metadata_sha256_hex" CHECK ("trust_metadata"."sha256" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "trust_repositories" (
	"repository" text NOT NULL,
	"incarnation" integer NOT NULL,
	"dialects" text[] NOT NULL,
	"settings" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"activated_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"tag_count" bigint DEFAULT 0 NOT NULL,
	"log_size" bigint NOT NULL,
	"log_hash" text NOT NULL,
	CONSTRAINT "trust_repositories_pk" PRIMARY KEY("repository","incarnation"),
	CONSTRAINT "trust_repositories_name_length" CHECK (octet_length("trust_repositories"."repository") between 1 and 255),
	CONSTRAINT "trust_repositories_incarnation_positive" CHECK ("trust_repositories"."incarnation" >= 1),
	CONSTRAINT "trust_repositories_has_dialect" CHECK (cardinality("trust_repositories"."dialects") >= 1),
	CONSTRAINT "trust_repositories_tag_count_safe" CHECK ("trust_repositories"."tag_count" between 0 and 9007199254740991),
	CONSTRAINT "trust_repositories_log_size_safe" CHECK ("trust_repositories"."log_size" between 0 and 9007199254740991),
	CONSTRAINT "trust_repositories_log_hash_hex" CHECK ("trust_repositories"."log_hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "trust_tags" (
	"repository" text NOT NULL,
	"incarnation" integer NOT NULL,
	"role" text NOT NULL,
	"tag" text NOT NULL,
	"digest" text NOT NULL,
	"size" bigint NOT NULL,
	"media_type" text,
	"platforms" jsonb,
	"custom" jsonb,
	"since" timestamp (3) with time zone NOT NULL,
	"since_version" bigint NOT NULL,
	"actor" text NOT NULL,
	"change" text,
	CONSTRAINT "trust_tags_pk" PRIMARY KEY("repository","incarnation","role","tag"),
	CONSTRAINT "trust_tags_role_length" CHECK (octet_length("trust_tags"."role") between 1 and 255),
	CONSTRAINT "trust_tags_tag_length" CHECK (octet_length("trust_tags"."tag") between 1 and 255),
	CONSTRAINT "trust_tags_digest_form" CHECK ("trust_tags"."digest" ~ '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$'),
	CONSTRAINT "trust_tags_size_safe" CHECK ("trust_tags"."size" between 0 and 9007199254740991),
	CONSTRAINT "trust_tags_since_version_safe" CHECK ("trust_tags"."since_version" between 1 and 9007199254740991)
);
--> statement-breakpoint
ALTER TABLE "trust_change_signatures" ADD CONSTRAINT "trust_change_signatures_change_fk" FOREIGN KEY ("change") REFERENCES "public"."trust_changes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_changes" ADD CONSTRAINT "trust_changes_repository_fk" FOREIGN KEY ("repository","incarnation") REFERENCES "public"."trust_repositories"("repository","incarnation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_event_tags" ADD CONSTRAINT "trust_event_tags_event_fk" FOREIGN KEY ("repository","incarnation","seq") REFERENCES "public"."trust_events"("repository","incarnation","seq") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_events" ADD CONSTRAINT "trust_events_repository_fk" FOREIGN KEY ("repository","incarnation") REFERENCES "public"."trust_repositories"("repository","incarnation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_heads" ADD CONSTRAINT "trust_heads_metadata_fk" FOREIGN KEY ("repository","incarnation","dialect","role","version") REFERENCES "public"."trust_metadata"("repository","incarnation","dialect","role","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_metadata" ADD CONSTRAINT "trust_metadata_repository_fk" FOREIGN KEY ("repository","incarnation") REFERENCES "public"."trust_repositories"("repository","incarnation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_tags" ADD CONSTRAINT "trust_tags_repository_fk" FOREIGN KEY ("repository","incarnation") REFERENCES "public"."trust_repositories"("repository","incarnation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "access_tokens_one_bootstrap" ON "access_tokens" USING btree ("bootstrap") WHERE "access_tokens"."bootstrap" and "access_tokens"."revoked_at" is null;--> statement-breakpoint
CREATE INDEX "key_keys_by_repository" ON "key_keys" USING btree ("repository","incarnation");--> statement-breakpoint
CREATE INDEX "trust_changes_by_repository" ON "trust_changes" USING btree ("repository","incarnation","state");--> statement-breakpoint
CREATE INDEX "trust_changes_due" ON "trust_changes" USING btree ("expires_at") WHERE "trust_changes"."state" = 'open';--> statement-breakpoint
CREATE INDEX "trust_events_by_time" ON "trust_events" USING btree ("at","id");--> statement-breakpoint
CREATE INDEX "trust_heads_due" ON "trust_heads" USING btree ("resign_after");--> statement-breakpoint
CREATE INDEX "trust_idempotency_due" ON "trust_idempotency" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "trust_metadata_tuf_url" ON "trust_metadata" USING btree ("repository","role","version") WHERE "trust_metadata"."dialect" = 'tuf';--> statement-breakpoint
CREATE INDEX "trust_metadata_by_sha256" ON "trust_metadata" USING btree ("repository","role","sha256");--> statement-breakpoint
CREATE UNIQUE INDEX "trust_repositories_live" ON "trust_repositories" USING btree ("repository") WHERE "trust_repositories"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "trust_tags_by_digest" ON "trust_tags" USING btree ("repository","incarnation","digest");