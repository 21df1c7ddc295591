UPDATE log_partitions p
SET low_watermark = coalesce(
  (SELECT min(r."offset") FROM log_payloads r WHERE r.partition = p.partition), p.next_offset
)
WHERE p.topic = 'sentry.payloads'
