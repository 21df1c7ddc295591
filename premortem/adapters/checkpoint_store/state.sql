SELECT name, value FROM checkpoint_state WHERE flow = %(flow)s AND partition = %(partition)s
