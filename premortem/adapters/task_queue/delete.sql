WITH held AS (
  SELECT receipt, substring(receipt FROM '^(.*):') AS id FROM unnest(%(receipts)s::text[]) AS receipt
)
DELETE FROM tasks t USING held WHERE t.id = held.id AND t.receipt = held.receipt AND t.queue = %(queue)s
