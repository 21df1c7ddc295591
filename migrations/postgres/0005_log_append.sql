-- migrate:up
-- One call appends a whole batch, so that it costs one round trip: offsets are handed out and rows written by the server.
--
-- The batch touches the places (topics[g], partitions[g]), g = 1.., in the order of their names, with counts[g] records.
-- Record i belongs to place groups[i], is the ranks[i]-th (from 0) of it, has the i-th line of `keys`, and is the
-- lengths[i] bytes of `content` from starts[i] (from 1) on. Returns the first offset handed out at each place.
CREATE FUNCTION log_append(
  topics text[], partitions integer[], counts integer[],
  groups integer[], ranks integer[], starts integer[], lengths integer[], keys text, content bytea
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  firsts bigint[];
  names text[] := string_to_array(keys, E'\n'); -- no element at all for one empty key
BEGIN
  -- The row of a partition stays locked to the commit. All writers lock in one order, so none waits for another in a ring.
  WITH wanted AS (
    SELECT * FROM unnest(topics, partitions, counts) WITH ORDINALITY AS w (topic, partition, records, place)
  ), locked AS MATERIALIZED (
    SELECT p.topic, p.partition, p.next_offset, w.records, w.place
    FROM log_partitions p JOIN wanted w USING (topic, partition)
    ORDER BY p.topic, p.partition
    FOR UPDATE OF p
  ), moved AS (
    UPDATE log_partitions p SET next_offset = l.next_offset + l.records
    FROM locked l
    WHERE p.topic = l.topic AND p.partition = l.partition
    RETURNING l.place, l.next_offset AS first
  )
  SELECT array_agg(first ORDER BY place) INTO firsts FROM moved;
  -- One statement a table, written out: a dynamic one would be planned anew at each call.
  IF 'sentry.events' = ANY (topics) THEN
    INSERT INTO log_events (partition, "offset", key, value)
    SELECT partitions[g], firsts[g] + r, coalesce(k, ''), substring(content FROM s FOR n)
    FROM unnest(groups, ranks, starts, lengths, names) AS w (g, r, s, n, k)
    WHERE topics[g] = 'sentry.events';
  END IF;
  IF 'sentry.payloads' = ANY (topics) THEN
    INSERT INTO log_payloads (partition, "offset", key, value)
    SELECT partitions[g], firsts[g] + r, coalesce(k, ''), substring(content FROM s FOR n)
    FROM unnest(groups, ranks, starts, lengths, names) AS w (g, r, s, n, k)
    WHERE topics[g] = 'sentry.payloads';
  END IF;
  IF 'debugging.timeline' = ANY (topics) THEN
    INSERT INTO log_timeline (partition, "offset", key, value)
    SELECT partitions[g], firsts[g] + r, coalesce(k, ''), substring(content FROM s FOR n)
    FROM unnest(groups, ranks, starts, lengths, names) AS w (g, r, s, n, k)
    WHERE topics[g] = 'debugging.timeline';
  END IF;
  IF 'dead-letters' = ANY (topics) THEN
    INSERT INTO log_dead_letters (partition, "offset", key, value)
    SELECT partitions[g], firsts[g] + r, coalesce(k, ''), substring(content FROM s FOR n)
    FROM unnest(groups, ranks, starts, lengths, names) AS w (g, r, s, n, k)
    WHERE topics[g] = 'dead-letters';
  END IF;
  RETURN firsts;
END $$;

-- migrate:down
-- Forward only: restore a backup instead.
