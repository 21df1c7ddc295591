SELECT next_offset FROM log_partitions WHERE topic = %(topic)s ORDER BY partition
