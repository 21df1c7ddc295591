INSERT INTO notices_told (notice_id, target_id, told_at)
SELECT %(notice)s, id, %(at)s FROM notification_targets WHERE id = %(target)s
ON CONFLICT DO NOTHING
