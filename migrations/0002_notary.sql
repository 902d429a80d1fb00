CREATE TABLE "trust_changefeed" (
	"id" bigint NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"repository" text NOT NULL,
	"version" bigint NOT NULL,
	"sha256" text NOT NULL,
	"category" text NOT NULL,
	CONSTRAINT "trust_changefeed_pk" PRIMARY KEY("id"),
	CONSTRAINT "trust_changefeed_id_safe" CHECK ("trust_changefeed"."id" between 1 and 9007199254740991),
	CONSTRAINT "trust_changefeed_name_length" CHECK (octet_length("trust_changefeed"."repository") between 1 and 255),
	CONSTRAINT "trust_changefeed_version_safe" CHECK ("trust_changefeed"."version" between 0 and 9007199254740991),
	CONSTRAINT "trust_changefeed_category_known" CHECK ("trust_changefeed"."category" in ('update', 'deletion')),
	CONSTRAINT "trust_changefeed_sha256_of_update" CHECK (case "trust_changefeed"."category" when 'update' then "trust_changefeed"."sha256" ~ '^[0-9a-f]{64}$' else "trust_changefeed"."sha256" = '' end)
);
--> statement-breakpoint
ALTER TABLE "key_keys" ADD COLUMN "pending" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "trust_tags" ADD COLUMN "listed_by" text;--> statement-breakpoint
CREATE INDEX "trust_changefeed_by_repository" ON "trust_changefeed" USING btree ("repository","id");--> statement-breakpoint
CREATE UNIQUE INDEX "key_keys_one_pending" ON "key_keys" USING btree ("repository","incarnation","role","dialect") WHERE "key_keys"."pending" and "key_keys"."retired_at" is null;
--> statement-breakpoint
-- What consumers of the feed have read must stay true.
CREATE TRIGGER trust_changefeed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trust_changefeed
  FOR EACH STATEMENT EXECUTE FUNCTION trust_refuse_change();
--> statement-breakpoint
ALTER TABLE trust_changefeed ALTER COLUMN repository TYPE text COLLATE "C";
--> statement-breakpoint
-- The next id of the feed. Whoever has drawn one commits before the next is drawn, so it is taken last of all.
-- Each statement in here sees what was committed while it waited.
CREATE FUNCTION trust_next_change() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('trust_changefeed', 0));
  RETURN (SELECT coalesce(max(id), 0) + 1 FROM trust_changefeed);
END $$;
