UPDATE task_receipts SET message_id = NULL, receipt = NULL
WHERE task_id = %(task)s AND receipt IS NOT DISTINCT FROM coalesce(%(receipt)s::text, receipt)
