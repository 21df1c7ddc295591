UPDATE tasks SET visible_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE queue = %(queue)s AND receipt = %(receipt)s
