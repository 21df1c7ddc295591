INSERT INTO task_receipts AS held (task_id, message_id, receipt) VALUES (%(task)s, %(message)s, %(receipt)s)
ON CONFLICT (task_id) DO UPDATE SET message_id = excluded.message_id, receipt = excluded.receipt
WHERE NOT held.done AND (%(moved)s OR held.message_id IS NULL OR held.message_id = excluded.message_id)
