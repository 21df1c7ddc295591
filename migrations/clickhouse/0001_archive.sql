-- migrate:up

-- What every table here has in common:
--   * the tenant comes first in the order, so one tenant's question never reads another's rows;
--   * rows are inserted at least once: ReplacingMergeTree keeps one row for each order key, merges do so in their own
--     time, and reads that must be exact say FINAL or name the row that wins;
--   * partitions are months (of arrival where there is one, so that a redelivered row lands beside its double). To keep
--     less, drop months, or: `ALTER TABLE raw_events MODIFY TTL toDateTime(received_at) + INTERVAL 90 DAY`;
--   * an acknowledged insert is on disk, not just in the page cache.

CREATE TABLE IF NOT EXISTS raw_events
(
    tenant_id   LowCardinality(String),
    project_id  Int64,
    event_id    String,
    fingerprint String,
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    level       LowCardinality(String),
    platform    LowCardinality(String),
    release     LowCardinality(String),
    environment LowCardinality(String),
    user_hash   String,
    title       String CODEC(ZSTD(1)),
    -- Pairs in the event's own order, which a Map would promise too, but with names that may repeat.
    tag_names   Array(LowCardinality(String)),
    tag_values  Array(String) CODEC(ZSTD(1)),
    payload     String CODEC(ZSTD(3)),
    -- Of several rows with one key the highest version stays: the one that arrived first.
    version     UInt64 MATERIALIZED toUInt64(9223372036854775807 - toUnixTimestamp64Milli(received_at)),
    INDEX by_event_id event_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant_id, project_id, fingerprint, occurred_at, event_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS logs
(
    tenant_id   LowCardinality(String),
    project_id  Int64,
    log_id      String,
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    level       LowCardinality(String),
    body        String CODEC(ZSTD(3)),
    trace_id    String,
    attributes  String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant_id, project_id, occurred_at, log_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS sessions
(
    tenant_id   LowCardinality(String),
    project_id  Int64,
    row_id      String,
    started_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    release     LowCardinality(String),
    environment LowCardinality(String),
    exited      UInt64,
    errored     UInt64,
    crashed     UInt64,
    abnormal    UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (tenant_id, project_id, environment, release, started_at, row_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS deploys
(
    tenant_id   LowCardinality(String),
    project_id  Int64,
    deploy_id   String,
    deployed_at DateTime64(3, 'UTC'),
    release     LowCardinality(String),
    environment LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, project_id, deployed_at, deploy_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- migrate:down
-- Forward only: write a new migration.
