SELECT next_offset FROM checkpoints WHERE flow = %(flow)s AND partition = %(partition)s
