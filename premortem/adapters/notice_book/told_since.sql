SELECT count(*) FROM notices_told WHERE target_id = %(target)s AND told_at >= %(since)s
