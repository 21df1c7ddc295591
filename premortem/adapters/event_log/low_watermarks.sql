SELECT low_watermark FROM log_partitions WHERE topic = %(topic)s ORDER BY partition
