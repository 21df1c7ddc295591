DELETE FROM tasks WHERE id = substring(%(receipt)s FROM '^(.*):') AND receipt = %(receipt)s AND queue = %(queue)s
