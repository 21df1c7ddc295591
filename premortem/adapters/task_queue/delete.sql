DELETE FROM tasks WHERE queue = %(queue)s AND receipt = %(receipt)s
