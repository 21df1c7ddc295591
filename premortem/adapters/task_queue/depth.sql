SELECT count(*) FROM tasks WHERE queue = %(queue)s
