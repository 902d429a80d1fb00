-- Signed metadata and events are append-only, whatever statement a fault or a thief of the database role runs.
CREATE FUNCTION trust_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
--> statement-breakpoint
CREATE TRIGGER trust_metadata_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trust_metadata
  FOR EACH STATEMENT EXECUTE FUNCTION trust_refuse_change();
--> statement-breakpoint
CREATE TRIGGER trust_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trust_events
  FOR EACH STATEMENT EXECUTE FUNCTION trust_refuse_change();
--> statement-breakpoint
-- Versions only grow, and root, which clients walk one by one, never skips one (TUF 5.3.4, 5.3.5).
-- The program allows other jumps only on a restore and on a first upload.
CREATE FUNCTION trust_refuse_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  newest bigint;
BEGIN
  SELECT max(version) INTO newest FROM trust_metadata
    WHERE repository = NEW.repository AND incarnation = NEW.incarnation
      AND dialect = NEW.dialect AND role = NEW.role;
  -- An equal version is left to the primary key, so that a lost race has one name.
  IF newest IS NULL OR NEW.version IN (newest, newest + 1) OR (NEW.version > newest AND NEW.role <> 'root') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'version % of % cannot follow %', NEW.version, NEW.role, newest
    USING ERRCODE = 'check_violation', CONSTRAINT = 'trust_metadata_version_order';
END $$;
--> statement-breakpoint
CREATE TRIGGER trust_metadata_version_order BEFORE INSERT ON trust_metadata
  FOR EACH ROW EXECUTE FUNCTION trust_refuse_version();
--> statement-breakpoint
-- An event chain has no gap: an event that was taken out before it was stored would show.
CREATE FUNCTION trust_refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  newest bigint;
  head text;
BEGIN
  SELECT seq, hash INTO newest, head FROM trust_events
    WHERE repository IS NOT DISTINCT FROM NEW.repository AND incarnation IS NOT DISTINCT FROM NEW.incarnation
    ORDER BY seq DESC LIMIT 1;
  -- An equal number is left to the unique constraint, so that a lost race has one name.
  IF NEW.seq = newest THEN
    RETURN NEW;
  END IF;
  IF NEW.seq <> coalesce(newest, 0) + 1 OR NEW.prev_hash <> coalesce(head, NEW.prev_hash) THEN
    RAISE EXCEPTION 'event % does not continue its chain', NEW.seq
      USING ERRCODE = 'check_violation', CONSTRAINT = 'trust_events_chain_order';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER trust_events_chain_order BEFORE INSERT ON trust_events
  FOR EACH ROW EXECUTE FUNCTION trust_refuse_event();
--> statement-breakpoint
-- Names sort by their bytes in every database, whatever its locale: pages and prefix searches are alike.
ALTER TABLE trust_repositories ALTER COLUMN repository TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE trust_metadata ALTER COLUMN repository TYPE text COLLATE "C", ALTER COLUMN role TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE trust_heads ALTER COLUMN repository TYPE text COLLATE "C", ALTER COLUMN role TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE trust_tags ALTER COLUMN repository TYPE text COLLATE "C", ALTER COLUMN role TYPE text COLLATE "C",
  ALTER COLUMN tag TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE trust_changes ALTER COLUMN id TYPE text COLLATE "C", ALTER COLUMN repository TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE trust_events ALTER COLUMN id TYPE text COLLATE "C", ALTER COLUMN repository TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE access_tokens ALTER COLUMN id TYPE text COLLATE "C";
--> statement-breakpoint
CREATE TRIGGER trust_event_tags_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trust_event_tags
  FOR EACH STATEMENT EXECUTE FUNCTION trust_refuse_change();
--> statement-breakpoint
ALTER TABLE trust_event_tags ALTER COLUMN repository TYPE text COLLATE "C", ALTER COLUMN tag TYPE text COLLATE "C";
