SELECT 1 FROM notices_told WHERE notice_id = %(notice)s AND target_id = %(target)s
