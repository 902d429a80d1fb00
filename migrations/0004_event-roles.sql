CREATE TABLE "trust_event_roles" (
	"repository" text NOT NULL,
	"role" text NOT NULL,
	"incarnation" integer NOT NULL,
	"seq" bigint NOT NULL,
	CONSTRAINT "trust_event_roles_pk" PRIMARY KEY("repository","role","incarnation","seq"),
	CONSTRAINT "trust_event_roles_role_length" CHECK (octet_length("trust_event_roles"."role") between 1 and 255)
);
--> statement-breakpoint
ALTER TABLE "trust_event_roles" ADD CONSTRAINT "trust_event_roles_event_fk" FOREIGN KEY ("repository","incarnation","seq") REFERENCES "public"."trust_events"("repository","incarnation","seq") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
-- What leads to events is kept as they are: a row taken away would hide its event from a history.
CREATE TRIGGER trust_event_roles_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trust_event_roles
  FOR EACH STATEMENT EXECUTE FUNCTION trust_refuse_change();
--> statement-breakpoint
ALTER TABLE trust_event_roles ALTER COLUMN repository TYPE text COLLATE "C", ALTER COLUMN role TYPE text COLLATE "C";
--> statement-breakpoint
-- As before, but found through the index of the chain: IS NOT DISTINCT FROM reads every event of the service.
CREATE OR REPLACE FUNCTION trust_refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  newest bigint;
  head text;
BEGIN
  IF NEW.repository IS NULL THEN
    SELECT seq, hash INTO newest, head FROM trust_events
      WHERE repository IS NULL AND incarnation IS NULL
      ORDER BY repository DESC, incarnation DESC, seq DESC LIMIT 1;
  ELSE
    SELECT seq, hash INTO newest, head FROM trust_events
      WHERE repository = NEW.repository AND incarnation = NEW.incarnation
      ORDER BY seq DESC LIMIT 1;
  END IF;
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
