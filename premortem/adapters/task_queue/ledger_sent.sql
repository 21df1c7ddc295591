INSERT INTO task_receipts (task_id) SELECT unnest(%(tasks)s::text[]) ON CONFLICT DO NOTHING
