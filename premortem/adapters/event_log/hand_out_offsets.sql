WITH wanted AS (
  SELECT * FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(counts)s::int[]) AS w (topic, partition, records)
), locked AS MATERIALIZED (
  SELECT p.topic, p.partition, p.next_offset, w.records
  FROM log_partitions p JOIN wanted w USING (topic, partition)
  ORDER BY p.topic, p.partition
  FOR UPDATE OF p
)
UPDATE log_partitions p SET next_offset = l.next_offset + l.records
FROM locked l
WHERE p.topic = l.topic AND p.partition = l.partition
RETURNING p.topic, p.partition, l.next_offset
