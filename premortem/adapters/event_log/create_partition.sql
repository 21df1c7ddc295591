INSERT INTO log_partitions (topic, partition) VALUES (%s, %s) ON CONFLICT DO NOTHING
