DELETE FROM notification_targets WHERE id = %(target)s AND tenant_id = %(tenant)s
