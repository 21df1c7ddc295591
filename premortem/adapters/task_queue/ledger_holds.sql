SELECT 1 FROM task_receipts WHERE task_id = %(task)s AND receipt = %(receipt)s AND NOT done
