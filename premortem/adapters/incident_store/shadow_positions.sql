SELECT partition, next_offset FROM checkpoints WHERE flow = 'materialize'
