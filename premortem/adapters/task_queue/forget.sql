DELETE FROM task_ids i
WHERE i.id = ANY (%(tasks)s::text[]) AND NOT EXISTS (SELECT FROM tasks t WHERE t.id = i.id)
