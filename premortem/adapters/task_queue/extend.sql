UPDATE tasks SET visible_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = substring(%(receipt)s FROM '^(.*):') AND receipt = %(receipt)s AND queue = %(queue)s
