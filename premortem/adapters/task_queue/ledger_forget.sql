DELETE FROM task_receipts WHERE task_id = ANY (%(tasks)s::text[])
