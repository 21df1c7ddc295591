DELETE FROM checkpoint_state
WHERE flow = %(flow)s AND partition = %(partition)s AND name = ANY (%(names)s::text[])
