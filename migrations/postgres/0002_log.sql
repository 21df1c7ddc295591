-- migrate:up
-- The event log. A partition's next offset is handed out under its row's lock, held to commit: offsets have no gaps and
-- become visible in their order, which a sequence would not give.
CREATE TABLE log_partitions (
  topic text NOT NULL,
  partition integer NOT NULL,
  next_offset bigint NOT NULL DEFAULT 0,
  low_watermark bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

CREATE FUNCTION log_now() RETURNS bigint LANGUAGE sql VOLATILE
  AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

CREATE TABLE log_events (
  partition integer NOT NULL,
  "offset" bigint NOT NULL,
  key text NOT NULL,
  value bytea NOT NULL,
  recorded_at bigint NOT NULL DEFAULT log_now(),
  PRIMARY KEY (partition, "offset")
);
CREATE TABLE log_timeline (LIKE log_events INCLUDING ALL);
CREATE TABLE log_dead_letters (LIKE log_events INCLUDING ALL);

-- Scrubbed bodies: evidence with a retention, dropped by whole days. They come compressed.
CREATE TABLE log_payloads (
  partition integer NOT NULL,
  "offset" bigint NOT NULL,
  key text NOT NULL,
  value bytea STORAGE EXTERNAL NOT NULL,
  recorded_at bigint NOT NULL DEFAULT log_now(),
  day date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
  PRIMARY KEY (partition, "offset", day)
) PARTITION BY RANGE (day);

CREATE FUNCTION log_ensure_day(wanted date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS log_payloads_%s PARTITION OF log_payloads FOR VALUES FROM (%L) TO (%L)',
    to_char(wanted, 'YYYYMMDD'), wanted, wanted + 1
  );
EXCEPTION WHEN duplicate_table THEN NULL;
END $$;
SELECT log_ensure_day(((now() AT TIME ZONE 'UTC')::date + n)) FROM generate_series(0, 1) AS n;

-- Where each dataflow stands in each partition, and the state it had there.
CREATE TABLE checkpoints (
  flow text NOT NULL,
  partition integer NOT NULL,
  next_offset bigint NOT NULL,
  PRIMARY KEY (flow, partition)
) WITH (fillfactor = 50);

CREATE TABLE checkpoint_state (
  flow text NOT NULL,
  partition integer NOT NULL,
  name text NOT NULL,
  value bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY (flow, partition, name)
);

-- migrate:down
-- Forward only: restore a backup instead.
