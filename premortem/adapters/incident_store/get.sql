SELECT value FROM incidents WHERE id = %(id)s
