CREATE TABLE "trust_change_approvals" (
	"change" text NOT NULL,
	"actor" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "trust_change_approvals_pk" PRIMARY KEY("change","actor")
);
--> statement-breakpoint
CREATE TABLE "trust_job_items" (
	"job" text NOT NULL,
	"repository" text NOT NULL,
	"outcome" jsonb,
	CONSTRAINT "trust_job_items_pk" PRIMARY KEY("job","repository")
);
--> statement-breakpoint
CREATE TABLE "trust_jobs" (
	"id" text NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"request" jsonb NOT NULL,
	"actor" text NOT NULL,
	"request_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"heartbeat_at" timestamp (3) with time zone,
	CONSTRAINT "trust_jobs_pk" PRIMARY KEY("id"),
	CONSTRAINT "trust_jobs_state_known" CHECK ("trust_jobs"."state" in ('running', 'finished'))
);
--> statement-breakpoint
CREATE TABLE "trust_revoked_keys" (
	"id" text NOT NULL,
	"material" text NOT NULL,
	"repository" text,
	"reason" text NOT NULL,
	"compromised_since" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone NOT NULL,
	"actor" text NOT NULL,
	CONSTRAINT "trust_revoked_keys_pk" PRIMARY KEY("id"),
	CONSTRAINT "trust_revoked_keys_once" UNIQUE NULLS NOT DISTINCT("material","repository"),
	CONSTRAINT "trust_revoked_keys_material_hex" CHECK ("trust_revoked_keys"."material" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "trust_role_keys" (
	"repository" text NOT NULL,
	"incarnation" integer NOT NULL,
	"dialect" text NOT NULL,
	"role" text NOT NULL,
	"key_id" text NOT NULL,
	"material" text NOT NULL,
	"aliases" text[] DEFAULT '{}' NOT NULL,
	"scheme" text NOT NULL,
	"signer" text,
	"since_version" bigint NOT NULL,
	"since" timestamp (3) with time zone NOT NULL,
	"until" timestamp (3) with time zone,
	CONSTRAINT "trust_role_keys_pk" PRIMARY KEY("repository","incarnation","dialect","role","key_id","since_version"),
	CONSTRAINT "trust_role_keys_key_id_hex" CHECK ("trust_role_keys"."key_id" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "trust_role_keys_material_hex" CHECK ("trust_role_keys"."material" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
ALTER TABLE "key_keys" DROP CONSTRAINT "key_keys_wrapped_until_retired";--> statement-breakpoint
ALTER TABLE "access_tokens" ADD COLUMN "created_by" text;--> statement-breakpoint
ALTER TABLE "access_tokens" ADD COLUMN "last_used_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "key_keys" ADD COLUMN "home" text DEFAULT 'wrapped' NOT NULL;--> statement-breakpoint
ALTER TABLE "key_masters" ADD COLUMN "previous" text;--> statement-breakpoint
ALTER TABLE "trust_changes" ADD COLUMN "plan" jsonb;--> statement-breakpoint
ALTER TABLE "trust_changes" ADD COLUMN "approvals" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "trust_change_approvals" ADD CONSTRAINT "trust_change_approvals_change_fk" FOREIGN KEY ("change") REFERENCES "public"."trust_changes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_job_items" ADD CONSTRAINT "trust_job_items_job_fk" FOREIGN KEY ("job") REFERENCES "public"."trust_jobs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trust_role_keys" ADD CONSTRAINT "trust_role_keys_repository_fk" FOREIGN KEY ("repository","incarnation") REFERENCES "public"."trust_repositories"("repository","incarnation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "trust_job_items_waiting" ON "trust_job_items" USING btree ("job") WHERE "trust_job_items"."outcome" is null;--> statement-breakpoint
CREATE INDEX "trust_jobs_running" ON "trust_jobs" USING btree ("created_at") WHERE "trust_jobs"."state" = 'running';--> statement-breakpoint
CREATE UNIQUE INDEX "trust_role_keys_listed" ON "trust_role_keys" USING btree ("repository","incarnation","dialect","role","key_id") WHERE "trust_role_keys"."until" is null;--> statement-breakpoint
CREATE INDEX "trust_role_keys_by_key" ON "trust_role_keys" USING btree ("key_id");--> statement-breakpoint
CREATE INDEX "trust_role_keys_by_material" ON "trust_role_keys" USING btree ("material");--> statement-breakpoint
CREATE INDEX "trust_role_keys_by_alias" ON "trust_role_keys" USING gin ("aliases");--> statement-breakpoint
ALTER TABLE "key_keys" ADD CONSTRAINT "key_keys_home_known" CHECK ("key_keys"."home" in ('wrapped', 'remote'));--> statement-breakpoint
ALTER TABLE "key_keys" ADD CONSTRAINT "key_keys_remote_not_here" CHECK ("key_keys"."home" <> 'remote' or "key_keys"."wrapped" is null);--> statement-breakpoint
ALTER TABLE "key_keys" ADD CONSTRAINT "key_keys_wrapped_until_retired" CHECK ("key_keys"."wrapped" is not null or "key_keys"."retired_at" is not null or "key_keys"."home" = 'remote');--> statement-breakpoint
ALTER TABLE trust_role_keys ALTER COLUMN repository TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE trust_job_items ALTER COLUMN repository TYPE text COLLATE "C";
