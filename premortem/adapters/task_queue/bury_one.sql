UPDATE tasks SET queue = queue || '-dlq', receive_count = 0, receipt = NULL, visible_at = clock_timestamp()
WHERE id = substring(%(receipt)s FROM '^(.*):') AND receipt = %(receipt)s AND queue = %(queue)s
