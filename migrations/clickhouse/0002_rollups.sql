-- migrate:up

-- Three rollups of raw_events. A materialized view sees every inserted block, also one whose rows were there before, so
-- nothing here adds up: counts are sets of event ids (uniqExact: 16 bytes an event), times are minima and maxima, users
-- are a sketch. A set, a maximum and a sketch do not change when a row comes again, in whatever block it comes.
--
-- Buckets are the start of the minute or hour in milliseconds since 1970, rounded down by arithmetic, so that times
-- before 1970 or after 2299 are neither clamped nor wrapped. No partitions: their key would be the time of the event,
-- which whoever knows a public DSN may choose. To keep less:
-- `ALTER TABLE events_by_minute MODIFY TTL toDateTime(intDiv(minute, 1000)) + INTERVAL 400 DAY`.

CREATE TABLE IF NOT EXISTS events_by_minute
(
    tenant_id   LowCardinality(String),
    project_id  Int64,
    fingerprint String,
    minute      Int64 CODEC(Delta, ZSTD(1)),
    event_ids   AggregateFunction(uniqExact, String) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant_id, project_id, fingerprint, minute)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_by_minute_view TO events_by_minute AS
SELECT
    tenant_id,
    project_id,
    fingerprint,
    toUnixTimestamp64Milli(occurred_at) - positiveModulo(toUnixTimestamp64Milli(occurred_at), 60000) AS minute,
    uniqExactState(event_id) AS event_ids
FROM raw_events
GROUP BY tenant_id, project_id, fingerprint, minute;

CREATE TABLE IF NOT EXISTS events_by_release
(
    tenant_id   LowCardinality(String),
    project_id  Int64,
    environment LowCardinality(String),
    release     LowCardinality(String),
    hour        Int64 CODEC(Delta, ZSTD(1)),
    event_ids   AggregateFunction(uniqExact, String) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant_id, project_id, environment, release, hour)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_by_release_view TO events_by_release AS
SELECT
    tenant_id,
    project_id,
    environment,
    release,
    toUnixTimestamp64Milli(occurred_at) - positiveModulo(toUnixTimestamp64Milli(occurred_at), 3600000) AS hour,
    uniqExactState(event_id) AS event_ids
FROM raw_events
GROUP BY tenant_id, project_id, environment, release, hour;

CREATE TABLE IF NOT EXISTS sightings
(
    tenant_id   LowCardinality(String),
    project_id  Int64,
    fingerprint String,
    first_seen  SimpleAggregateFunction(min, Int64),
    last_seen   SimpleAggregateFunction(max, Int64),
    users       AggregateFunction(uniqCombined64(13), String)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant_id, project_id, fingerprint)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS sightings_view TO sightings AS
SELECT
    tenant_id,
    project_id,
    fingerprint,
    min(toUnixTimestamp64Milli(occurred_at)) AS first_seen,
    max(toUnixTimestamp64Milli(occurred_at)) AS last_seen,
    uniqCombined64StateIf(13)(user_hash, user_hash != '') AS users
FROM raw_events
GROUP BY tenant_id, project_id, fingerprint;

-- migrate:down
-- Forward only: write a new migration.
