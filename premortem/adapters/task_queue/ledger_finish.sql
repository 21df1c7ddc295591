UPDATE task_receipts SET done = true WHERE task_id = %(task)s AND receipt = %(receipt)s AND NOT done
