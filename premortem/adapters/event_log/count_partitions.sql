SELECT topic, count(*)::int FROM log_partitions GROUP BY topic
